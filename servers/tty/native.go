package tty

import (
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
)

// NativeMachine is the devices of Go42's kernel.
type NativeMachine struct{}

// Read implements Machine.
func (NativeMachine) Read(dev uint64, b []byte) int {
	if len(b) == 0 {
		return 0
	}
	n, _, err := ipc.Sys(abi.NDevRead, uintptr(dev), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if err != nil {
		return 0
	}
	return int(n)
}

// Write implements Machine.
func (NativeMachine) Write(dev uint64, b []byte) int {
	if len(b) == 0 {
		return 0
	}
	n, _, err := ipc.Sys(abi.NDevWrite, uintptr(dev), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if err != nil {
		return 0
	}
	return int(n)
}

// Attach implements Machine.
func (NativeMachine) Attach(dev, channel uint64) error {
	_, _, err := ipc.Sys(abi.NIRQAttach, uintptr(dev), uintptr(channel), 0, 0, 0, 0)
	return err
}
