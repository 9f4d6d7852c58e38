//go:build go42kernel

package main

import (
	"unsafe"

	"go42/boot/bootinfo"
	"go42/ipc/abi"
	"go42/mm"
	"go42/sched"
	"go42/sched/lifecycle"
)

// image is the libOS as every process gets it: text and read-only data are
// the boot module's own frames, shared by all; data is a private copy-on-write
// view of the module; what follows it is zero.
var image struct {
	info               bootinfo.LibOS
	text, rodata, data *mm.FCM
}

// loadImage makes the memory objects of the libOS from the boot module.
// Start-up only.
func loadImage(info *bootinfo.Info) {
	l := info.LibOS
	if l.Text.Size == 0 {
		panic("the image holds no libOS")
	}
	image.info = l
	// The rest of the last data page belongs to the module's file, not to
	// the data: the libOS must find zeroes there.
	if tail := l.DataFile % abi.PageSize; tail != 0 {
		clear(mm.PhysBytes(l.Data.Phys+l.DataFile, int(abi.PageSize-tail)))
	}
	image.text = physObject(l.Text.Phys, l.Text.Size)
	image.rodata = physObject(l.ROData.Phys, l.ROData.Size)
	image.data = physObject(l.Data.Phys, l.DataFile)
	sched.Entries = l.Entries
}

// physObject makes an object of fixed memory that is never given back.
func physObject(pa, size uint64) *mm.FCM {
	f, err := mm.NewPhysFCM(mm.FCMImage, pa, pageUp(size), false)
	if err != mm.OK {
		panic("no memory for a boot object")
	}
	return f
}

func pageUp(n uint64) uint64 { return (n + abi.PageSize - 1) &^ (abi.PageSize - 1) }

// mapImage maps the pristine libOS into p's libOS half.
func mapImage(p *sched.Process) mm.Errno {
	l := &image.info
	file := pageUp(l.DataFile)
	for _, m := range [...]struct {
		va, size uint64
		prot     uint32
		shared   bool
		fcm      *mm.FCM
	}{
		{l.Text.Virt, l.Text.Size, abi.ProtRead | abi.ProtExec, true, image.text},
		{l.ROData.Virt, l.ROData.Size, abi.ProtRead, true, image.rodata},
		{l.Data.Virt, file, abi.ProtRead | abi.ProtWrite, false, image.data},
		{l.Data.Virt + file, pageUp(l.Data.Size) - file, abi.ProtRead | abi.ProtWrite, false, nil},
	} {
		if m.size == 0 {
			continue
		}
		spec := mm.MapSpec{Addr: m.va, Len: pageUp(m.size), Prot: m.prot, Flags: abi.MapLibOS | abi.MapFixed, FCM: m.fcm, Inherit: abi.InheritCopy}
		if m.shared {
			spec.Flags |= abi.MapShared
			spec.Inherit = abi.InheritShare
		}
		if _, err := p.Space.Map(&spec); err != mm.OK {
			return err
		}
	}
	return mm.OK
}

// mapParcel maps what is handed to a fresh libOS, privately, at ParcelVA.
func mapParcel(p *sched.Process, f *mm.FCM, off, size uint64) mm.Errno {
	_, err := p.Space.Map(&mm.MapSpec{Addr: abi.ParcelVA, Len: pageUp(size), Prot: abi.ProtRead | abi.ProtWrite,
		Flags: abi.MapLibOS | abi.MapFixed, FCM: f, Offset: off})
	return err
}

// spawn makes and starts the process of a boot module. Start-up only.
func spawn(m *bootinfo.Module, name, args string, role, rank uint32) *sched.Process {
	p := sched.NewProcess(mm.RootAccount())
	if p == nil {
		panic("no memory for a boot process")
	}
	p.Role, p.Rank = role, rank
	var err mm.Errno
	if p.Space, err = mm.NewAddressSpace(p.Acct); err != mm.OK {
		panic("no memory for a boot process")
	}
	if rank < abi.RankUser {
		p.Space.RunAhead()
	}
	if lifecycle.First(p, sched.This(), nil) != 0 {
		panic("no memory for a boot process")
	}
	if mapImage(p) != mm.OK {
		panic("the libOS does not fit into a boot process")
	}
	elf := physObject(m.Phys, m.Size)
	if _, err := p.Space.Map(&mm.MapSpec{Addr: abi.ModuleVA, Len: pageUp(m.Size), Prot: abi.ProtRead,
		Flags: abi.MapLibOS | abi.MapFixed | abi.MapShared, FCM: elf}); err != mm.OK {
		panic("a boot module does not fit into its process")
	}
	frame, ok := mm.AllocFrame(mm.RootAccount(), mm.KindKernel)
	if !ok {
		panic("no memory for a boot process")
	}
	s := (*abi.StartInfo)(mm.PhysToPtr(frame))
	copy(s.Name[:], name)
	copy(s.Args[:], args)
	if args != "" {
		s.NArgs = 1
	}
	s.Role, s.Rank = uint64(role), uint64(rank)
	if mapParcel(p, physObject(frame, abi.PageSize), 0, uint64(unsafe.Sizeof(*s))) != mm.OK {
		panic("no memory for a boot process")
	}
	return p
}
