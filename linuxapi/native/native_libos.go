//go:build go42libos

package native

// Call makes a native call; the result is >= 0 or -errno.
func Call(nr, a, b, c, d, e, f uint64) (r int64)

// Call2 is Call with the second result register.
func Call2(nr, a, b, c, d, e, f uint64) (r int64, r2 uint64)
