package proc

import (
	"unsafe"

	"go42/ipc/proto"
	"go42/linuxapi/errno"
	"go42/linuxapi/signal"
)

// Parcel is the head of what exec hands to the new image, page-aligned at
// abi.ParcelVA, followed by the strings and the files half's blob. The new libOS
// treats it as untrusted: CheckParcel.
type Parcel struct {
	Magic      uint64
	Len        uint64 // of all
	Argc, Envc uint32
	StrOff     uint32 // argc+envc NUL-terminated strings
	StrLen     uint32
	FnOff      uint32 // what AT_EXECFN names, without NUL
	FnLen      uint32
	ExeOff     uint32 // the absolute path of the program, for /proc
	ExeLen     uint32
	FilesOff   uint32
	FilesLen   uint32
	Secure     uint32
	Fetch      uint32 // signals wait at the process server

	FCM, Size             uint64 // the program
	InterpFCM, InterpSize uint64 // its interpreter (PT_INTERP), 0: none

	Rec         proto.ProcRecord
	Mask        signal.Set
	Ignored     signal.Set
	Pending     [signal.NumSig]uint8 // how many instances of each are pending (0..255)
	Limits      [NumLimits][2]uint64
	Personality uint32
	NoNewPrivs  uint32
	AlarmAt     uint64 // ITIMER_REAL: monotonic ns of the next expiry, 0: none
	AlarmEvery  uint64
	Affinity    uint64
	Nice        int32
	Policy      uint32
	Comm        [16]byte
}

// ParcelMagic marks a parcel of this version.
const ParcelMagic = 0x4c43_5250_3234_6f47

// NumLimits is the number of resource limits.
const NumLimits = 16

// CheckParcel says whether a parcel of n bytes can be used: every offset lies
// within it and the strings are as many as it says.
func CheckParcel(p *Parcel, n uint64) errno.Errno {
	size := uint64(unsafe.Sizeof(*p))
	if n < size || p.Magic != ParcelMagic || p.Len > n || p.Len < size {
		return errno.EINVAL
	}
	for _, r := range [4][2]uint32{{p.StrOff, p.StrLen}, {p.FnOff, p.FnLen}, {p.ExeOff, p.ExeLen}, {p.FilesOff, p.FilesLen}} {
		if uint64(r[0])+uint64(r[1]) > p.Len || r[1] != 0 && uint64(r[0]) < size {
			return errno.EINVAL
		}
	}
	if p.Argc > 1<<20 || p.Envc > 1<<20 {
		return errno.EINVAL
	}
	s := p.part(p.StrOff, p.StrLen)
	count := uint32(0)
	for _, c := range s {
		if c == 0 {
			count++
		}
	}
	if count != p.Argc+p.Envc || len(s) > 0 && s[len(s)-1] != 0 {
		return errno.EINVAL
	}
	return errno.OK
}

// part is a piece of the parcel, whose bounds CheckParcel has seen to.
func (p *Parcel) part(off, n uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(p), off)), n)
}
