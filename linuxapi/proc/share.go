package proc

import (
	"unsafe"

	"go42/ipc/proto"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Scheduling policies are a process's, not a thread's; the process server keeps
// them, since other processes may set them. It also keeps the least nice value of
// the process's threads, by which the kernel gives the process its share. By how
// many steps a thread is behind that is its Lag, which is the libOS's affair: the
// scheduler of threads gives it shorter turns, and the kernel, which is told who
// runs, charges more for it.

// owner is the process that a process or thread id means to the server:
// threads of the caller's are the caller.
func owner(id uint32) uint64 {
	if id == 0 || thread.Find(id) != nil {
		return 0
	}
	return uint64(id)
}

// niceLock orders changes of nice values.
var niceLock user.Mutex

// niceOf is getpriority(2): a nice value + 20.
func niceOf(t *thread.Thread, which, id uint64) (uint64, errno.Errno) {
	lag := uint64(0)
	if which == proto.NiceProcess {
		o := t
		if id != 0 {
			o = thread.Find(uint32(id))
		}
		if o != nil {
			lag, id = uint64(o.Lag()), 0
		}
	}
	n, st := Server(t).Nice(which, id, 0, 0)
	return min(n+lag, 39), errno.Of(st)
}

// setNice is setpriority(2) with a nice value + 20.
func setNice(t *thread.Thread, which, id, value uint64) errno.Errno {
	o := t
	if id != 0 {
		o = thread.Find(uint32(id))
	}
	if which != proto.NiceProcess || o == nil {
		_, st := Server(t).Nice(which, id, 1, value)
		return errno.Of(st)
	}
	niceLock.Lock()
	e := setThreadNice(t, o, uint32(value))
	niceLock.Unlock()
	return e
}

// setThreadNice gives o, one of this process, a nice value + 20.
func setThreadNice(t, o *thread.Thread, value uint32) errno.Errno {
	n, st := Server(t).Nice(proto.NiceProcess, 0, 0, 0)
	if st < 0 {
		return errno.Of(st)
	}
	base, least := uint32(n), value
	if value < base+o.Lag() && Me.EUID != 0 && 40-uint64(value) > Limits[rlimitNice][0] {
		return errno.EACCES
	}
	was := thread.Lock()
	for x := thread.Newest(); x != nil; x = x.Next() {
		if x != o {
			least = min(least, base+x.Lag())
		}
	}
	thread.Unlock(was)
	if least != base {
		if _, st := Server(t).Nice(proto.NiceProcess, 0, 1, uint64(least)); st < 0 {
			return errno.Of(st)
		}
	}
	was = thread.Lock()
	for x := thread.Newest(); x != nil; x = x.Next() {
		lag := max(base+x.Lag(), least) - least
		if x == o {
			lag = value - least
		}
		x.SetLag(lag)
		x.Publish()
	}
	thread.Unlock(was)
	return errno.OK
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

// policy is the policy of the process that pid names.
func policy(t *thread.Thread, pid uint64) (uint32, errno.Errno) {
	if int32(pid) < 0 {
		return 0, errno.EINVAL
	}
	v, st := Server(t).Policy(owner(uint32(pid)), 0, 0)
	return uint32(v), errno.Of(st)
}

// setPolicy gives the process that pid names a policy with a static priority.
func setPolicy(t *thread.Thread, pid uint64, policy, prio uint32) errno.Errno {
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
	_, st := Server(t).Policy(owner(uint32(pid)), 1, uint64(policy))
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
