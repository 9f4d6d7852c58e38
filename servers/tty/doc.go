// Package tty is the terminal server: the serial console with its line
// discipline, and the host streams of `go42 run PROGRAM`.
package tty
