package ipc

import (
	"runtime"
	"syscall"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/client"
)

// Native is the Kernel of a server on Go42. Its calls are system calls that
// the libOS turns into native ones.
type Native struct{}

// Sys makes native call n, which does not wait: bounded work in the kernel, so
// that the runtime need not be told. The libOS goes on with those that the kernel does
// in steps on mappings and objects (linuxapi/table). r1 and r2 are RAX and RDX.
//
//go:uintptrescapes
func Sys(n uintptr, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err error) {
	r1, r2, e := syscall.RawSyscall6(abi.SysNative+n, a1, a2, a3, a4, a5, a6)
	if e != 0 {
		return r1, r2, e
	}
	return r1, r2, nil
}

// Receive implements Kernel.
func (Native) Receive(reply *Call, next *abi.CallMessage) error {
	var rec, status, msg uintptr
	if reply != nil {
		rec, status, msg = uintptr(reply.Record), uintptr(reply.Status), uintptr(unsafe.Pointer(&reply.Reply))
	}
	if next == nil {
		_, _, err := Sys(abi.NReply, rec, status, msg, 0, 0, 0)
		runtime.KeepAlive(reply)
		if err == syscall.ESRCH {
			err = nil // the caller is dead
		}
		return err
	}
	for {
		// Calls are heap objects (Server.receive), so their addresses hold.
		_, _, e := syscall.Syscall6(abi.SysNative+abi.NReply, rec, status, msg, abi.ReplyReceive, uintptr(unsafe.Pointer(next)), 0)
		runtime.KeepAlive(reply)
		if e == syscall.EINTR || e == syscall.EAGAIN {
			rec, status, msg = 0, 0, 0
			continue
		}
		if e != 0 {
			return e
		}
		return nil
	}
}

// CopyFrom implements Kernel.
func (Native) CopyFrom(record uint64, rng int, off uint64, dst []byte) (int, error) {
	n, _, err := Sys(abi.NCopyFrom, uintptr(record), uintptr(rng), uintptr(off), uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(len(dst)), 0)
	return int(n), err
}

// CopyTo implements Kernel.
func (Native) CopyTo(record uint64, rng int, off uint64, src []byte) (int, error) {
	n, _, err := Sys(abi.NCopyTo, uintptr(record), uintptr(rng), uintptr(off), uintptr(unsafe.Pointer(unsafe.SliceData(src))), uintptr(len(src)), 0)
	return int(n), err
}

// Notify implements Kernel. A process that has died needs no notification.
func (Native) Notify(kpid, channel uint64) {
	Sys(abi.NNotify, uintptr(kpid), uintptr(channel), 0, 0, 0, 0)
}

// Drop implements Kernel.
func (Native) Drop(handles ...uint64) {
	for len(handles) > 0 {
		n, _, err := Sys(abi.NDrop, uintptr(unsafe.Pointer(&handles[0])), uintptr(len(handles)), 0, 0, 0, 0)
		switch {
		case err == syscall.ENOMEM: // to part a slot from those of a fork: it must not stay
			runtime.Gosched()
		case err != nil || n == 0:
			return
		default:
			handles = handles[min(int(n), len(handles)):]
		}
	}
}

// HandleInfo implements Kernel.
func (Native) HandleInfo(h uint64) (abi.HandleInfo, error) {
	info := new(abi.HandleInfo)
	_, _, err := Sys(abi.NHandleInfo, uintptr(h), uintptr(unsafe.Pointer(info)), 0, 0, 0, 0)
	return *info, err
}

// NextLast implements Kernel.
func (Native) NextLast(at uint64) (uint64, bool) {
	_, o, err := Sys(abi.NNextLast, uintptr(at), 0, 0, 0, 0, 0)
	return uint64(o), err == nil
}

// Conn implements Kernel.
func (Native) Conn() *client.Conn { return &client.Conn{Do: invoke} }

func invoke(c *client.Conn, h uint64, method uint32) int64 {
	_, _, e := syscall.Syscall6(abi.SysNative+abi.NInvoke, uintptr(h), uintptr(method), uintptr(unsafe.Pointer(&c.M)), uintptr(unsafe.Pointer(&c.R)), 0, 0)
	runtime.KeepAlive(c)
	return -int64(e)
}

// Log writes to the kernel log.
func Log(s string) {
	b := append([]byte(s), '\n')
	Sys(abi.NLog, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0, 0)
}

// Alive reports whether process kpid has not ended: its parent may know that it
// has, while the kernel still takes it apart.
func Alive(kpid uint64) bool {
	info := new(abi.ProcessInfo)
	_, _, err := Sys(abi.NProcessInfo, uintptr(kpid), uintptr(unsafe.Pointer(info)), 0, 0, 0, 0)
	return err == nil && info.State != abi.StateDying
}
