package proc

import (
	"runtime"
	"syscall"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
)

// Native is the Kernel of the process server on Go42.
type Native struct{ ipc.Native }

func call(n uintptr, a, b uint64) error {
	_, _, err := ipc.Sys(n, uintptr(a), uintptr(b), 0, 0, 0, 0)
	return err
}

// Kill implements Kernel.
func (Native) Kill(kpid, status uint64) error { return call(abi.NKill, kpid, status) }

// Suspend implements Kernel. Other CPUs have to be told: who hears of the stop is to
// find that nothing of the process goes on.
func (Native) Suspend(kpid uint64) error {
	for {
		if err := call(abi.NSuspend, kpid, 0); err != syscall.EAGAIN {
			return err
		}
		runtime.Gosched()
	}
}

// Resume implements Kernel.
func (Native) Resume(kpid uint64) error { return call(abi.NResume, kpid, 0) }

// SetCred implements Kernel.
func (Native) SetCred(kpid, token uint64) error { return call(abi.NSetCred, kpid, token) }

// SetExecCred implements Kernel.
func (Native) SetExecCred(kpid, token uint64, set bool) error {
	if !set {
		return call(abi.NExecCred, kpid, 0)
	}
	return call(abi.NExecCred, kpid, token+1)
}

// SetNice implements Kernel.
func (Native) SetNice(kpid uint64, nice int32) error {
	return call(abi.NSetNice, kpid, uint64(nice+20))
}

// SetRole implements Kernel.
func (Native) SetRole(kpid uint64) error { return call(abi.NSetRole, kpid, 0) }

// Power implements Kernel.
func (Native) Power(op, status uint64) error { return call(abi.NPower, op, status) }

// SetWall implements Kernel.
func (Native) SetWall(offset int64) error { return call(abi.NSetWall, uint64(offset), 0) }

// ProcessInfo implements Kernel.
func (Native) ProcessInfo(kpid uint64, info *abi.ProcessInfo) error {
	i := new(abi.ProcessInfo)
	_, _, err := ipc.Sys(abi.NProcessInfo, uintptr(kpid), uintptr(unsafe.Pointer(i)), 0, 0, 0, 0)
	*info = *i
	return err
}

// Region implements Kernel.
func (Native) Region(kpid, addr uint64, info *abi.RegionInfo) error {
	i := new(abi.RegionInfo)
	_, _, err := ipc.Sys(abi.NQuery, uintptr(kpid), uintptr(addr), uintptr(unsafe.Pointer(i)), 0, 0, 0)
	*info = *i
	return err
}

// NextExit implements Kernel.
func (Native) NextExit(n *abi.ExitNotice) bool {
	i := new(abi.ExitNotice)
	_, _, err := ipc.Sys(abi.NNextExit, uintptr(unsafe.Pointer(i)), 0, 0, 0, 0, 0)
	*n = *i
	return err == nil
}

// ReadMemory implements Kernel.
func (Native) ReadMemory(kpid, addr uint64, b []byte) int {
	done := 0
	for done < len(b) { // short where a page of b's was not there yet
		n, _, err := ipc.Sys(abi.NReadMemory, uintptr(kpid), uintptr(addr)+uintptr(done), uintptr(unsafe.Pointer(&b[done])), uintptr(len(b)-done), 0, 0)
		if err != nil || n == 0 {
			break
		}
		done += int(n)
	}
	return done
}

// Status implements Kernel.
func (Native) Status(line string) {
	b := append([]byte(line), '\n')
	for len(b) > 0 {
		n, _, err := ipc.Sys(abi.NDevWrite, abi.DevStatus, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
		if err == syscall.EAGAIN {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		b = b[n:]
	}
}
