// Package loader understands what exec is given: ELF images (ET_EXEC, ET_DYN),
// scripts, and the initial stack of a program. It parses and plans; package proc
// maps. Input is untrusted: any byte string gives a plan or ENOEXEC.
package loader

import "go42/linuxapi/errno"

// Limits of what is loaded.
const (
	MaxPhdrs    = 64
	MaxSegments = 16
	HeadSize    = 4096 // bytes of the file's beginning that Parse wants
	pageSize    = 4096
	// maxAddr is the end of what an image may occupy.
	maxAddr = 0x7e00_0000_0000
)

// Segment is one PT_LOAD, page-aligned: [Addr, Addr+FileLen) comes from the file
// at Off, the bytes from FileEnd to MemEnd are zero (FileEnd need not be
// aligned), up to MemEnd rounded up to pages.
type Segment struct {
	Addr    uint64 // page-aligned
	Off     uint64 // page-aligned
	FileLen uint64 // bytes from Addr that come from the file, 0: none
	MemLen  uint64 // bytes from Addr
	Prot    uint32 // 1 read, 2 write, 4 exec
}

// Image is a parsed ELF.
type Image struct {
	Dyn       bool // ET_DYN: addresses are relative to the load base
	Entry     uint64
	PhOff     uint64
	PhNum     int
	Lo, Hi    uint64 // page-aligned span of the segments
	Align     uint64 // largest p_align
	Segments  [MaxSegments]Segment
	NSegments int
	PhdrAddr  uint64 // address of the program headers in memory, 0: not mapped
	InterpOff uint64
	InterpLen uint64 // 0: none
	ExecStack bool
}

func le16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
func le32(b []byte) uint32 { return uint32(le16(b)) | uint32(le16(b[2:]))<<16 }
func le64(b []byte) uint64 { return uint64(le32(b)) | uint64(le32(b[4:]))<<32 }

const (
	ptLoad   = 1
	ptInterp = 3
	ptPhdr   = 6
	ptStack  = 0x6474e551
)

// Phdrs reads where the program headers are from an ELF header: they may lie
// beyond HeadSize.
func Phdrs(head []byte) (off uint64, size int, e errno.Errno) {
	if len(head) < 64 || head[0] != 0x7f || head[1] != 'E' || head[2] != 'L' || head[3] != 'F' {
		return 0, 0, errno.ENOEXEC
	}
	if head[4] != 2 || head[5] != 1 || head[6] != 1 || le16(head[18:]) != 62 {
		return 0, 0, errno.ENOEXEC
	}
	if t := le16(head[16:]); t != 2 && t != 3 {
		return 0, 0, errno.ENOEXEC
	}
	n := int(le16(head[56:]))
	off = le64(head[32:])
	if le16(head[54:]) != 56 || n == 0 || n > MaxPhdrs || off >= 1<<40 {
		return 0, 0, errno.ENOEXEC
	}
	return off, n * 56, errno.OK
}

// Parse plans the loading of the image with that header and program headers; the
// file has size bytes.
func Parse(im *Image, head, phdrs []byte, size uint64) errno.Errno {
	*im = Image{}
	off, n, e := Phdrs(head)
	if e != errno.OK {
		return e
	}
	if len(phdrs) < n {
		return errno.ENOEXEC
	}
	im.Dyn = le16(head[16:]) == 3
	im.Entry = le64(head[24:])
	im.PhOff, im.PhNum = off, n/56
	im.Align = pageSize
	im.Lo = ^uint64(0)
	last := uint64(0)
	for i := 0; i < im.PhNum; i++ {
		p := phdrs[i*56:]
		flags := le32(p[4:])
		fileOff, vaddr, filesz, memsz, align := le64(p[8:]), le64(p[16:]), le64(p[32:]), le64(p[40:]), le64(p[48:])
		switch le32(p) {
		case ptInterp:
			if filesz < 2 || filesz > 4096 || fileOff > size || filesz > size-fileOff {
				return errno.ENOEXEC
			}
			im.InterpOff, im.InterpLen = fileOff, filesz
		case ptStack:
			im.ExecStack = flags&1 != 0
		case ptPhdr:
			im.PhdrAddr = vaddr
		case ptLoad:
			if memsz == 0 {
				continue
			}
			if im.NSegments == MaxSegments || filesz > memsz || vaddr >= maxAddr || memsz > maxAddr-vaddr ||
				fileOff >= 1<<40 || filesz != 0 && (fileOff&(pageSize-1) != vaddr&(pageSize-1) || fileOff > size || filesz > size-fileOff) {
				return errno.ENOEXEC
			}
			if align&(align-1) != 0 {
				return errno.ENOEXEC
			}
			if align > im.Align && align <= 1<<30 {
				im.Align = align
			}
			s := &im.Segments[im.NSegments]
			skew := vaddr & (pageSize - 1)
			s.Addr = vaddr - skew
			s.MemLen = memsz + skew
			if filesz != 0 {
				s.Off = fileOff - skew
				s.FileLen = filesz + skew
			}
			if im.NSegments > 0 && s.Addr < last {
				// Linux maps overlapping segments over each other; here
				// they must ascend.
				return errno.ENOEXEC
			}
			if flags&4 != 0 {
				s.Prot |= 1
			}
			if flags&2 != 0 {
				s.Prot |= 2
			}
			if flags&1 != 0 {
				s.Prot |= 4
			}
			last = up(s.Addr + s.MemLen)
			im.Lo = min(im.Lo, s.Addr)
			im.Hi = max(im.Hi, last)
			im.NSegments++
			if im.PhdrAddr == 0 && filesz != 0 && off >= fileOff && off+uint64(n) <= fileOff+filesz {
				im.PhdrAddr = vaddr + (off - fileOff)
			}
		}
	}
	if im.NSegments == 0 || im.Hi > maxAddr {
		return errno.ENOEXEC
	}
	if !im.Dyn && im.Lo < 0x10000 {
		return errno.ENOEXEC
	}
	return errno.OK
}

func up(a uint64) uint64 { return (a + pageSize - 1) &^ (pageSize - 1) }

// Script finds the interpreter line of a #! file: head is its beginning.
// ENOEXEC if it is none.
func Script(head []byte) (interp, arg []byte, e errno.Errno) {
	if len(head) < 3 || head[0] != '#' || head[1] != '!' {
		return nil, nil, errno.ENOEXEC
	}
	line := head[2:min(len(head), 256)]
	end := -1
	for i, c := range line {
		if c == '\n' {
			end = i
			break
		}
	}
	if end < 0 {
		end = len(line)
	}
	line = trim(line[:end])
	i := 0
	for i < len(line) && line[i] != ' ' && line[i] != '\t' {
		i++
	}
	interp, arg = line[:i], trim(line[i:])
	if len(interp) == 0 {
		return nil, nil, errno.ENOEXEC
	}
	for _, c := range line {
		if c == 0 {
			return nil, nil, errno.ENOEXEC
		}
	}
	return interp, arg, errno.OK
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
