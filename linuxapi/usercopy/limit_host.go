//go:build !go42libos

package usercopy

// On a host, tests pass their own addresses.
const limit uint64 = 1 << 63
