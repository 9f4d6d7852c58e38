package file

import (
	"math/bits"
	"runtime"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
)

// NativeMemory makes FCMs of the kernel's.
type NativeMemory struct{}

type nativeFCM struct {
	handle uint64
	addr   uintptr
	mapped int64 // bytes of address space at addr
	size   int64
}

// New implements Memory.
func (NativeMemory) New(size int64) (FCM, error) {
	h, _, err := ipc.Sys(abi.NFCMCreate, uintptr(size), abi.FCMFile, 0, 0, 0, 0)
	if err != nil {
		return nil, err
	}
	m := &nativeFCM{handle: uint64(h), size: size}
	if err := m.window(size); err != nil {
		ipc.Native{}.Drop(m.handle)
		return nil, err
	}
	// The files of a file system that has been unmounted are closed by nobody.
	runtime.SetFinalizer(m, (*nativeFCM).Close)
	return m, nil
}

// minWindow is the least address space given to an FCM, so that growing files
// are not mapped anew at every step.
const minWindow = 1 << 20

// window maps at least size bytes.
func (m *nativeFCM) window(size int64) error {
	n := int64(1) << bits.Len64(uint64(max(size, minWindow)-1))
	args := &abi.MapArgs{Len: uint64(n), Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapShared | abi.MapNoReserve, FCM: m.handle, Inherit: abi.InheritNone}
	a, _, err := ipc.Sys(abi.NMap, uintptr(unsafe.Pointer(args)), 0, 0, 0, 0, 0)
	if err != nil {
		return err
	}
	if m.mapped != 0 {
		unmap(m.addr, m.mapped)
	}
	m.addr, m.mapped = a, n
	return nil
}

func unmap(addr uintptr, n int64) { ipc.Sys(abi.NUnmap, addr, uintptr(n), 0, 0, 0, 0) }

// Handle implements FCM.
func (m *nativeFCM) Handle() uint64 { return m.handle }

// Bytes implements FCM.
func (m *nativeFCM) Bytes() []byte { return memory(m.addr, m.size) }

// Next implements FCM.
func (m *nativeFCM) Next(off int64) int64 {
	_, at, err := ipc.Sys(abi.NFCMNext, uintptr(m.handle), uintptr(off), 0, 0, 0, 0)
	if err != nil {
		return -1
	}
	return int64(at)
}

// Resident implements FCM.
func (m *nativeFCM) Resident() int64 {
	i := new(abi.FCMInfo)
	ipc.Sys(abi.NFCMInfo, uintptr(m.handle), uintptr(unsafe.Pointer(i)), 0, 0, 0, 0)
	return int64(i.Resident)
}

// memory is mapped memory as bytes. It is outside the Go heap and stays
// mapped while its owner says so.
func memory(addr uintptr, n int64) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), n)
}

// Resize implements FCM.
func (m *nativeFCM) Resize(size int64) error {
	if size > m.mapped {
		if err := m.window(size); err != nil {
			return err
		}
	}
	// The kernel counts in pages.
	if pages(size) != pages(m.size) {
		if _, _, err := ipc.Sys(abi.NFCMResize, uintptr(m.handle), uintptr(size), 0, 0, 0, 0); err != nil {
			return err
		}
	}
	m.size = size
	return nil
}

func pages(n int64) int64 { return (n + pageSize - 1) / pageSize }

// Close implements FCM. Mappers keep the pages.
func (m *nativeFCM) Close() {
	runtime.SetFinalizer(m, nil)
	unmap(m.addr, m.mapped)
	ipc.Native{}.Drop(m.handle)
}

// Module maps a boot module read-only for good.
func Module(name string) ([]byte, error) {
	b := []byte(name)
	h, size, err := ipc.Sys(abi.NModule, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0, 0)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, nil
	}
	n := (uint64(size) + pageSize - 1) &^ (pageSize - 1)
	args := &abi.MapArgs{Len: n, Prot: abi.ProtRead, Flags: abi.MapShared, FCM: uint64(h), Inherit: abi.InheritNone}
	a, _, err := ipc.Sys(abi.NMap, uintptr(unsafe.Pointer(args)), 0, 0, 0, 0, 0)
	if err != nil {
		return nil, err
	}
	return memory(a, int64(size)), nil
}
