package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
)

// What /proc shows of this process's files: the names in the published block.

// procInfo is the block; the layers above fill in the fields that are theirs
// and name it to the process server.
var procInfo abi.ProcInfo

// Info is the published block.
func Info() *abi.ProcInfo { return &procInfo }

func (f *File) published() *abi.ProcFile { return &procInfo.File[fileIndex(f)] }

func (f *File) setName(s string) {
	p := f.published()
	p.NameLen = uint16(copy(p.Name[:], s))
	p.Flags = f.flags
}

// setNumberedName makes the name s followed by n and "]".
func (f *File) setNumberedName(s string, n uint64) {
	p := f.published()
	k := copy(p.Name[:], s)
	k += decimal(p.Name[k:], n)
	p.Name[k] = ']'
	p.NameLen = uint16(k + 1)
	p.Flags = f.flags
}

func decimal(b []byte, n uint64) int {
	var t [20]byte
	i := len(t)
	for {
		i--
		t[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return copy(b, t[i:])
		}
	}
}

func (f *File) copyName(g *File) {
	p, q := f.published(), g.published()
	p.Name, p.NameLen, p.Flags = q.Name, q.NameLen, f.flags
}

// nameFromWalk takes the path that was just opened as a first name; /proc
// readers of this very process get the server's answer (path).
func (f *File) nameFromWalk(w *walk) {
	p := f.published()
	p.Flags = f.flags
	n := 0
	mountMu.Lock()
	if m := mountByID(w.mount); m >= 0 && w.at == nil {
		if q := mounts[m].prefix(); len(q) > 1 {
			n = copy(p.Name[:], q)
		}
	}
	mountMu.Unlock()
	if w.at != nil {
		q := w.at.published()
		n = copy(p.Name[:], q.Name[:q.NameLen])
		if n == 1 {
			n = 0
		}
	}
	if w.lo < w.hi {
		if n < len(p.Name) {
			p.Name[n] = '/'
			n++
		}
		n += copy(p.Name[n:], w.buf.path[w.lo:w.hi])
	} else if n == 0 {
		p.Name[0] = '/'
		n = 1
	}
	p.NameLen = uint16(n)
}

// publishFD shows descriptor fd (f nil: closed). tableMu is held.
func publishFD(fd int, f *File, cloexec bool) {
	e := &procInfo.FD[fd]
	if f == nil {
		*e = abi.ProcFD{}
		return
	}
	*e = abi.ProcFD{File: uint16(fileIndex(f))}
	if cloexec {
		e.Flags = 1
	}
	if uint32(fd) >= procInfo.FDLimit {
		procInfo.FDLimit = uint32(fd) + 1
	}
}

// path writes what readlink("/proc/self/fd/N") shows and returns its length.
func (f *File) path(dst []byte) int64 {
	switch f.kind {
	case kindFile, kindDir, kindPath, kindTTY, kindNull, kindZero, kindFull, kindRandom:
		if f.handle == 0 || f.kind == kindFile && f.aux == ownName {
			break
		}
		t := takeBuf()
		k := int64(-ENOENT)
		n, st := client.File{C: conn(), H: f.handle}.Path(outBytes(t.path[:pathMax-1]))
		if st >= 0 && n < pathMax {
			switch f.kind {
			case kindFile, kindDir, kindPath:
				k = joinMount(f.mount, t.redir[:pathMax], t.path[:n])
			default:
				k = 0
			}
		}
		if k > 0 {
			k = int64(copy(dst, t.redir[:k]))
		}
		t.give()
		if k > 0 {
			return k
		}
	}
	p := f.published()
	return int64(copy(dst, p.Name[:p.NameLen]))
}

// publishCwd shows the current directory.
func publishCwd() {
	b := takeBuf()
	if n := currentDir(b); n > 0 {
		procInfo.CwdLen = uint32(copy(procInfo.Cwd[:], b.path[:n]))
	}
	b.give()
}
