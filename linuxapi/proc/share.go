package proc

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// How threads are scheduled, each by its own nice value and policy. The process
// server judges what is set, of threads of this process or another, and keeps it until
// the thread's libOS has made the change and shows it (pull). The kernel gives the process
// its share by the first of its threads. By how many nice steps a thread is behind that
// one is its Lag, which is the libOS's affair: the scheduler of threads gives it
// shorter turns, and the kernel, which is told who runs, charges more for it.

// share is the nice value + 20 by which the kernel gives the process its share, as
// last heard (proto.Proc.Change); guarded by paceLock but at start.
var share uint32 = 20

// paceLock orders changes of threads.
var paceLock user.Mutex

// setLag makes x's lag what its nice value and policy mean in this process.
func setLag(x *thread.Thread) {
	r := uint32(int32(x.Nice) + 20)
	if uint32(x.Policy)&^abi.PolicyReset == schedIdle {
		r = proto.IdleShare
	}
	x.SetLag(r - min(r, share))
}

// reset makes x, which begins as the copy of a thread with SCHED_RESET_ON_FORK, what
// that says.
func reset(x *thread.Thread) {
	if x.Policy&abi.PolicyReset != 0 {
		x.Policy &^= abi.PolicyReset
		x.Nice = max(x.Nice, 0)
		setLag(x)
	}
}

// pull makes the changes that have been set of this process's threads.
func pull(t *thread.Thread) {
	paceLock.Lock()
	for done := uint64(0); ; {
		seq, tid, what, value, base, st := Server(t).Change(done)
		if st < 0 {
			break
		}
		share = uint32(min(base, proto.IdleShare))
		change(uint32(tid), what, value)
		done = seq
	}
	paceLock.Unlock()
}

// change makes one change of a thread, or of all (0).
func change(tid uint32, what, value uint64) {
	if m := value & cpuMask(); what == proto.ThreadCPUs {
		if o := thread.Find(tid); o != nil && m != 0 {
			setAffinity(o, m)
		}
		return
	}
	was := thread.Lock()
	for x := thread.Newest(); x != nil; x = x.Next() {
		if tid == 0 || x.TID == tid {
			switch what {
			case proto.ThreadNice:
				x.Nice = int8(min(value, 39)) - 20
			case proto.ThreadPolicy:
				x.Policy = uint8(value &^ proto.ResetOnFork)
				if value&proto.ResetOnFork != 0 {
					x.Policy |= abi.PolicyReset
				}
			}
		}
		setLag(x)
		x.Publish()
	}
	thread.Unlock(was)
}

// threadID is the id by which the server knows the thread that id names here.
func threadID(t *thread.Thread, id uint32) uint64 {
	if id == 0 {
		return uint64(t.TID)
	}
	return uint64(id)
}

// niceOf is getpriority(2): a nice value + 20.
func niceOf(t *thread.Thread, which, id uint64) (uint64, errno.Errno) {
	if which == proto.NiceProcess {
		id = threadID(t, uint32(id))
	}
	n, st := Server(t).Nice(which, id, 0, 0)
	return n, errno.Of(min(st, 0))
}

// setNice is setpriority(2) with a nice value + 20.
func setNice(t *thread.Thread, which, id, value uint64) errno.Errno {
	if which == proto.NiceProcess {
		id = threadID(t, uint32(id))
	}
	_, st := Server(t).Nice(which, id, 1, value)
	pull(t) // what is this process's own holds from now on
	return errno.Of(min(st, 0))
}

func sysGetpriority(t *thread.Thread, a *call.Args) int64 {
	n, e := niceOf(t, uint64(int64(int32(a[0]))), uint64(uint32(a[1])))
	if e != errno.OK {
		return e.Ret()
	}
	// The raw call answers 20 - nice.
	return 40 - int64(n)
}

func sysSetpriority(t *thread.Thread, a *call.Args) int64 {
	n := max(-20, min(19, int64(int32(a[2]))))
	return setNice(t, uint64(int64(int32(a[0]))), uint64(uint32(a[1])), uint64(n+20)).Ret()
}

const (
	schedOther    = 0
	schedFIFO     = 1
	schedRR       = 2
	schedBatch    = 3
	schedIdle     = 5
	schedDeadline = 6

	resetOnFork = 1 << 30 // in a policy
)

// policy is the policy of the thread that id names.
func policy(t *thread.Thread, id uint64) (uint32, errno.Errno) {
	if int32(id) < 0 {
		return 0, errno.EINVAL
	}
	_, v, _, st := Server(t).Thread(threadID(t, uint32(id)))
	return uint32(v), errno.Of(min(st, 0))
}

// setPolicy gives the thread that id names a policy with a static priority.
func setPolicy(t *thread.Thread, id uint64, policy, prio uint32) errno.Errno {
	switch policy &^ resetOnFork {
	case schedOther, schedBatch, schedIdle:
		if prio != 0 {
			return errno.EINVAL
		}
	case schedFIFO, schedRR:
		if prio < 1 || prio > 99 {
			return errno.EINVAL
		}
		return errno.EPERM
	default:
		return errno.EINVAL
	}
	st := Server(t).SetThread(threadID(t, uint32(id)), proto.ThreadPolicy, uint64(policy))
	pull(t)
	return errno.Of(st)
}

func sysSchedGetscheduler(t *thread.Thread, a *call.Args) int64 {
	v, e := policy(t, a[0])
	if e != errno.OK {
		return e.Ret()
	}
	return int64(v)
}

func sysSchedSetscheduler(t *thread.Thread, a *call.Args) int64 {
	if int32(a[0]) < 0 || int32(a[1]) < 0 || a[2] == 0 {
		return errno.EINVAL.Ret()
	}
	prio, ok := usercopy.U32(a[2])
	if !ok {
		return errno.EFAULT.Ret()
	}
	if _, e := policy(t, a[0]); e != errno.OK {
		return e.Ret()
	}
	return setPolicy(t, a[0], uint32(a[1]), prio).Ret()
}

func sysSchedGetparam(t *thread.Thread, a *call.Args) int64 {
	if a[1] == 0 {
		return errno.EINVAL.Ret()
	}
	if _, e := policy(t, a[0]); e != errno.OK {
		return e.Ret()
	}
	if !usercopy.Put32(a[1], 0) {
		return errno.EFAULT.Ret()
	}
	return 0
}

func sysSchedSetparam(t *thread.Thread, a *call.Args) int64 {
	if a[1] == 0 {
		return errno.EINVAL.Ret()
	}
	prio, ok := usercopy.U32(a[1])
	if !ok {
		return errno.EFAULT.Ret()
	}
	v, e := policy(t, a[0])
	if e != errno.OK {
		return e.Ret()
	}
	return setPolicy(t, a[0], v, prio).Ret()
}

// schedAttr is struct sched_attr.
type schedAttr struct {
	Size, Policy              uint32
	Flags                     uint64
	Nice                      int32
	Prio                      uint32
	Runtime, Deadline, Period uint64
	UtilMin, UtilMax          uint32
}

// bytes are those of a, which has no padding.
func (a *schedAttr) bytes() *[schedAttrSize]byte { return (*[schedAttrSize]byte)(unsafe.Pointer(a)) }

const (
	schedAttrSize  = 56
	schedAttrFirst = 48 // without UtilMin, UtilMax

	attrResetOnFork = 1
	attrKeepPolicy  = 8
	attrKeepParams  = 0x10
	attrUtil        = 0x60
	attrAll         = 0x7f
)

func sysSchedGetattr(t *thread.Thread, a *call.Args) int64 {
	size := uint32(a[2])
	if a[1] == 0 || size < schedAttrFirst || size > 4096 || uint32(a[3]) != 0 {
		return errno.EINVAL.Ret()
	}
	v, e := policy(t, a[0])
	if e != errno.OK {
		return e.Ret()
	}
	n, e := niceOf(t, proto.NiceProcess, uint64(uint32(a[0])))
	if e != errno.OK {
		return e.Ret()
	}
	at := schedAttr{Size: min(size, schedAttrSize), Policy: v &^ resetOnFork, Nice: int32(n) - 20}
	if v&resetOnFork != 0 {
		at.Flags = attrResetOnFork
	}
	if size >= schedAttrSize {
		return usercopy.Put(a[1], &at).Ret()
	}
	return usercopy.CopyOut(a[1], at.bytes()[:schedAttrFirst]).Ret()
}

// getAttr reads what sched_setattr got: a structure of this or another
// release, of which what is not known here has to be zero.
func getAttr(at *schedAttr, addr uint64) errno.Errno {
	size, ok := usercopy.U32(addr)
	if !ok {
		return errno.EFAULT
	}
	if size == 0 {
		size = schedAttrFirst
	}
	tooBig := size < schedAttrFirst || size > 4096
	if !tooBig {
		if e := usercopy.CopyIn(at.bytes()[:min(size, schedAttrSize)], addr); e != errno.OK {
			return e
		}
	}
	for o := uint32(schedAttrSize); o < size && !tooBig; {
		var b [64]byte
		n := min(size-o, uint32(len(b)))
		if e := usercopy.CopyIn(b[:n], addr+uint64(o)); e != errno.OK {
			return e
		}
		tooBig = b != [64]byte{}
		o += n
	}
	if !tooBig {
		return errno.OK
	}
	if !usercopy.Put32(addr, schedAttrSize) {
		return errno.EFAULT
	}
	return errno.E2BIG
}

func sysSchedSetattr(t *thread.Thread, a *call.Args) int64 {
	if a[1] == 0 || int32(a[0]) < 0 || uint32(a[2]) != 0 {
		return errno.EINVAL.Ret()
	}
	var at schedAttr
	if e := getAttr(&at, a[1]); e != errno.OK {
		return e.Ret()
	}
	if int32(at.Policy) < 0 || at.Flags&^attrAll != 0 {
		return errno.EINVAL.Ret()
	}
	was, e := policy(t, a[0])
	switch {
	case e != errno.OK:
		return e.Ret()
	case at.Flags&attrKeepPolicy != 0:
		at.Policy = was &^ resetOnFork
	}
	if at.Flags&attrUtil != 0 {
		return errno.EOPNOTSUPP.Ret() // as a kernel without clamping
	}
	if at.Policy == schedDeadline {
		return errno.EPERM.Ret()
	}
	p := at.Policy
	if at.Flags&attrResetOnFork != 0 {
		p |= resetOnFork
	}
	if at.Flags&attrKeepParams == 0 && (p&^resetOnFork == schedOther || p&^resetOnFork == schedBatch) {
		n := max(-20, min(19, int64(at.Nice)))
		switch e := setNice(t, proto.NiceProcess, uint64(uint32(a[0])), uint64(n+20)); e {
		case errno.OK:
		case errno.EACCES:
			return errno.EPERM.Ret()
		default:
			return e.Ret()
		}
	}
	return setPolicy(t, a[0], p, at.Prio).Ret()
}

func sysPrioMax(t *thread.Thread, a *call.Args) int64 { return prio(a[0], 99) }
func sysPrioMin(t *thread.Thread, a *call.Args) int64 { return prio(a[0], 1) }

// prio answers 0 for a policy without static priorities, else realtime.
func prio(policy uint64, realtime int64) int64 {
	switch int32(policy) {
	case 0, 3, 5, 6:
		return 0
	case 1, 2:
		return realtime
	}
	return errno.EINVAL.Ret()
}

func sysRRInterval(t *thread.Thread, a *call.Args) int64 {
	if e := known(t, a); e != errno.OK {
		return e.Ret()
	}
	ts := [2]uint64{0, 10_000_000}
	return usercopy.Put(a[1], &ts).Ret()
}
