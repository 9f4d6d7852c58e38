// Package native wraps the kernel's native calls (ipc/abi) for the libOS. Every
// wrapper answers the kernel's result as it is: >= 0 or -errno, in int64.
//
// A native call keeps the general registers but RCX and R11; vector registers
// are lost. The calls that leave the dispatcher clean (Yield, Invoke, Reply with
// ReplyReceive) may be made on the scheduler stack only.
package native

import (
	"unsafe"

	"go42/ipc/abi"
)

func addr[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

func bytesAddr(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// again repeats a call that does bounded work until it is done.
func again(nr, a, b, c, d uint64) int64 {
	for {
		if r := Call(nr, a, b, c, d, 0, 0); r != -11 {
			return r
		}
	}
}

// Yield makes the dispatcher clean; it returns only if something is pending.
func Yield(runnable bool) int64 {
	f := uint64(0)
	if runnable {
		f = abi.YieldRunnable
	}
	return Call(abi.NYield, f, 0, 0, 0, 0, 0)
}

// SetTimer makes the kernel read DispatcherPage.Deadline.
func SetTimer() int64 { return Call(abi.NSetTimer, 0, 0, 0, 0, 0, 0) }

// Invoke starts a PPC; it returns only with an error.
func Invoke(handle, method, msg, tag uint64) int64 {
	return Call(abi.NInvoke, handle, method, msg, tag, 0, 0)
}

// Reply completes a call record.
func Reply(record uint64, status int64, msg, flags uint64) int64 {
	return Call(abi.NReply, record, uint64(status), msg, flags, 0, 0)
}

func TakeCall() int64   { return Call(abi.NTakeCall, 0, 0, 0, 0, 0, 0) }
func NextReturn() int64 { return Call(abi.NNextReturn, 0, 0, 0, 0, 0, 0) }

// Drop empties slots of the handle set. Where the kernel lacks the memory to part a
// slot from those that a fork has made common it is asked again: one that stayed
// would keep a pipe from ending.
func Drop(handles []uint64) {
	for len(handles) > 0 {
		switch r := Call(abi.NDrop, addr(&handles[0]), uint64(len(handles)), 0, 0, 0, 0); {
		case r > 0:
			handles = handles[min(r, int64(len(handles))):]
		case r == -abi.ENOMEM:
			YieldKeep()
		default:
			return
		}
	}
}

// DropOne empties one slot.
func DropOne(handle uint64) {
	h := [1]uint64{handle}
	Drop(h[:])
}

// HandleInfo answers the number of leaf instances that hold the slot (1: only
// this process).
func HandleInfo(handle uint64) (int64, uint64) {
	return Call2(abi.NHandleInfo, handle, 0, 0, 0, 0, 0)
}

// Fork makes a suspended child: RAX its process handle, the second result its
// kpid.
func Fork(vfork bool) (handle int64, kpid uint64) {
	f := uint64(0)
	if vfork {
		f = abi.ForkVfork
	}
	for {
		r, k := Call2(abi.NFork, f, 0, 0, 0, 0, 0)
		if r != -11 {
			return r, k
		}
	}
}

func Start(handle, arg uint64) int64 { return Call(abi.NStart, handle, arg, 0, 0, 0, 0) }

// Exit ends the process with a wait(2) status. It does not return.
func Exit(status uint64) { again(abi.NExit, status, 0, 0, 0) }

func Kill(kpid, status uint64) int64 { return Call(abi.NKill, kpid, status, 0, 0, 0, 0) }

// Reset is exec; it returns only with an error.
func Reset(parcel, length uint64) int64 { return again(abi.NReset, parcel, length, 0, 0) }

// ProcessInfo describes a process (0: this one).
func ProcessInfo(kpid uint64, pi *abi.ProcessInfo) int64 {
	for {
		r := Call(abi.NProcessInfo, kpid, addr(pi), 0, 0, 0, 0)
		if r != -abi.EFAULT {
			return r
		}
		*pi = abi.ProcessInfo{} // no memory for the kernel's copy: a fault gets it
	}
}

func SetLimit(which, value uint64) int64 { return Call(abi.NSetLimit, which, value, 0, 0, 0, 0) }

func Map(a *abi.MapArgs) int64 { return again(abi.NMap, addr(a), 0, 0, 0) }

func Unmap(at, length uint64) int64 { return again(abi.NUnmap, at, length, 0, 0) }

func Protect(at, length, prot uint64) int64 { return again(abi.NProtect, at, length, prot, 0) }

func Advise(at, length, advice uint64) int64 { return again(abi.NAdvise, at, length, advice, 0) }

func Move(at, oldLen, newLen, flags, to uint64) int64 {
	for {
		if r := Call(abi.NMove, at, oldLen, newLen, flags, to, 0); r != -11 {
			return r
		}
	}
}

// Query describes the first region of a process (0: this one) that ends above at.
func Query(kpid, at uint64, ri *abi.RegionInfo) int64 {
	for {
		r := Call(abi.NQuery, kpid, at, addr(ri), 0, 0, 0)
		if r != -abi.EFAULT {
			return r
		}
		*ri = abi.RegionInfo{} // as for ProcessInfo
	}
}

func FCMCreate(size, kind uint64) int64 { return Call(abi.NFCMCreate, size, kind, 0, 0, 0, 0) }

func FCMResize(handle, size uint64) int64 { return again(abi.NFCMResize, handle, size, 0, 0) }

func FCMInfo(handle uint64, fi *abi.FCMInfo) int64 {
	return Call(abi.NFCMInfo, handle, addr(fi), 0, 0, 0, 0)
}

func Mincore(at, length, vec uint64) int64 { return Call(abi.NMincore, at, length, vec, 0, 0, 0) }

// Sync has the pager of what is mapped shared at addr write back what is dirty:
// 0, -errno, or a ticket to call again with after EventFault.
func Sync(addr, ticket uint64) int64 { return Call(abi.NSync, addr, ticket, 0, 0, 0, 0) }

// Log writes to the kernel log.
func Log(b []byte) { Call(abi.NLog, bytesAddr(b), uint64(len(b)), 0, 0, 0, 0) }

// LogString writes to the kernel log.
func LogString(s string) {
	Call(abi.NLog, uint64(uintptr(unsafe.Pointer(unsafe.StringData(s)))), uint64(len(s)), 0, 0, 0, 0)
}

// Random fills b from the kernel's generator.
func Random(b []byte) int64 { return Call(abi.NRandom, bytesAddr(b), uint64(len(b)), 0, 0, 0, 0) }

func SysInfo(si *abi.SysInfo) int64 { return Call(abi.NSysInfo, addr(si), 0, 0, 0, 0, 0) }

func SetWall(offset uint64) int64 { return Call(abi.NSetWall, offset, 0, 0, 0, 0, 0) }

func Power(op, status uint64) int64 { return Call(abi.NPower, op, status, 0, 0, 0, 0) }

// Info is the kernel's information page.
func Info() *abi.InfoPage { return infoPage() }

// YieldKeep gives the CPU to others of the class for a turn; unlike Yield it may be
// made anywhere, and returns.
func YieldKeep() { Call(abi.NYield, abi.YieldKeep, 0, 0, 0, 0, 0) }

// GiveWay lets another process run if one waits for this CPU.
func GiveWay() { Call(abi.NYield, abi.YieldGiveWay, 0, 0, 0, 0, 0) }

// SpawnDisp adds a dispatcher on cpu, which begins with RunThread and arg; its
// index, or -errno.
func SpawnDisp(cpu, arg uint64) int64 { return Call(abi.NSpawnDisp, cpu, arg, 0, 0, 0, 0) }

// Poke gives dispatcher index of this process EventPoke.
func Poke(index uint64) int64 { return Call(abi.NPoke, index, 0, 0, 0, 0, 0) }

// SetCPU moves dispatcher index of this process to cpu, and lets the kernel move it
// among those in mask later, 0: not at all.
func SetCPU(index, cpu, mask uint64) int64 { return Call(abi.NSetCPU, index, cpu, mask, 0, 0, 0) }
