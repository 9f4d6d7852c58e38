//go:build go42kernel

package amd64

import (
	"unsafe"

	"go42/mm/spin"
)

// Package spin reads a CPU's number by itself: the constant is negative, and
// does not compile, unless it lies where spin looks.
const (
	_ = unsafe.Offsetof(CPU{}.ID) - spin.IDOffset
	_ = spin.IDOffset - unsafe.Offsetof(CPU{}.ID)
)
