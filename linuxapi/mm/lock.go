package mm

import (
	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
)

// mlock and its kin: pages are brought in. Those of memory stay anyway: nothing is
// swapped.

// lockOnFault is MLOCK_ONFAULT, lockCurrent and lockFuture are MCL_CURRENT and
// MCL_FUTURE.
const (
	lockOnFault = 1
	lockCurrent = 1
	lockFuture  = 2
)

// populate brings all of [addr, addr+n) in, as madvise's MADV_POPULATE_READ and
// MADV_POPULATE_WRITE: EINVAL where the mapping does not allow that access, EFAULT
// where a page cannot be had, ENOMEM where nothing is mapped.
func populate(addr, n uint64, write bool) errno.Errno {
	if !inHalf(addr, n) {
		return errno.ENOMEM
	}
	need := uint32(abi.ProtRead | abi.ProtExec)
	if write {
		need = abi.ProtWrite
	}
	var ri abi.RegionInfo
	hole := errno.OK // what is behind a hole is brought in all the same
	for end := addr + n; addr < end; addr = ri.Addr + ri.Len {
		if native.Query(0, addr, &ri) < 0 || ri.Addr >= end {
			return errno.ENOMEM
		}
		if ri.Addr > addr {
			addr, hole = ri.Addr, errno.ENOMEM
		}
		if ri.Prot&need == 0 {
			return errno.EINVAL
		}
		if e := usercopy.Touch(addr, min(end, ri.Addr+ri.Len)-addr, write); e != errno.OK {
			return e
		}
	}
	return hole
}

func sysMlock(t *thread.Thread, a *call.Args) int64 { return lock(a[0], a[1], true) }

func sysMlock2(t *thread.Thread, a *call.Args) int64 {
	if a[2]&^lockOnFault != 0 {
		return errno.EINVAL.Ret()
	}
	return lock(a[0], a[1], a[2]&lockOnFault == 0)
}

func lock(addr, length uint64, now bool) int64 {
	skew := addr & (abi.PageSize - 1)
	if length+skew < length {
		return errno.EINVAL.Ret()
	}
	addr, length = addr-skew, up(length+skew)
	if e := mapped(addr, length); e != errno.OK || !now {
		return e.Ret()
	}
	if r := native.Advise(addr, length, abi.AdviseWillNeed); r < 0 {
		return r
	}
	var ri abi.RegionInfo
	for end := addr + length; addr < end; addr = ri.Addr + ri.Len {
		if native.Query(0, addr, &ri) < 0 || ri.Addr > addr || !bringIn(&ri, addr, end) {
			return errno.ENOMEM.Ret()
		}
	}
	return 0
}

// bringIn waits for the pages of ri in [addr, end): a file's may be on their way
// only. false: they cannot be had.
func bringIn(ri *abi.RegionInfo, addr, end uint64) bool {
	if ri.Prot == 0 {
		return false
	}
	return ri.Kind != regionFile || ri.Prot&abi.ProtRead == 0 ||
		usercopy.Touch(addr, min(end, ri.Addr+ri.Len)-addr, false) == errno.OK
}

func sysMunlock(t *thread.Thread, a *call.Args) int64 {
	skew := a[0] & (abi.PageSize - 1)
	return mapped(a[0]-skew, up(a[1]+skew)).Ret()
}

func sysMlockall(t *thread.Thread, a *call.Args) int64 {
	if a[0] == 0 || a[0]&^7 != 0 || a[0]&(lockCurrent|lockFuture) == 0 {
		return errno.EINVAL.Ret()
	}
	if a[0]&lockCurrent == 0 || a[0]&4 != 0 {
		return 0
	}
	var ri abi.RegionInfo
	for addr := uint64(lowest); native.Query(0, addr, &ri) == 0 && ri.Addr < abi.ProgramHi; addr = ri.Addr + ri.Len {
		// What cannot be had is no error, as on Linux. The stack is mapped as a whole;
		// there it is what is in use.
		if ri.Name != NameStack && ri.Prot != 0 && native.Advise(ri.Addr, ri.Len, abi.AdviseWillNeed) == 0 {
			bringIn(&ri, ri.Addr, ri.Addr+ri.Len)
		}
	}
	return 0
}

func sysMunlockall(t *thread.Thread, a *call.Args) int64 { return 0 }
