package user

import (
	"math/bits"
	"sync/atomic"

	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// Now is CLOCK_MONOTONIC in ns.
func Now() uint64 {
	i := native.Info()
	hi, lo := bits.Mul64(entry.TSC()-i.TSCBase, i.Mult)
	s := i.Shift
	if s == 0 {
		return lo
	}
	return hi<<(64-s) | lo>>s
}

// Wall is CLOCK_REALTIME in ns.
func Wall() uint64 { return Now() + WallOffset() }

// WallOffset is CLOCK_REALTIME minus CLOCK_MONOTONIC.
func WallOffset() uint64 {
	i := native.Info()
	for {
		s := atomic.LoadUint64(&i.WallSeq)
		o := atomic.LoadUint64(&i.WallOffset)
		if s&1 == 0 && atomic.LoadUint64(&i.WallSeq) == s {
			return o
		}
	}
}
