package proc

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/loader"
	"go42/linuxapi/mm"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/vdso"
)

// Where things go in the program half. All but ET_EXEC images are at places
// drawn at random from these ranges (steps of pages, or of the image's
// alignment).
const (
	pieBase    = 0x5555_5000_0000
	pieSpan    = 0x0400_0000_0000
	interpBase = 0x6f00_0000_0000
	interpSpan = 0x0010_0000_0000
	stackBase  = 0x7d00_0000_0000 // the stack's top is above this
	stackSpan  = 0x0020_0000_0000
	brkSpan    = 0x0200_0000 // between an image's end and its heap

	// stackMax is the region reserved for the stack where RLIMIT_STACK says
	// less or "unlimited".
	stackMax = 64 << 20
	stackMin = 128 << 10
)

// random is a number below n from the kernel's generator.
func random(n uint64) uint64 {
	var b [8]byte
	native.Random(b[:])
	v := uint64(0)
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v % n
}

// source is an ELF file that can be mapped and whose beginning can be read.
type source struct {
	fcm, size uint64
	head      []byte // the first pages, mapped in the libOS half
}

// headMap is how much of the file the libOS maps to read its headers.
const headMap = 16 << 10

// open maps the head of an FCM.
func (s *source) open(fcm, size uint64) errno.Errno {
	s.fcm, s.size = fcm, size
	n := min(size, headMap)
	if n < 64 {
		return errno.ENOEXEC
	}
	m := abi.MapArgs{Len: (n + abi.PageSize - 1) &^ (abi.PageSize - 1), Prot: abi.ProtRead, Flags: abi.MapLibOS, FCM: fcm}
	r := native.Map(&m)
	if r < 0 {
		return errno.Of(r)
	}
	p := uintptr(r)
	s.head = unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), n)
	return errno.OK
}

func (s *source) close() {
	if s.head != nil {
		n := (uint64(len(s.head)) + abi.PageSize - 1) &^ (abi.PageSize - 1)
		native.Unmap(uint64(uintptr(unsafe.Pointer(&s.head[0]))), n)
		s.head = nil
	}
}

// parse plans the loading. The program headers must lie within headMap, as they
// do in every linker's output.
func (s *source) parse(im *loader.Image) errno.Errno {
	off, n, e := loader.Phdrs(s.head)
	if e != errno.OK {
		return e
	}
	if off+uint64(n) > uint64(len(s.head)) {
		return errno.ENOEXEC
	}
	return loader.Parse(im, s.head, s.head[off:off+uint64(n)], s.size)
}

// place maps the segments; base is what is added to the image's addresses.
func (s *source) place(im *loader.Image, base uint64) errno.Errno {
	for i := 0; i < im.NSegments; i++ {
		g := &im.Segments[i]
		at := base + g.Addr
		fileEnd := pageUp(g.FileLen)
		memEnd := pageUp(g.MemLen)
		if g.FileLen != 0 {
			prot := g.Prot
			tail := g.FileLen != g.MemLen && g.FileLen&(abi.PageSize-1) != 0
			if tail {
				// The rest of the last page is to be cleared.
				prot |= abi.ProtWrite | abi.ProtRead
				prot &^= abi.ProtExec
			}
			m := abi.MapArgs{Addr: at, Len: fileEnd, Prot: prot, Flags: abi.MapNoReplace, FCM: s.fcm, Offset: g.Off, Name: mm.NameExec}
			if r := native.Map(&m); r < 0 {
				return errno.Of(r)
			}
			if tail {
				// Fresh private memory of the program: nothing else uses it.
				p := uintptr(at + g.FileLen)
				clear(unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), fileEnd-g.FileLen))
				if prot != g.Prot {
					if r := native.Protect(at, fileEnd, uint64(g.Prot)); r < 0 {
						return errno.Of(r)
					}
				}
			}
		}
		if memEnd > fileEnd {
			m := abi.MapArgs{Addr: at + fileEnd, Len: memEnd - fileEnd, Prot: g.Prot, Flags: abi.MapNoReplace}
			if r := native.Map(&m); r < 0 {
				return errno.Of(r)
			}
		}
		if g.Prot&abi.ProtExec != 0 && mm.S.CodeLo == 0 {
			mm.S.CodeLo, mm.S.CodeHi = at, at+g.FileLen
		}
		if g.Prot&abi.ProtWrite != 0 {
			mm.S.DataLo, mm.S.DataHi = at, at+g.FileLen
		}
	}
	return errno.OK
}

func pageUp(n uint64) uint64 { return (n + abi.PageSize - 1) &^ (abi.PageSize - 1) }

func baseFor(im *loader.Image, lo, span uint64) uint64 {
	if !im.Dyn {
		return 0
	}
	b := lo + random(span)
	return (b &^ (im.Align - 1)) - im.Lo&^(im.Align-1)
}

// Scratch of the load, which happens once in an image's life.
var (
	image, interpImage loader.Image
	prog, interp       source
	auxv               loader.Aux
	stack              loader.Stack
)

// userMemory writes the new program's stack: fresh memory.
type userMemory struct{}

func (userMemory) Bytes(addr uint64, b []byte) bool {
	p := uintptr(addr)
	copy(unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), len(b)), b)
	return true
}

func (userMemory) Word(addr uint64, v uint64) bool {
	p := uintptr(addr)
	**(**uint64)(unsafe.Pointer(&p)) = v
	return true
}

var memory userMemory

// load makes the program in prog the process's, with the strings and names in
// stack, and sets t's registers to its start.
func load(t *thread.Thread, interpFCM, interpSize uint64, secure bool) errno.Errno {
	if e := prog.parse(&image); e != errno.OK {
		return e
	}
	mm.S = mm.State{}
	base := baseFor(&image, pieBase, pieSpan)
	if e := prog.place(&image, base); e != errno.OK {
		return e
	}
	start := base + image.Entry
	ibase := uint64(0)
	if interpFCM != 0 {
		if e := interp.open(interpFCM, interpSize); e != errno.OK {
			return e
		}
		if e := interp.parse(&interpImage); e != errno.OK || !interpImage.Dyn {
			return errno.ENOEXEC
		}
		ibase = baseFor(&interpImage, interpBase, interpSpan)
		if e := interp.place(&interpImage, ibase); e != errno.OK {
			return e
		}
		start = ibase + interpImage.Entry
		interp.close()
	}
	prog.close()
	mm.SetBrk(pageUp(base+image.Hi) + random(brkSpan/abi.PageSize)*abi.PageSize)

	if e := mapStack(image.ExecStack); e != errno.OK {
		return e
	}
	page, e := mapVDSO()
	if e != errno.OK {
		return e
	}
	info := native.Info()
	a := &auxv
	a.Add(loader.AT_SYSINFO_EHDR, page)
	a.Add(loader.AT_MINSIGSTKSZ, 1024+info.XSaveSize)
	a.Add(loader.AT_HWCAP, uint64(entry.Features()))
	a.Add(loader.AT_PAGESZ, abi.PageSize)
	a.Add(loader.AT_CLKTCK, 100)
	a.Add(loader.AT_PHDR, base+image.PhdrAddr)
	a.Add(loader.AT_PHENT, 56)
	a.Add(loader.AT_PHNUM, uint64(image.PhNum))
	a.Add(loader.AT_BASE, ibase)
	a.Add(loader.AT_FLAGS, 0)
	a.Add(loader.AT_ENTRY, base+image.Entry)
	a.Add(loader.AT_UID, uint64(Me.UID))
	a.Add(loader.AT_EUID, uint64(Me.EUID))
	a.Add(loader.AT_GID, uint64(Me.GID))
	a.Add(loader.AT_EGID, uint64(Me.EGID))
	s := uint64(0)
	if secure {
		s = 1
	}
	a.Add(loader.AT_SECURE, s)
	stack.Aux = a
	stack.Top = mm.S.StackTop
	native.Random(stack.Random[:])
	if e := stack.Build(memory); e != errno.OK {
		return e
	}
	mm.S.ArgLo, mm.S.ArgHi, mm.S.EnvLo, mm.S.EnvHi = stack.ArgLo, stack.ArgHi, stack.EnvLo, stack.EnvHi
	mm.S.AuxLo, mm.S.AuxHi, mm.S.StackStart = stack.AuxLo, stack.AuxHi, stack.SP

	p := hook.Info
	p.ArgLo, p.ArgHi, p.EnvLo, p.EnvHi = stack.ArgLo, stack.ArgHi, stack.EnvLo, stack.EnvHi
	p.AuxvLo, p.AuxvHi, p.Stack = stack.AuxLo, stack.AuxHi, stack.SP
	p.CodeLo, p.CodeHi, p.DataLo, p.DataHi = mm.S.CodeLo, mm.S.CodeHi, mm.S.DataLo, mm.S.DataHi
	p.Comm, p.Threads = Me.Comm, 1

	f := t.Frame
	*f = entry.Frame{}
	f.RIP, f.CS, f.RFLAGS, f.RSP, f.SS = start, entry.UserCS, 0x202, stack.SP, entry.UserSS
	f.Orig = -1
	t.FSBase = 0
	thread.ResetVector(&t.Thread)
	return errno.OK
}

// mapStack reserves the stack, lazily backed, with room for what is on it at
// the start.
func mapStack(exec bool) errno.Errno {
	size := Limits[rlimitStack][0]
	if size > stackMax {
		size = stackMax
	}
	if size < stackMin {
		size = stackMin
	}
	size = pageUp(max(size, 2*stack.Size()))
	top := stackBase + random(stackSpan/abi.PageSize)*abi.PageSize
	m := abi.MapArgs{Addr: top - size, Len: size, Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapNoReplace | abi.MapNoReserve, Name: mm.NameStack}
	if exec {
		m.Prot |= abi.ProtExec
	}
	if r := native.Map(&m); r < 0 {
		return errno.Of(r)
	}
	mm.S.StackTop, mm.S.StackLow = top-random(256)*16, top-size
	return errno.OK
}

// mapVDSO builds the shared object next to the stack's end.
func mapVDSO() (uint64, errno.Errno) {
	at := stackBase + stackSpan + abi.PageSize*(1+random(1<<20))
	m := abi.MapArgs{Addr: at, Len: vdso.Size, Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapNoReplace, Name: mm.NameVDSO}
	if r := native.Map(&m); r < 0 {
		return 0, errno.Of(r)
	}
	p := uintptr(at)
	vdso.Build(*(**[vdso.Size]byte)(unsafe.Pointer(&p)))
	if r := native.Protect(at, vdso.Size, abi.ProtRead|abi.ProtExec); r < 0 {
		return 0, errno.Of(r)
	}
	mm.S.VDSO = at
	return at, errno.OK
}
