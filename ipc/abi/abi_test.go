package abi

import (
	"testing"
	"unsafe"
)

func TestOffsets(t *testing.T) {
	var p DispatcherPage
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"Self", unsafe.Offsetof(p.Self), OffSelf},
		{"Disabled", unsafe.Offsetof(p.Disabled), OffDisabled},
		{"Pending", unsafe.Offsetof(p.Pending), OffPending},
		{"SvcSP", unsafe.Offsetof(p.SvcSP), OffSvcSP},
		{"SchedSP", unsafe.Offsetof(p.SchedSP), OffSchedSP},
		{"TrapSP", unsafe.Offsetof(p.TrapSP), OffTrapSP},
		{"Notify", unsafe.Offsetof(p.Notify), OffNotify},
		{"Accept", unsafe.Offsetof(p.Accept), OffAccept},
		{"InTrap", unsafe.Offsetof(p.InTrap), OffInTrap},
		{"CPU", unsafe.Offsetof(p.CPU), OffCPU},
		{"Private", unsafe.Offsetof(p.Private), OffPrivate},
		{"Svc", unsafe.Offsetof(p.Svc), OffSvc},
		{"Event", unsafe.Offsetof(p.Event), OffEvent},
		{"Trap", unsafe.Offsetof(p.Trap), OffTrap},
		{"Call", unsafe.Offsetof(p.Call), OffCall},
		{"Return", unsafe.Offsetof(p.Return), OffReturn},
		{"Out", unsafe.Offsetof(p.Out), OffOut},
	} {
		if c.got != c.want {
			t.Errorf("%s at %#x, want %#x", c.name, c.got, c.want)
		}
	}
	if unsafe.Sizeof(p) > PageSize {
		t.Errorf("dispatcher page is %d bytes", unsafe.Sizeof(p))
	}
	if unsafe.Sizeof(InfoPage{}) > PageSize {
		t.Errorf("info page is %d bytes", unsafe.Sizeof(InfoPage{}))
	}
}
