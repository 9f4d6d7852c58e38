package procfs

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// fdLink is fd/N: a link that leads to the open file itself if it is the
// caller's own, else to what has its name.
type fdLink struct {
	dir dirNode
	fd  int32
}

func (l fdLink) key() key {
	k := l.dir.key
	k.fd = l.fd + 1
	return k
}

// Stat implements vfs.Node: the permission bits show the access mode.
func (l fdLink) Stat(x *vfs.Ctx) proto.Stat {
	mode := uint32(0o700)
	if t, err := l.dir.target(x, false); err == nil {
		if f, ok := t.file(l.fd); ok {
			switch f.Flags & 3 {
			case syscall.O_RDONLY:
				mode = 0o500
			case syscall.O_WRONLY:
				mode = 0o300
			}
		}
	}
	st := l.dir.stat(x, syscall.S_IFLNK|mode, inode(l.key(), 0))
	st.Size = 64
	return st
}

// Place implements vfs.Node.
func (l fdLink) Place() (vfs.Dir, string, bool) { return l.dir, strconv.Itoa(int(l.fd)), true }

// Readlink implements vfs.Link.
func (l fdLink) Readlink(x *vfs.Ctx) (string, error) {
	t, err := l.dir.target(x, true)
	if err != nil {
		return "", err
	}
	f, ok := t.file(l.fd)
	if !ok {
		return "", syscall.ENOENT
	}
	return name(f), nil
}

// own: the descriptor is the caller's.
func (l fdLink) own(x *vfs.Ctx) bool { return x.C != nil && x.C.BadgePid == l.dir.key.kpid }

// Defer implements vfs.Deferrer: of its own files the caller knows the names
// that they have now.
func (l fdLink) Defer(x *vfs.Ctx) *vfs.Redirect {
	if !l.own(x) {
		return nil
	}
	return &vfs.Redirect{Kind: proto.RedirectFD, Path: strconv.Itoa(int(l.fd))}
}

// Follow implements vfs.MagicLink.
func (l fdLink) Follow(x *vfs.Ctx) (vfs.Node, *vfs.Redirect, error) {
	if r := l.Defer(x); r != nil {
		return nil, r, nil
	}
	n, err := l.Readlink(x)
	if err != nil {
		return nil, nil, err
	}
	return byName(n)
}

// byName leads to a file by its name: what has none cannot be opened from
// another process.
func byName(n string) (vfs.Node, *vfs.Redirect, error) {
	if !strings.HasPrefix(n, "/") {
		return nil, nil, syscall.ENXIO
	}
	return nil, &vfs.Redirect{Kind: proto.RedirectAbsolute, Path: n}, nil
}

// magicLink is exe, cwd or root: it leads where it says whatever the caller's
// idea of the path is.
type magicLink struct{ linkNode }

// Follow implements vfs.MagicLink.
func (l magicLink) Follow(x *vfs.Ctx) (vfs.Node, *vfs.Redirect, error) {
	n, err := l.Readlink(x)
	if err != nil {
		return nil, nil, err
	}
	return byName(n)
}

// name is a published file's name.
func name(f abi.ProcFile) string { return string(f.Name[:min(int(f.NameLen), len(f.Name))]) }

// number reads a decimal number as directory entries have it.
func number(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return uint32(n), err == nil && strconv.FormatUint(n, 10) == s
}

func lookupFD(x *vfs.Ctx, d dirNode, s string) (int32, error) {
	n, ok := number(s)
	if !ok || n >= abi.ProcMaxFD {
		return 0, syscall.ENOENT
	}
	t, err := d.target(x, true)
	if err != nil {
		return 0, err
	}
	if _, ok := t.file(int32(n)); !ok {
		return 0, syscall.ENOENT
	}
	return int32(n), nil
}

func listFDs(x *vfs.Ctx, d dirNode, after uint64, typ uint32, emit func(vfs.Entry) bool) error {
	t, err := d.target(x, true)
	if err != nil {
		return err
	}
	for _, fd := range t.fds() {
		cookie := dynamic + uint64(fd)
		if cookie <= after {
			continue
		}
		k := d.key
		k.fd = fd + 1
		if !emit(vfs.Entry{Name: strconv.Itoa(int(fd)), Cookie: cookie, Ino: inode(k, 0), Mode: typ}) {
			break
		}
	}
	return nil
}

var fdDir = dirDef{name: "fd", index: 8, mode: 0o500, private: true,
	lookup: func(x *vfs.Ctx, d dirNode, s string) (vfs.Node, error) {
		n, err := lookupFD(x, d, s)
		if err != nil {
			return nil, err
		}
		return fdLink{d, n}, nil
	},
	list: func(x *vfs.Ctx, d dirNode, after uint64, emit func(vfs.Entry) bool) error {
		return listFDs(x, d, after, syscall.S_IFLNK, emit)
	},
}

var fdInfoDir = dirDef{name: "fdinfo", index: 9, mode: 0o500, private: true,
	lookup: func(x *vfs.Ctx, d dirNode, s string) (vfs.Node, error) {
		n, err := lookupFD(x, d, s)
		if err != nil {
			return nil, err
		}
		d.key.fd = n + 1
		return fileNode{d, &fdInfo}, nil
	},
	list: func(x *vfs.Ctx, d dirNode, after uint64, emit func(vfs.Entry) bool) error {
		return listFDs(x, d, after, syscall.S_IFREG, emit)
	},
}

// fdInfo is fdinfo/N. The offset is its server's secret: there is no line for
// it.
var fdInfo = entry{name: "", mode: 0o400, private: true, text: func(x *vfs.Ctx, t *target) ([]byte, error) {
	fd := t.key.fd - 1
	f, ok := t.file(fd)
	if !ok {
		return nil, syscall.ENOENT
	}
	flags := f.Flags
	if t.cloexec(fd) {
		flags |= syscall.O_CLOEXEC
	}
	return fmt.Appendf(nil, "flags:\t0%o\nmnt_id:\t1\n", flags), nil
}}
