//go:build go42kernel && !go42debug

package main

// debugBuild is set in builds that check themselves.
const debugBuild = false
