package thread

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/sched/user"
)

// All is the table of the process's threads.
var All struct {
	lock    user.SpinLock
	first   *Thread // list, the newest first
	free    *Thread // blocks for reuse, linked by next
	N       int     // live threads
	lastTID uint32
	slots   uint32 // given to blocks so far
}

// MaxThreads bounds the threads of one process.
const MaxThreads = abi.ProcMaxThread

const (
	stackSize = 64 << 10
	guardSize = abi.PageSize
	// xsaveMax bounds the vector state of the first thread, whose memory is in
	// the image.
	xsaveMax = 12 << 10
)

var (
	first      Thread
	firstStack [stackSize + 64]byte
	firstXSave [xsaveMax + 64]byte
)

func align64(p uint64) uint64 { return (p + 63) &^ 63 }

// First makes the process's first thread. Start-up only.
func First(tid uint32) *Thread {
	t := &first
	lo := align64(uint64(uintptr(unsafe.Pointer(&firstStack))))
	t.Init(lo, lo+stackSize-64, align64(uint64(uintptr(unsafe.Pointer(&firstXSave)))), 0)
	t.TID = tid
	ResetVector(&t.Thread)
	All.first, All.N, All.lastTID = t, 1, 0
	t.Publish()
	return t
}

// ResetVector makes t's saved vector state the initial one.
func ResetVector(t *user.Thread) {
	t.Frame.X = [16][2]uint64{}
	p := uintptr(t.XSave)
	b := (*[576]byte)(unsafe.Pointer(*(**byte)(unsafe.Pointer(&p))))
	*b = [576]byte{}
	// FCW and MXCSR matter to FXRSTOR, and to XRSTOR where a component's bit
	// is set in XSTATE_BV; none is.
	b[0], b[1] = 0x7f, 0x03
	b[24], b[25] = 0x80, 0x1f
	t.VSaved = 1
}

// New allocates a thread. EAGAIN: too many threads, or no memory.
func New() (*Thread, errno.Errno) {
	was := All.lock.Lock()
	if All.N >= MaxThreads {
		All.lock.Unlock(was)
		return nil, errno.EAGAIN
	}
	slot := uint32(0)
	t := All.free
	if t != nil {
		All.free = t.next
	} else if All.slots < MaxThreads {
		All.slots++
		slot = All.slots
	}
	All.N++
	All.lock.Unlock(was)
	var region, size uint64
	waits := uint32(0)
	if t == nil {
		if t, region, size = allocate(); t == nil {
			was := All.lock.Lock()
			All.N--
			if All.slots == slot {
				All.slots-- // else it is lost: somebody else got the next one meanwhile
			}
			All.lock.Unlock(was)
			return nil, errno.EAGAIN
		}
	} else {
		region, size, waits, slot = t.region, t.size, t.Waits(), t.slot
		*t = Thread{}
	}
	t.region, t.size, t.slot = region, size, slot
	lo := region + guardSize
	top := lo + stackSize
	t.Init(lo, top, align64(top+uint64(unsafe.Sizeof(*t))), waits)
	return t, errno.OK
}

// allocate maps a thread's region: guard, stack, block.
func allocate() (t *Thread, region, size uint64) {
	x := native.Info().XSaveSize
	if x < 512 {
		x = 512
	}
	size = guardSize + stackSize + (uint64(unsafe.Sizeof(*t))+64+x+abi.PageSize-1)&^(abi.PageSize-1)
	m := abi.MapArgs{Len: size, Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapLibOS | abi.MapNoReserve}
	r := native.Map(&m)
	if r < 0 {
		return nil, 0, 0
	}
	region = uint64(r)
	native.Protect(region, guardSize, 0)
	p := uintptr(region + guardSize + stackSize)
	return *(**Thread)(unsafe.Pointer(&p)), region, size
}

// Add enters t, gives it a thread id, and makes it known to signals.
func Add(t *Thread, pid uint32) {
	was := All.lock.Lock()
	for {
		All.lastTID = All.lastTID%8191 + 1
		t.TID = abi.NewTID(pid, All.lastTID)
		if find(t.TID) == nil {
			break
		}
	}
	t.prev, t.next = nil, All.first
	if All.first != nil {
		All.first.prev = t
	}
	All.first = t
	t.Publish()
	All.lock.Unlock(was)
}

func find(tid uint32) *Thread {
	for t := All.first; t != nil; t = t.next {
		if t.TID == tid {
			return t
		}
	}
	return nil
}

// Find answers the live thread with that id, nil: none. It may end at any time
// unless upcalls are disabled (one dispatcher) or the table is locked.
func Find(tid uint32) *Thread {
	was := All.lock.Lock()
	t := find(tid)
	All.lock.Unlock(was)
	return t
}

// CPUTime is the CPU time, in ns, that the live thread with that id has used;
// false: there is none.
func CPUTime(tid uint32) (ns uint64, ok bool) {
	was := All.lock.Lock()
	t := find(tid)
	if t != nil {
		ns = t.CPUTime()
	}
	All.lock.Unlock(was)
	return ns, t != nil
}

// Each calls f for every thread, disabled, under the table's lock, until it
// answers false. f must not be a closure that captures (it would be allocated).
func Each(f func(t *Thread, arg uint64) bool, arg uint64) {
	was := All.lock.Lock()
	for t := All.first; t != nil; t = t.next {
		if !f(t, arg) {
			break
		}
	}
	All.lock.Unlock(was)
}

// Lock and Unlock give the table to a caller that walks it with Next.
func Lock() (was uint32)        { return All.lock.Lock() }
func Unlock(was uint32)         { All.lock.Unlock(was) }
func Newest() *Thread           { return All.first }
func (t *Thread) Next() *Thread { return t.next }

// remove takes t out of the table; it answers how many are left.
func remove(t *Thread) int {
	was := All.lock.Lock()
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		All.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
	t.unpublish()
	All.N--
	n := All.N
	All.lock.Unlock(was)
	return n
}

// release keeps a dead thread's memory for the next one. On the scheduler stack.
func release(u *user.Thread) {
	t := From(u)
	if t.region == 0 {
		return
	}
	was := All.lock.Lock()
	t.next = All.free
	All.free = t
	All.lock.Unlock(was)
}

// Exit ends the current thread, which is not the last. Its table entry is gone
// when Exit begins to run on the scheduler stack.
func Exit(t *Thread) {
	user.ExitThread(release)
}

// Remove takes the current thread out of the table and answers how many others
// there are: with 0 the process ends.
func Remove(t *Thread) int {
	was := user.Disable()
	n := remove(t)
	user.Restore(was)
	return n
}

// AfterFork leaves t as the only thread of the child.
func AfterFork(t *Thread, pid uint32) {
	All.lock = user.SpinLock{}
	for o := All.first; o != nil; {
		next := o.next
		if o != t && o.region != 0 {
			o.next, o.prev = All.free, nil
			All.free = o
		}
		o.unpublish()
		o = next
	}
	t.next, t.prev = nil, nil
	All.first, All.N = t, 1
	t.TID = pid
	t.Publish()
}

var _ = entry.UserCS
