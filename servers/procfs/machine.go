package procfs

import (
	"syscall"
	"time"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
)

// Machine is what the kernel tells. Errors are syscall.Errno.
type Machine interface {
	ProcessInfo(kpid uint64) (abi.ProcessInfo, error)
	// SetOOM sets a process's oom_score_adj.
	SetOOM(kpid uint64, adjust int) error
	// Query finds the first region of a process that ends above addr.
	Query(kpid, addr uint64) (abi.RegionInfo, error)
	// ReadMemory reads a process's memory and returns how many bytes of b it
	// filled.
	ReadMemory(kpid, addr uint64, b []byte) int
	SysInfo() abi.SysInfo
	// CPUInfo is about CPU n; zero if there is none.
	CPUInfo(n int) abi.CPUInfo
	// Info is the page that the kernel publishes.
	Info() *abi.InfoPage
}

// NativeMachine is Go42's kernel.
type NativeMachine struct{}

// ProcessInfo implements Machine.
func (NativeMachine) ProcessInfo(kpid uint64) (abi.ProcessInfo, error) {
	i := new(abi.ProcessInfo)
	_, _, err := ipc.Sys(abi.NProcessInfo, uintptr(kpid), uintptr(unsafe.Pointer(i)), 0, 0, 0, 0)
	return *i, err
}

// SetOOM implements Machine.
func (NativeMachine) SetOOM(kpid uint64, adjust int) error {
	_, _, err := ipc.Sys(abi.NSetOOM, uintptr(kpid), uintptr(adjust+1000), 0, 0, 0, 0)
	return err
}

// Query implements Machine.
func (NativeMachine) Query(kpid, addr uint64) (abi.RegionInfo, error) {
	i := new(abi.RegionInfo)
	_, _, err := ipc.Sys(abi.NQuery, uintptr(kpid), uintptr(addr), uintptr(unsafe.Pointer(i)), 0, 0, 0)
	return *i, err
}

// ReadMemory implements Machine.
func (NativeMachine) ReadMemory(kpid, addr uint64, b []byte) int {
	// The kernel writes to memory that is there.
	for i := 0; i < len(b); i += abi.PageSize {
		b[i] = 0
	}
	done := 0
	for done < len(b) {
		n, _, err := ipc.Sys(abi.NReadMemory, uintptr(kpid), uintptr(addr)+uintptr(done), uintptr(unsafe.Pointer(&b[done])), uintptr(len(b)-done), 0, 0)
		if err == syscall.EAGAIN {
			continue
		}
		if err != nil || n == 0 {
			break
		}
		done += int(n)
	}
	return done
}

// SysInfo implements Machine.
func (NativeMachine) SysInfo() abi.SysInfo {
	i := new(abi.SysInfo)
	ipc.Sys(abi.NSysInfo, uintptr(unsafe.Pointer(i)), 0, 0, 0, 0, 0)
	return *i
}

// CPUInfo implements Machine.
func (NativeMachine) CPUInfo(n int) abi.CPUInfo {
	i := new(abi.CPUInfo)
	ipc.Sys(abi.NCPUInfo, uintptr(n), uintptr(unsafe.Pointer(i)), 0, 0, 0, 0)
	return *i
}

// Info implements Machine.
func (NativeMachine) Info() *abi.InfoPage {
	a := uintptr(abi.InfoVA)
	// The page is mapped at this address in every process.
	return *(**abi.InfoPage)(unsafe.Pointer(&a))
}

// bootTime is when the machine started, by the wall clock.
func (s *Server) bootTime() time.Time { return time.Unix(0, int64(s.machine.Info().WallOffset)) }
