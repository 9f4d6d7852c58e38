//go:build !pending

package tests

const withPending = false
