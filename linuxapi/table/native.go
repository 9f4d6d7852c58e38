package table

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Native calls that a program makes as reflected calls (ipc/abi/server.go). The
// kernel decides what the process may do; here the two that wait block the
// thread only.
func serveNative(t *thread.Thread, nr uint64) {
	f := t.Frame
	a := &f.Args
	user.Restore(0)
	t.BeginCall()
	var r int64
	switch nr {
	case abi.NInvoke:
		r = invoke(t, a)
	case abi.NReply:
		r = reply(t, a)
	case abi.NTakeCall:
		r = receive(t, a[0])
	case abi.NYield, abi.NNextReturn, abi.NFork, abi.NStart, abi.NReset, abi.NSpawnDisp, abi.NExit, abi.NSetTimer:
		// The libOS's own.
		r = errno.EPERM.Ret()
	default:
		var r2 uint64
		r, r2 = direct(nr, a)
		f.Args[2] = r2 // RDX
	}
	user.Disable()
	finish(t, r)
}

// direct makes a native call that does not wait.
func direct(nr uint64, a *[6]uint64) (r int64, r2 uint64) {
	for touched := false; ; {
		r, r2 = native.Call2(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		switch {
		case r == errno.EAGAIN.Ret() && inSteps(nr):
		case r == errno.EFAULT.Ret() && !touched:
			// The kernel does not wait for this process's own pages: one that a server
			// supplies, or that memory lacks for.
			touched = true
			if addr, n, write := buffer(nr, a); usercopy.Touch(addr, n, write) != errno.OK {
				return r, r2
			}
		default:
			return r, r2
		}
	}
}

// inSteps says whether native call nr answers EAGAIN if there is more to do, or memory
// for it is on its way.
func inSteps(nr uint64) bool {
	switch nr {
	case abi.NMap, abi.NUnmap, abi.NProtect, abi.NAdvise, abi.NMove, abi.NFCMResize:
		return true
	}
	return false
}

// buffer is the caller's memory that native call nr reads, or writes; n 0: none.
func buffer(nr uint64, a *[6]uint64) (addr, n uint64, write bool) {
	switch nr {
	case abi.NCopyFrom, abi.NCopyTo:
		return a[3], a[4], nr == abi.NCopyFrom
	case abi.NFCMRead, abi.NFCMWrite, abi.NPageIn, abi.NReadMemory:
		return a[2], a[3], nr == abi.NFCMRead || nr == abi.NReadMemory
	case abi.NDevRead, abi.NDevWrite:
		return a[1], a[2], nr == abi.NDevRead
	case abi.NRandom, abi.NLog, abi.NModule:
		return a[0], a[1], nr == abi.NRandom
	case abi.NDrop:
		return a[0], min(a[1], 1<<20) * 8, false
	case abi.NMincore:
		return a[2], (a[1] + abi.PageSize - 1) / abi.PageSize, true
	case abi.NMap:
		return object[abi.MapArgs](a[0], false)
	case abi.NNextPage:
		return object[abi.PageNews](a[0], true)
	case abi.NNextExit:
		return object[abi.ExitNotice](a[0], true)
	case abi.NSysInfo:
		return object[abi.SysInfo](a[0], true)
	case abi.NCPUInfo:
		return object[abi.CPUInfo](a[1], true)
	case abi.NFCMInfo:
		return object[abi.FCMInfo](a[1], true)
	case abi.NHandleInfo:
		return object[abi.HandleInfo](a[1], true)
	case abi.NProcessInfo:
		return object[abi.ProcessInfo](a[1], true)
	case abi.NQuery:
		return object[abi.RegionInfo](a[2], true)
	}
	return 0, 0, false
}

// object is the buffer of a T at addr.
func object[T any](addr uint64, write bool) (uint64, uint64, bool) {
	var t T
	return addr, uint64(unsafe.Sizeof(t)), write
}

// message is the in-kernel view of a program's abi.Message, copied through the
// thread's own space: the program's page may not be there.
func message(t *thread.Thread, addr uint64) errno.Errno {
	m := &t.Client().M
	// Only what the message says it has: most have neither ranges nor grants.
	e := usercopy.CopyIn(unsafe.Slice((*byte)(unsafe.Pointer(m)), unsafe.Offsetof(m.Ranges)), addr)
	if e == errno.OK && m.NRanges|m.NGrants != 0 {
		const from, to = unsafe.Offsetof(m.Ranges), unsafe.Offsetof(m.Data)
		e = usercopy.CopyIn(unsafe.Slice((*byte)(unsafe.Pointer(&m.Ranges)), to-from), addr+uint64(from))
	}
	if e == errno.OK && m.Len != 0 {
		e = usercopy.CopyIn(m.Data[:min(m.Len, abi.MaxData)], addr+uint64(unsafe.Offsetof(m.Data)))
	}
	return e
}

func invoke(t *thread.Thread, a *[6]uint64) int64 {
	if e := message(t, a[2]); e != errno.OK {
		return e.Ret()
	}
	c := t.Client()
	if e := thread.CallServer(c, a[0], uint32(a[1])); e != errno.OK && c.R.Tag == 0 {
		return e.Ret()
	}
	n := unsafe.Offsetof(c.R.Data) + uintptr(min(c.R.Len, abi.MaxData))
	return usercopy.CopyOut(a[3], unsafe.Slice((*byte)(unsafe.Pointer(&c.R)), n)).Ret()
}

// reply: record, status, message, flags, where to receive.
func reply(t *thread.Thread, a *[6]uint64) int64 {
	msg := uint64(0)
	if a[0] != 0 && a[2] != 0 {
		if e := message(t, a[2]); e != errno.OK {
			return e.Ret()
		}
		msg = uint64(uintptr(unsafe.Pointer(&t.Client().M)))
	}
	if a[3]&abi.ReplyReceive == 0 {
		if a[0] == 0 {
			return errno.EINVAL.Ret()
		}
		return native.Reply(a[0], int64(a[1]), msg, 0)
	}
	if a[0] == 0 {
		return receive(t, a[4])
	}
	// A reply that cannot be made is the server's error: it stays in charge
	// of the record.
	if t.ReplyReceive(a[0], int64(a[1]), msg, true) == user.Interrupted {
		return errno.EINTR.Ret()
	}
	return handOut(t, a[4])
}

func receive(t *thread.Thread, to uint64) int64 {
	if t.Receive(true) == user.Interrupted {
		return errno.EINTR.Ret()
	}
	return handOut(t, to)
}

// handOut copies what was received to the program.
func handOut(t *thread.Thread, to uint64) int64 {
	c := &t.In
	n := unsafe.Offsetof(c.Data) + uintptr(min(c.Len, abi.MaxData))
	e := usercopy.CopyOut(to, unsafe.Slice((*byte)(unsafe.Pointer(c)), n))
	if e != errno.OK && c.Record != 0 {
		native.Reply(c.Record, errno.EIO.Ret(), 0, 0)
	}
	return e.Ret()
}
