//go:build go42libos

package native

import (
	"unsafe"

	"go42/ipc/abi"
)

// The page is at a fixed address in every process.
func infoPage() *abi.InfoPage {
	a := uintptr(abi.InfoVA)
	return *(**abi.InfoPage)(unsafe.Pointer(&a))
}
