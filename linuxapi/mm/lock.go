package mm

import (
	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
)

// mlock and its kin: pages are brought in and stay, and the kernel counts what is
// locked (RegionInfo.Flags, ProcessInfo.Locked). RLIMIT_MEMLOCK is looked at here.

// lockOnFault is MLOCK_ONFAULT, lockCurrent, lockFuture and lockAllOnFault are
// MCL_CURRENT, MCL_FUTURE and MCL_ONFAULT.
const (
	lockOnFault    = 1
	lockCurrent    = 1
	lockFuture     = 2
	lockAllOnFault = 4
)

// LockLimit is how many bytes the process may lock: RLIMIT_MEMLOCK, or all (^0) if it
// is privileged. Set by proc.
var LockLimit func() uint64

// future is what mlockall said of mappings to come: lockFuture, with lockAllOnFault
// if they are not to be filled. It is not inherited by children. mapLock guards it.
var future uint64

// mayLock says whether n bytes more may be locked.
func mayLock(n uint64) bool {
	limit := LockLimit()
	if limit == ^uint64(0) {
		return true
	}
	var pi abi.ProcessInfo
	native.ProcessInfo(0, &pi)
	limit &^= abi.PageSize - 1
	return n <= limit && pi.Locked <= limit-n
}

// mayGrow is mayLock for n bytes more of the mapping at addr, if it is locked.
func mayGrow(addr, n uint64) bool {
	var ri abi.RegionInfo
	return native.Query(0, addr, &ri) < 0 || ri.Addr > addr || ri.Flags&abi.MapLocked == 0 || mayLock(n)
}

// anyLocked says whether something in [addr, addr+n) is locked.
func anyLocked(addr, n uint64) bool {
	var ri abi.RegionInfo
	for end := addr + n; addr < end && native.Query(0, addr, &ri) == 0 && ri.Addr < end; addr = ri.Addr + ri.Len {
		if ri.Flags&abi.MapLocked != 0 {
			return true
		}
	}
	return false
}

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
	limit := LockLimit()
	if limit == 0 {
		return errno.EPERM.Ret()
	}
	skew := addr & (abi.PageSize - 1)
	if length+skew < length {
		return errno.EINVAL.Ret()
	}
	addr, length = addr-skew, up(length+skew)
	if !inHalf(addr, length) {
		return errno.ENOMEM.Ret()
	}
	mapLock.Lock()
	if limit != ^uint64(0) && !mayLock(unlocked(addr, length)) {
		mapLock.Unlock()
		return errno.ENOMEM.Ret()
	}
	e := mark(addr, length, abi.AdviseLock)
	mapLock.Unlock()
	if e != errno.OK || !now {
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

// mark locks or unlocks what is mapped of [addr, addr+n) up to the first hole;
// ENOMEM: there is one. mapLock is held.
func mark(addr, n uint64, advice uint64) errno.Errno {
	var ri abi.RegionInfo
	for at, end := addr, addr+n; at < end; at = ri.Addr + ri.Len {
		if native.Query(0, at, &ri) < 0 || ri.Addr > at {
			markAll(addr, at-addr, advice)
			return errno.ENOMEM
		}
	}
	return markAll(addr, n, advice)
}

func markAll(addr, n uint64, advice uint64) errno.Errno {
	if n == 0 {
		return errno.OK
	}
	return errno.Of(native.Advise(addr, n, advice))
}

// unlocked returns how many bytes of [addr, addr+n) are mapped and not locked.
func unlocked(addr, n uint64) (bytes uint64) {
	var ri abi.RegionInfo
	for end := addr + n; addr < end && native.Query(0, addr, &ri) == 0 && ri.Addr < end; addr = ri.Addr + ri.Len {
		if ri.Flags&abi.MapLocked == 0 {
			bytes += min(end, ri.Addr+ri.Len) - max(addr, ri.Addr)
		}
	}
	return bytes
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

// fill brings in what a new mapping has, as far as it can be had.
func fill(addr, n uint64) {
	var ri abi.RegionInfo
	if native.Advise(addr, n, abi.AdviseWillNeed) == 0 && native.Query(0, addr, &ri) == 0 && ri.Addr <= addr {
		bringIn(&ri, addr, addr+n)
	}
}

func sysMunlock(t *thread.Thread, a *call.Args) int64 {
	skew := a[0] & (abi.PageSize - 1)
	addr, n := a[0]-skew, up(a[1]+skew)
	if !inHalf(addr, n) {
		return errno.ENOMEM.Ret()
	}
	mapLock.Lock()
	e := mark(addr, n, abi.AdviseUnlock)
	mapLock.Unlock()
	return e.Ret()
}

func sysMlockall(t *thread.Thread, a *call.Args) int64 {
	const all = lockCurrent | lockFuture | lockAllOnFault
	if a[0]&^all != 0 || a[0]&(lockCurrent|lockFuture) == 0 {
		return errno.EINVAL.Ret()
	}
	limit := LockLimit()
	if limit == 0 {
		return errno.EPERM.Ret()
	}
	mapLock.Lock()
	current := a[0]&lockCurrent != 0
	if current && limit != ^uint64(0) && !mayLock(unlocked(lowest, abi.ProgramHi-lowest)) {
		mapLock.Unlock()
		return errno.ENOMEM.Ret()
	}
	future = 0
	if a[0]&lockFuture != 0 {
		future = a[0] & (lockFuture | lockAllOnFault)
	}
	var ri abi.RegionInfo
	for addr := uint64(lowest); current && native.Query(0, addr, &ri) == 0 && ri.Addr < abi.ProgramHi; addr = ri.Addr + ri.Len {
		if markAll(ri.Addr, ri.Len, abi.AdviseLock) != errno.OK || a[0]&lockAllOnFault != 0 {
			continue
		}
		// What cannot be had is no error, as on Linux. The stack is mapped as a whole;
		// there it is what is in use.
		if ri.Name != NameStack && ri.Prot != 0 && native.Advise(ri.Addr, ri.Len, abi.AdviseWillNeed) == 0 {
			bringIn(&ri, ri.Addr, ri.Addr+ri.Len)
		}
	}
	mapLock.Unlock()
	return 0
}

func sysMunlockall(t *thread.Thread, a *call.Args) int64 {
	mapLock.Lock()
	future = 0
	var ri abi.RegionInfo
	for addr := uint64(lowest); native.Query(0, addr, &ri) == 0 && ri.Addr < abi.ProgramHi; addr = ri.Addr + ri.Len {
		if ri.Flags&abi.MapLocked != 0 {
			markAll(ri.Addr, ri.Len, abi.AdviseUnlock)
		}
	}
	mapLock.Unlock()
	return 0
}
