// Package mm is the Linux memory calls over the kernel's regions: mmap, munmap,
// mprotect, mremap, madvise, brk, mincore, msync, mlock. The kernel keeps the
// regions; the libOS keeps what the kernel does not know: brk, and where a
// program's mappings go.
//
// brk lives in a region of its own, grown by mapping more behind it. A vfork
// child shares the program half, so State must be what the parent has; it is
// copied with the libOS half, and the parent takes the child's brk back when the
// child is gone (proc does): that is why it is one plain struct.
package mm

import (
	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// State is the process's memory layout.
type State struct {
	BrkStart, Brk, brkMapped uint64 // brkMapped: end of the mapped part, page-aligned
	StackTop, StackLow       uint64
	VDSO                     uint64
	ArgLo, ArgHi             uint64
	EnvLo, EnvHi             uint64
	AuxLo, AuxHi             uint64
	StackStart               uint64
	CodeLo, CodeHi           uint64
	DataLo, DataHi           uint64
}

// S is the layout; brkLock guards brk.
//
// mapLock, taken after it, is held for a whole change of the mappings. The kernel
// makes a large one in steps, and what a step has unmapped is free for others: a
// thread that mapped memory there would lose it to the next step, which is asked
// for with the same arguments.
var (
	S       State
	brkLock user.Mutex
	mapLock user.Mutex
	// DataLimit and ASLimit are RLIMIT_DATA and RLIMIT_AS in bytes.
	DataLimit uint64 = ^uint64(0)
)

// Calls are this package's system calls.
var Calls = [...]call.Entry{
	{9, "mmap", sysMmap, call.Full, "partial: MAP_HUGETLB: EINVAL"},
	{10, "mprotect", sysMprotect, call.Full, "partial: PROT_GROWSDOWN and PROT_GROWSUP: EINVAL"},
	{11, "munmap", sysMunmap, call.Full, "full"},
	{12, "brk", sysBrk, call.Full, "full"},
	{25, "mremap", sysMremap, call.Full, "full"},
	{26, "msync", sysMsync, call.Full, "full: shared mappings are the file's pages themselves; those of a file system with a pager are written back"},
	{27, "mincore", sysMincore, call.Full, "full"},
	{28, "madvise", sysMadvise, call.Full, "partial: advice about speed is accepted and has no effect; MADV_REMOVE, MADV_HWPOISON: EINVAL"},
	{149, "mlock", sysMlock, call.Full, "full"},
	{150, "munlock", sysMunlock, call.Full, "full"},
	{151, "mlockall", sysMlockall, call.Full, "full; the stack is filled as far as it is in use"},
	{152, "munlockall", sysMunlockall, call.Full, "full"},
	{325, "mlock2", sysMlock2, call.Full, "full"},
}

const (
	protMask = 7

	mapShared         = 0x01
	mapPrivate        = 0x02
	mapSharedValidate = 0x03
	mapTypeMask       = 0x0f
	mapFixed          = 0x10
	mapAnonymous      = 0x20
	map32bit          = 0x40
	mapGrowsDown      = 0x100
	mapLocked         = 0x2000
	mapNoReserve      = 0x4000
	mapPopulate       = 0x8000
	mapHugeTLB        = 0x40000
	mapFixedNoReplace = 0x100000

	// What MAP_SHARED_VALIDATE accepts: flags older than itself. Those without a
	// name above have no effect.
	mapLegacy = mapTypeMask | mapFixed | mapAnonymous | map32bit | mapGrowsDown | 0x800 | 0x1000 | mapLocked |
		mapNoReserve | mapPopulate | 0x10000 | 0x20000 | mapHugeTLB | 31<<26
)

func up(n uint64) uint64 { return (n + abi.PageSize - 1) &^ (abi.PageSize - 1) }

// inHalf reports whether [a, a+n) can be the program's.
func inHalf(a, n uint64) bool {
	return a+n >= a && a+n <= abi.ProgramHi
}

// lowest is the lowest address that a hint may name.
const lowest = abi.ProgramLo

func sysMmap(t *thread.Thread, a *call.Args) int64 {
	addr, length, prot, flags, fd, off := a[0], a[1], a[2], a[3], int32(a[4]), a[5]
	if off&(abi.PageSize-1) != 0 {
		return errno.EINVAL.Ret()
	}
	if flags&mapAnonymous == 0 && (hook.KnownFD == nil || !hook.KnownFD(fd)) {
		return errno.EBADF.Ret() // before all else that may be wrong
	}
	if length == 0 {
		return errno.EINVAL.Ret()
	}
	length = up(length)
	if length == 0 || length > abi.ProgramHi {
		return errno.ENOMEM.Ret()
	}
	if off+length < off {
		return errno.EOVERFLOW.Ret()
	}
	if flags&mapHugeTLB != 0 {
		return errno.EINVAL.Ret()
	}
	m := abi.MapArgs{Addr: addr, Len: length, Prot: uint32(prot & protMask)}
	switch flags & mapTypeMask {
	case mapSharedValidate:
		switch {
		case flags&mapAnonymous != 0:
			return errno.EINVAL.Ret()
		case flags&^mapLegacy != 0: // who asks for validation asks for MAP_SYNC and the like
			return errno.EOPNOTSUPP.Ret()
		}
		fallthrough
	case mapShared:
		m.Flags |= abi.MapShared
		m.Inherit = abi.InheritShare
	case mapPrivate:
	default:
		return errno.EINVAL.Ret()
	}
	fixed := flags&(mapFixed|mapFixedNoReplace) != 0
	if fixed {
		if addr&(abi.PageSize-1) != 0 {
			return errno.EINVAL.Ret()
		}
		if !inHalf(addr, length) {
			return errno.ENOMEM.Ret()
		}
		if addr < lowest {
			return errno.EPERM.Ret()
		}
		if flags&mapFixedNoReplace != 0 {
			m.Flags |= abi.MapNoReplace
		} else {
			m.Flags |= abi.MapFixed
		}
	} else {
		m.Addr = addr &^ (abi.PageSize - 1)
		if m.Addr < lowest || !inHalf(m.Addr, length) {
			m.Addr = 0
		}
	}
	if flags&map32bit != 0 {
		m.Flags |= abi.MapLow
	}
	if flags&mapGrowsDown != 0 {
		m.Flags |= abi.MapGrowsDown
	}
	if flags&mapNoReserve != 0 {
		m.Flags |= abi.MapNoReserve
	} else if ours := m.Flags&abi.MapShared == 0 && prot&abi.ProtWrite != 0; (ours || flags&mapAnonymous != 0 && m.Flags&abi.MapShared != 0) && tooMuch(length) {
		return errno.ENOMEM.Ret()
	}
	if flags&mapLocked != 0 {
		if LockLimit() == 0 {
			return errno.EPERM.Ret()
		}
		m.Flags |= abi.MapLocked
	}
	populate := flags&(mapPopulate|mapLocked) != 0
	if flags&mapAnonymous == 0 {
		fcm, _, name, e := hook.MapFD(fd, m.Prot, m.Flags&abi.MapShared != 0)
		if e != errno.OK {
			return e.Ret()
		}
		m.FCM, m.Offset, m.Name = fcm, off, name
		r := mapRegion(&m, populate)
		if fcm != 0 {
			native.DropOne(fcm)
		}
		return r
	}
	return mapRegion(&m, populate)
}

// tooMuch says that n bytes are more than the machine has memory: what Linux, too,
// refuses to a single request (vm.overcommit_memory 0).
func tooMuch(n uint64) bool { return n > native.Info().MemTotal }

// mapRegion maps m, locked if that is so from now on, and brings its pages in if
// now is set.
func mapRegion(m *abi.MapArgs, now bool) int64 {
	mapLock.Lock()
	if future != 0 {
		m.Flags |= abi.MapLocked
		now = now || future&lockAllOnFault == 0
	}
	if m.Flags&abi.MapLocked != 0 && !mayLock(m.Len) {
		mapLock.Unlock()
		return errno.EAGAIN.Ret()
	}
	r := native.Map(m)
	mapLock.Unlock()
	if r > 0 && now {
		fill(uint64(r), m.Len)
	}
	return r
}

func unmap(addr, length uint64) int64 {
	mapLock.Lock()
	r := native.Unmap(addr, length)
	mapLock.Unlock()
	return r
}

func sysMunmap(t *thread.Thread, a *call.Args) int64 {
	addr, length := a[0], up(a[1])
	if addr&(abi.PageSize-1) != 0 || length == 0 || !inHalf(addr, length) {
		return errno.EINVAL.Ret()
	}
	return unmap(addr, length)
}

func sysMprotect(t *thread.Thread, a *call.Args) int64 {
	addr, length, prot := a[0], up(a[1]), a[2]
	if addr&(abi.PageSize-1) != 0 || prot&^uint64(protMask|8) != 0 {
		return errno.EINVAL.Ret()
	}
	if a[1] == 0 {
		return 0
	}
	if length == 0 || !inHalf(addr, length) {
		return errno.ENOMEM.Ret()
	}
	if prot&abi.ProtWrite != 0 && tooMuch(length) && tooMuch(unwritable(addr, length)) {
		return errno.ENOMEM.Ret()
	}
	mapLock.Lock()
	r := native.Protect(addr, length, prot&protMask)
	if r < 0 {
		r = protectUpTo(addr, addr+length, prot&protMask, r)
	}
	mapLock.Unlock()
	return r
}

// protectUpTo does what mprotect(2) does of a range that cannot be changed as a
// whole, for which the kernel answers e: what lies before the obstacle is changed.
// mapLock is held.
func protectUpTo(addr, end, prot uint64, e int64) int64 {
	var ri abi.RegionInfo
	for addr < end && native.Query(0, addr, &ri) == 0 && ri.Addr <= addr {
		next := min(ri.Addr+ri.Len, end)
		if r := native.Protect(addr, next-addr, prot); r < 0 {
			return r
		}
		addr = next
	}
	return e
}

// unwritable returns how many bytes of [addr, addr+n) are private, and to be backed by
// memory from now on if they can be written.
func unwritable(addr, n uint64) (bytes uint64) {
	var ri abi.RegionInfo
	for end := addr + n; addr < end && native.Query(0, addr, &ri) == 0 && ri.Addr < end; addr = ri.Addr + ri.Len {
		if ri.Flags&(abi.MapShared|abi.MapNoReserve) == 0 && ri.Prot&abi.ProtWrite == 0 {
			bytes += min(end, ri.Addr+ri.Len) - max(addr, ri.Addr)
		}
	}
	return bytes
}

func sysMremap(t *thread.Thread, a *call.Args) int64 {
	old, oldLen, newLen, flags, to := a[0], up(a[1]), up(a[2]), a[3], a[4]
	if flags&^7 != 0 || old&(abi.PageSize-1) != 0 || newLen == 0 || !inHalf(old, oldLen) {
		return errno.EINVAL.Ret()
	}
	if flags&abi.MoveDontUnmap != 0 && (flags&abi.MoveMayMove == 0 || a[1] != a[2]) || flags&abi.MoveFixed != 0 && flags&abi.MoveMayMove == 0 {
		return errno.EINVAL.Ret()
	}
	if flags&abi.MoveFixed != 0 && mapped(old, abi.PageSize) != errno.OK {
		return errno.EFAULT.Ret()
	}
	if flags&abi.MoveFixed != 0 {
		if to&(abi.PageSize-1) != 0 || !inHalf(to, newLen) || to < lowest ||
			to < old+oldLen && old < to+newLen {
			return errno.EINVAL.Ret()
		}
	}
	if newLen > abi.ProgramHi || newLen > oldLen && tooMuch(newLen-oldLen) && grows(old) {
		return errno.ENOMEM.Ret()
	}
	if newLen > oldLen && !mayGrow(old, newLen-oldLen) {
		return errno.EAGAIN.Ret()
	}
	mapLock.Lock()
	r := native.Move(old, oldLen, newLen, flags, to)
	mapLock.Unlock()
	if at := uint64(r); r > 0 && newLen > oldLen && anyLocked(at+oldLen, newLen-oldLen) {
		fill(at+oldLen, newLen-oldLen)
	}
	return r
}

// FreeLeast is the least that MADV_FREE frees while memory is plentiful, in bytes:
// it leaves it to the system whether and when. A program's goes at once.
var FreeLeast uint64

// lazily says whether n bytes of MADV_FREE stay.
func lazily(n uint64) bool {
	i := native.Info()
	return n < FreeLeast && i.MemFree > i.MemTotal/2
}

// grows says whether a mapping of memory of the process's own is at addr: one that is
// to be backed by the machine's.
func grows(addr uint64) bool {
	var ri abi.RegionInfo
	return native.Query(0, addr, &ri) == 0 && ri.Addr <= addr && ri.Flags&(abi.MapShared|abi.MapNoReserve) == 0 && ri.Prot&abi.ProtWrite != 0
}

// madvise advice by number.
const (
	madvNormal        = 0
	madvSequential    = 2
	madvWillNeed      = 3
	madvDontNeed      = 4
	madvFree          = 8
	madvRemove        = 9
	madvDontFork      = 10
	madvDoFork        = 11
	madvMergeable     = 12
	madvUnmergeable   = 13
	madvHugePage      = 14
	madvNoHugePage    = 15
	madvDontDump      = 16
	madvDoDump        = 17
	madvWipeOnFork    = 18
	madvKeepOnFork    = 19
	madvCold          = 20
	madvPageOut       = 21
	madvPopulateRead  = 22
	madvPopulateWrite = 23

	madvDontNeedLocked = 24
	madvCollapse       = 25
)

func sysMadvise(t *thread.Thread, a *call.Args) int64 {
	addr, length, advice := a[0], up(a[1]), int32(a[2])
	if addr&(abi.PageSize-1) != 0 || a[1] != 0 && length == 0 {
		return errno.EINVAL.Ret()
	}
	switch advice {
	case madvDontNeed, madvDontNeedLocked, madvFree, madvWillNeed, madvDontFork, madvDoFork, madvWipeOnFork, madvKeepOnFork:
		if length == 0 {
			return 0
		}
		if !inHalf(addr, length) {
			return errno.ENOMEM.Ret()
		}
		if advice == madvFree && lazily(length) && !anyLocked(addr, length) {
			return mapped(addr, length).Ret()
		}
		if advice == madvWillNeed { // it changes no mapping, and may take long
			return native.Advise(addr, length, uint64(advice))
		}
		mapLock.Lock()
		r := native.Advise(addr, length, uint64(advice))
		mapLock.Unlock()
		return r
	case madvNormal, 1, madvSequential, madvMergeable, madvUnmergeable, madvHugePage, madvNoHugePage,
		madvDontDump, madvDoDump:
		return mapped(addr, length).Ret()
	case madvCold, madvPageOut:
		if anyLocked(addr, length) {
			return errno.EINVAL.Ret()
		}
		return mapped(addr, length).Ret()
	case madvRemove:
		if e := mapped(addr, length); e != errno.OK {
			return e.Ret()
		}
	case madvPopulateRead, madvPopulateWrite:
		return populate(addr, length, advice == madvPopulateWrite).Ret()
	}
	return errno.EINVAL.Ret()
}

// mapped answers ENOMEM unless all of [addr, addr+n) is mapped.
func mapped(addr, n uint64) errno.Errno {
	if !inHalf(addr, n) {
		return errno.ENOMEM
	}
	var ri abi.RegionInfo
	for end := addr + n; addr < end; addr = ri.Addr + ri.Len {
		if native.Query(0, addr, &ri) < 0 || ri.Addr > addr {
			return errno.ENOMEM
		}
	}
	return errno.OK
}

func sysMincore(t *thread.Thread, a *call.Args) int64 {
	addr, length, vec := a[0], up(a[1]), a[2]
	if addr&(abi.PageSize-1) != 0 {
		return errno.EINVAL.Ret()
	}
	if !inHalf(addr, length) || a[1] != 0 && length == 0 {
		return errno.ENOMEM.Ret()
	}
	if e := mapped(addr, length); e != errno.OK {
		return e.Ret()
	}
	var buf [256]byte
	for length > 0 {
		n := min(length/abi.PageSize, uint64(len(buf)))
		if r := native.Mincore(addr, n*abi.PageSize, bufAddr(&buf)); r < 0 {
			return r
		}
		if e := usercopy.CopyOut(vec, buf[:n]); e != errno.OK {
			return e.Ret()
		}
		addr, vec, length = addr+n*abi.PageSize, vec+n, length-n*abi.PageSize
	}
	return 0
}

func sysMsync(t *thread.Thread, a *call.Args) int64 {
	const async, invalidate, sync = 1, 2, 4
	addr, length, flags := a[0], up(a[1]), a[2]
	if addr&(abi.PageSize-1) != 0 || flags&^7 != 0 || flags&(async|sync) == async|sync {
		return errno.EINVAL.Ret()
	}
	all := mapped(addr, length)
	if flags&invalidate != 0 && inHalf(addr, length) && anyLocked(addr, length) {
		return errno.EBUSY.Ret()
	}
	if flags&invalidate == flags || !inHalf(addr, length) {
		return all.Ret()
	}
	// What is mapped is written back even where some is not.
	var ri abi.RegionInfo
	for end := addr + length; addr < end; addr = ri.Addr + ri.Len {
		if native.Query(0, addr, &ri) < 0 || ri.Addr >= end {
			break
		}
		addr = max(addr, ri.Addr)
		if ri.Flags&abi.MapShared == 0 || ri.Kind != regionFile {
			continue
		}
		if e := writeBack(addr, flags&sync != 0); e != errno.OK {
			return e.Ret()
		}
	}
	return all.Ret()
}

// regionFile is RegionInfo.Kind of a file.
const regionFile = 1

// writeBack has the pager of the file at addr, if it has one, write back what is
// dirty, and waits for that if wait is set.
func writeBack(addr uint64, wait bool) errno.Errno {
	for ticket := uint64(0); ; {
		was := user.Disable()
		r := native.Sync(addr, ticket)
		if r > 0 && wait {
			user.AwaitPage()
		}
		user.Restore(was)
		if r < 0 {
			return errno.Errno(-r)
		}
		if r == 0 || !wait {
			return errno.OK
		}
		ticket = uint64(r)
	}
}

// sysBrk moves the end of the data segment; it answers where it is now.
func sysBrk(t *thread.Thread, a *call.Args) int64 {
	brkLock.Lock()
	brk(a[0])
	r := int64(S.Brk)
	brkLock.Unlock()
	return r
}

// brk moves the end if it can. brkLock is held.
func brk(want uint64) {
	if want < S.BrkStart || want >= abi.ProgramHi || want-S.BrkStart > DataLimit || want > S.Brk && tooMuch(want-S.Brk) {
		return
	}
	end := up(want)
	switch {
	case end > S.brkMapped:
		m := abi.MapArgs{Addr: S.brkMapped, Len: end - S.brkMapped, Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapNoReplace, Name: NameHeap}
		if mapRegion(&m, false) < 0 {
			return
		}
	case end < S.brkMapped:
		if unmap(end, S.brkMapped-end) < 0 {
			return
		}
	}
	S.brkMapped, S.Brk = end, want
	hook.Info.BrkHi = want
}

// SetBrk starts an empty heap at addr.
func SetBrk(addr uint64) {
	S.BrkStart, S.Brk, S.brkMapped = addr, addr, up(addr)
	hook.Info.BrkLo, hook.Info.BrkHi = addr, addr
}

// MapArgs.Name of the regions that the libOS makes; files' names are fs's, above
// NameFiles.
const (
	NameHeap  = 1
	NameStack = 2
	NameVDSO  = 3
	NameExec  = 4
	NameFiles = 256
)

// ForkPrepare holds brk and the mappings still for a fork: the child gets none that
// is half done. ForkDone ends that, in the parent and in the child.
func ForkPrepare() {
	brkLock.Lock()
	mapLock.Lock()
}

func ForkDone(child bool) {
	if child {
		future = 0
		brkLock.Reset()
		mapLock.Reset()
		return
	}
	mapLock.Unlock()
	brkLock.Unlock()
}
