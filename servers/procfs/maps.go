package procfs

import (
	"bytes"
	"strconv"
	"strings"

	"go42/ipc/abi"
	"go42/servers/vfs"
)

// Names that the libOS gives regions (abi.MapArgs.Name): these, and from
// regionFiles on an open file of its table.
const (
	regionHeap  = 1
	regionStack = 2
	regionVDSO  = 3
	regionExe   = 4
	regionFiles = 256
)

// regionName is the last column of maps.
func (t *target) regionName(r *abi.RegionInfo) string {
	switch r.Name {
	case regionHeap:
		return "[heap]"
	case regionStack:
		return "[stack]"
	case regionVDSO:
		return "[vdso]"
	case regionExe:
		if n, err := exe(nil, t); err == nil {
			return n
		}
	}
	if r.Name > regionFiles && r.Name-regionFiles < abi.ProcMaxFile {
		if f, ok := t.openFile(uint16(r.Name - regionFiles)); ok {
			return name(f)
		}
	}
	return ""
}

// padded appends n with at least width digits, spaces or zeros before them. These
// files have thousands of numbers, which programs read while others wait for this
// server: fmt takes several times as long.
func padded(b []byte, n uint64, base, width int, fill byte) []byte {
	var d [20]byte
	s := strconv.AppendUint(d[:0], n, base)
	for i := len(s); i < width; i++ {
		b = append(b, fill)
	}
	return append(b, s...)
}

// mapLine is a region as maps shows it.
func (t *target) mapLine(b *bytes.Buffer, r *abi.RegionInfo) {
	perm := []byte("---p")
	for i, bit := range []uint32{abi.ProtRead, abi.ProtWrite, abi.ProtExec} {
		if r.Prot&bit != 0 {
			perm[i] = "rwx"[i]
		}
	}
	if r.Flags&abi.MapShared != 0 {
		perm[3] = 's'
	}
	minor, ino, off := uint64(0), uint64(0), uint64(0)
	if r.Kind == 1 {
		minor, ino, off = 2, r.FCMID, r.Offset
	}
	at := b.Len()
	l := padded(b.AvailableBuffer(), r.Addr, 16, 8, '0')
	l = append(padded(append(l, '-'), r.Addr+r.Len, 16, 8, '0'), ' ')
	l = padded(append(append(l, perm...), ' '), off, 16, 8, '0')
	l = append(padded(append(l, " 00:"...), minor, 16, 2, '0'), ' ')
	b.Write(append(strconv.AppendUint(l, ino, 10), ' '))
	if n := t.regionName(r); n != "" {
		if pad := 73 - (b.Len() - at); pad > 0 {
			b.WriteString(strings.Repeat(" ", pad))
		}
		b.WriteString(strings.ReplaceAll(n, "\n", "\\012"))
	}
	b.WriteByte('\n')
}

// maps is PID/maps.
func maps(x *vfs.Ctx, t *target) ([]byte, error) {
	var b bytes.Buffer
	t.regions(func(r *abi.RegionInfo) { t.mapLine(&b, r) })
	return b.Bytes(), nil
}

// smaps is PID/smaps, with what the kernel tells of a region.
func smaps(x *vfs.Ctx, t *target) ([]byte, error) {
	var b bytes.Buffer
	t.regions(func(r *abi.RegionInfo) {
		t.mapLine(&b, r)
		line := func(name string, n uint64) {
			l := append(append(b.AvailableBuffer(), name...), ':')
			for len(l) < 16 {
				l = append(l, ' ')
			}
			b.Write(append(padded(l, n>>10, 10, 8, ' '), " kB\n"...))
		}
		line("Size", r.Len)
		line("KernelPageSize", pageSize)
		line("MMUPageSize", pageSize)
		line("Rss", r.Resident)
		share := max(r.Shared, 1)
		line("Pss", r.Resident/share)
		shared, private := uint64(0), r.Resident
		if share > 1 {
			shared, private = private, shared
		}
		clean, dirty := uint64(0), uint64(0)
		if r.Prot&abi.ProtWrite == 0 {
			clean = 1
		} else {
			dirty = 1
		}
		line("Shared_Clean", shared*clean)
		line("Shared_Dirty", shared*dirty)
		line("Private_Clean", private*clean)
		line("Private_Dirty", private*dirty)
		line("Referenced", r.Resident)
		anon := r.Resident
		if r.Kind != 0 {
			anon = 0
		}
		line("Anonymous", anon)
		line("Swap", 0)
		line("Locked", 0)
		b.WriteString("VmFlags:")
		for i, bit := range []uint32{abi.ProtRead, abi.ProtWrite, abi.ProtExec} {
			if r.Prot&bit != 0 {
				b.WriteString(" " + []string{"rd", "wr", "ex"}[i])
			}
		}
		if r.Flags&abi.MapShared != 0 {
			b.WriteString(" sh")
		}
		b.WriteString(" mr mw me \n")
	})
	return b.Bytes(), nil
}
