//go:build !go42libos

package native

// Host, if set, answers native calls in tests; without it they are ENOSYS.
var Host func(nr uint64, a [6]uint64) (int64, uint64)

func Call(nr, a, b, c, d, e, f uint64) (r int64) {
	r, _ = Call2(nr, a, b, c, d, e, f)
	return r
}

func Call2(nr, a, b, c, d, e, f uint64) (r int64, r2 uint64) {
	if Host == nil {
		return -38, 0
	}
	return Host(nr, [6]uint64{a, b, c, d, e, f})
}
