//go:build go42kernel

package main

import (
	"sync/atomic"
	"unsafe"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
	"go42/sched/lifecycle"
)

// onNative is a native call of the current dispatcher: RAX is the number, RDI,
// RSI, RDX, R10, R8, R9 the arguments. The result goes to RAX, a second one to
// RDX. Calls that leave the dispatcher clean return nothing; sched.Leave goes
// on with whoever is next.
func onNative(ctx *amd64.UserContext) {
	c := sched.This()
	d := c.Current
	r := &ctx.Regs
	a0, a1, a2, a3, a4 := r.RDI, r.RSI, r.RDX, r.R10, r.R8
	p := d.Proc
	if tracing {
		traceCall(p, ctx)
	}

	// Calls after which this context may be gone.
	var res int64
	switch r.RAX {
	case abi.NYield:
		switch {
		case a0&abi.YieldGiveWay != 0:
			r.RAX = 0
			c.GiveWay()
		case a0&abi.YieldKeep != 0:
			r.RAX = 0
			c.Preempt(false)
		case atomic.LoadUint64(&d.Page.Pending) != 0:
			r.RAX = errno(abi.EAGAIN)
			readDeadline(c, d)
		default:
			c.Clean(a0&abi.YieldRunnable != 0)
		}
		c.Leave()
		return
	case abi.NInvoke:
		if res = ppc.Invoke(c, d, a0, a1, a2, a3); res < 0 {
			r.RAX = uint64(res)
			readDeadline(c, d)
		}
		c.Leave()
		return
	case abi.NReply:
		receive := a3&abi.ReplyReceive != 0
		if res = ppc.Reply(c, d, a0, a1, a2, receive); res < 0 || !receive {
			r.RAX = uint64(res)
			if receive {
				readDeadline(c, d)
			}
		}
		c.Leave()
		return
	case abi.NExit:
		lifecycle.Die(p, lifecycle.Ended(a0))
		c.Leave()
		return
	case abi.NSetCPU:
		r.RAX = 0 // first: once it is given away another CPU may run it, and has r
		if res = c.SetCPU(p, a0, a1, a2); res < 0 {
			r.RAX = uint64(res)
		}
		c.Leave()
		return
	case abi.NReset:
		if res = lifecycle.Reset(c, d, a0, a1); res < 0 {
			r.RAX = uint64(res)
		}
		c.Leave()
		return
	}

	second := r.RDX
	switch r.RAX {
	case abi.NSetTimer:
		readDeadline(c, d)
	case abi.NTakeCall:
		res = ppc.TakeCall(d)
	case abi.NNextReturn:
		res = ppc.NextReturn(d)
	case abi.NCopyFrom:
		res = ppc.Copy(p, a0, a1, a2, a3, a4, true)
	case abi.NCopyTo:
		res = ppc.Copy(p, a0, a1, a2, a3, a4, false)
	case abi.NNotify:
		res = nativeNotify(c, p, a0, a1)
	case abi.NDrop:
		res = nativeDrop(p, a0, a1)
	case abi.NNextLast:
		g := p.PopLast(a0)
		if g == nil {
			res = -abi.EAGAIN
			break
		}
		second = g.Object
		ppc.Handles.Grants.Put(g)
	case abi.NRevoke:
		res = ppc.Revoke(p, a0)
	case abi.NHandleInfo:
		second, res = nativeHandleInfo(p, a0, a1)

	case abi.NFork:
		second, res = lifecycle.Fork(d, a0)
	case abi.NStart:
		res = lifecycle.Start(c, p, a0, a1)
	case abi.NKill, abi.NSuspend, abi.NResume, abi.NSetCred, abi.NExecCred, abi.NSetRole, abi.NSetNice, abi.NSetOOM:
		res = lifecycle.Manage(c, p, r.RAX, a0, a1)
	case abi.NRelieve:
		res = lifecycle.ForClient(c, p, a0)
	case abi.NSpawnDisp:
		res = lifecycle.Spawn(c, p, a0, a1)
	case abi.NPoke:
		res = lifecycle.Poke(c, p, a0)
	case abi.NProcessInfo:
		res = nativeProcessInfo(p, a0, a1)
	case abi.NNextExit:
		res = lifecycle.NextExit(p, a0)
	case abi.NReadMemory:
		res = nativeReadMemory(p, a0, a1, a2, a3)
	case abi.NSetLimit:
		res = nativeSetLimit(p, a0, a1)

	case abi.NMap, abi.NUnmap, abi.NProtect, abi.NAdvise, abi.NMove, abi.NQuery, abi.NMincore:
		res = nativeMemory(p, r)
	case abi.NFCMCreate:
		res = nativeFCMCreate(p, a0, a1, a2)
	case abi.NFCMResize:
		res = nativeFCMResize(p, a0, a1)
	case abi.NFCMInfo:
		res = nativeFCMInfo(p, a0, a1)
	case abi.NFCMNext:
		second, res = nativeFCMNext(p, a0, a1)
	case abi.NNextPage, abi.NPageIn, abi.NFCMRead, abi.NFCMWrite, abi.NDirty, abi.NSynced:
		second, res = lifecycle.Paging(p, r)
	case abi.NSync:
		res = lifecycle.Sync(d, a0, a1)
	case abi.NModule:
		second, res = nativeModule(p, a0, a1)

	case abi.NLog:
		res = nativeLog(p, a0, a1)
	case abi.NDevRead:
		res = nativeDevRead(p, a0, a1, a2)
	case abi.NDevWrite:
		res = nativeDevWrite(p, a0, a1, a2)
	case abi.NIRQAttach:
		res = nativeIRQAttach(p, a0, a1)
	case abi.NPower:
		res = nativePower(p, a0, a1)
	case abi.NRandom:
		res = nativeRandom(p, a0, a1)
	case abi.NSysInfo:
		res = nativeSysInfo(p, a0)
	case abi.NSetWall:
		res = nativeSetWall(p, a0)
	case abi.NCPUInfo:
		res = nativeCPUInfo(p, a0, a1)
	case abi.NDebug:
		second, res = nativeDebug(c, p, a0, a1, a2)
	default:
		res = -abi.ENOSYS
	}
	publishFree()
	lifecycle.PageNews(c)
	r.RAX, r.RDX = uint64(res), second
	if tracing {
		traceResult(p, ctx)
	}
	c.Leave()
}

// readDeadline makes what d's page says its deadline. It is read by a call that was
// to leave d clean and is refused, too: its libOS takes it to be known since then.
func readDeadline(c *sched.CPU, d *sched.Dispatcher) {
	c.SetDeadline(d, atomic.LoadUint64(&d.Page.Deadline))
}

func errno(e int64) uint64 { return uint64(-e) }

// out copies v to p's memory at va.
func out[T any](p *sched.Process, va uint64, v *T) int64 {
	b := unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
	if mm.CopyOut(p.Space, va, b) != len(b) {
		return -abi.EFAULT
	}
	return 0
}

// in copies from p's memory at va to v.
func in[T any](p *sched.Process, va uint64, v *T) int64 {
	b := unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
	if mm.CopyIn(p.Space, b, va) != len(b) {
		return -abi.EFAULT
	}
	return 0
}

func nativeNotify(c *sched.CPU, p *sched.Process, kpid, channel uint64) int64 {
	if p.Role&abi.RoleServer == 0 {
		return -abi.EPERM
	}
	if channel >= 64 {
		return -abi.EINVAL
	}
	t := sched.Find(kpid)
	// One that is not started yet finds the bit when it is: the process server
	// may know it already.
	if t == nil || t.State() == sched.Dying {
		return -abi.ESRCH
	}
	c.Notify(t, uint(channel))
	return 0
}

// nativeDrop empties up to 64 slots a call; it returns how many handles of the
// list it has seen to.
func nativeDrop(p *sched.Process, va, n uint64) int64 {
	var hs [64]uint64
	if n > uint64(len(hs)) {
		n = uint64(len(hs))
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&hs)), n*8)
	if mm.CopyIn(p.Space, b, va) != len(b) {
		return -abi.EFAULT
	}
	for i, h := range hs[:n] {
		p.Lock.Acquire()
		_, ok := ppc.Handles.Drop(&p.Handles, h)
		p.Lock.Release()
		if !ok {
			if i == 0 {
				return -abi.ENOMEM
			}
			return int64(i)
		}
	}
	return int64(n)
}

// nativeHandleInfo is NHandleInfo.
func nativeHandleInfo(p *sched.Process, h, va uint64) (leaves uint64, status int64) {
	var i abi.HandleInfo
	p.Lock.Acquire()
	g, _ := p.Handles.Lookup(h)
	switch {
	case g == nil:
		status = -abi.EBADF
	case g.IsRevoked():
		status = -abi.ESTALE
	default:
		// Slots of a leaf or root that fork shares count once as an instance,
		// but not as exclusive.
		i.Leaves = uint64(g.Leaves())
		if i.Leaves == 1 && !p.Handles.Exclusive(h) {
			i.Leaves = 2
		}
		if g.Kind == handle.KindObject && g.Server == p.KPid {
			i.Mine, i.Object = 1, g.Object
		}
	}
	p.Lock.Release()
	if status != 0 || va == 0 {
		return i.Leaves, status
	}
	return i.Leaves, out(p, va, &i)
}

func nativeReadMemory(p *sched.Process, kpid, va, dst, n uint64) int64 {
	if p.Role&(abi.RoleProc|abi.RoleSee) == 0 {
		return -abi.EPERM
	}
	t := sched.Find(kpid)
	// What a fork is still filling is not there yet.
	if t == nil || t.State() == sched.Dying || t.State() == sched.Embryo || t.Space == nil {
		return -abi.ESRCH
	}
	done := mm.CopyBetween(p.Space, dst, t.Space, va, clamp(n))
	if done == 0 && n != 0 {
		return -abi.EFAULT
	}
	return int64(done)
}

// clamp bounds a length to what one call copies.
func clamp(n uint64) uint64 {
	const most = 64 * abi.PageSize
	if n > most {
		return most
	}
	return n
}
