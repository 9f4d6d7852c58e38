package file

import (
	"strconv"
	"strings"
	"syscall"

	"go42/ipc"
	"go42/servers/vfs"
)

// NewFS implements proto.FileServer.
func (s *Server) NewFS(c *ipc.Call, kind string, options string) (ipc.Grant, int64) {
	k, err := s.vfs.Creds.Get(c.BadgeCred)
	if err != nil || k.EUID != 0 {
		return ipc.Grant{}, -int64(syscall.EPERM)
	}
	if kind != "tmpfs" {
		return ipc.Grant{}, -int64(syscall.ENODEV)
	}
	o, err := parseOptions(options, s.limit)
	if err != nil {
		return ipc.Grant{}, ipc.Errno(err)
	}
	r := newRam(&s.vfs, s.memory, s.nextDev.Add(1), o.mode, o.pages)
	r.root.uid, r.root.gid = o.uid, o.gid
	r.fs.Transient = true
	if o.readOnly {
		r.fs.SetFlags(syscall.MS_RDONLY) // nobody has opened anything yet
	}
	return ipc.Object(r.fs.RootID()), 0
}

// rootOf is the file system whose root the caller gave.
func (s *Server) rootOf(root ipc.Given) (*vfs.FS, int64) {
	if root.Handle() == 0 {
		return nil, -int64(syscall.EINVAL)
	}
	id, err := root.Object()
	if err != nil {
		return nil, -int64(syscall.EINVAL)
	}
	if fs := s.vfs.RootOf(id); fs != nil {
		return fs, 0
	}
	return nil, -int64(syscall.EINVAL)
}

// SetFlags implements proto.FileServer.
func (s *Server) SetFlags(c *ipc.Call, root ipc.Given, flags uint64) int64 {
	k, err := s.vfs.Creds.Get(c.BadgeCred)
	if err != nil || k.EUID != 0 {
		return -int64(syscall.EPERM)
	}
	fs, st := s.rootOf(root)
	if st == 0 {
		st = ipc.Errno(fs.SetFlags(flags))
	}
	return st
}

// Users implements proto.FileServer.
func (s *Server) Users(c *ipc.Call, root ipc.Given) (uint64, int64) {
	if s.vfs.Settle != nil {
		s.vfs.Settle()
	}
	fs, st := s.rootOf(root)
	if st < 0 {
		return 0, st
	}
	return fs.Users(), 0
}

// Inotify implements proto.FileServer.
func (s *Server) Inotify(c *ipc.Call) (ipc.Grant, int64) { return s.vfs.NewInotify() }

type options struct {
	mode, uid, gid uint32
	pages          int64
	readOnly       bool
}

// parseOptions reads what Linux's tmpfs understands; EINVAL for anything else.
// half is the number of pages that stands for "size=50%" and for no limit.
func parseOptions(text string, half int64) (options, error) {
	o := options{mode: 0o1777, pages: half}
	for _, f := range strings.Split(text, ",") {
		if f == "" {
			continue
		}
		key, value, _ := strings.Cut(f, "=")
		var n uint64
		var err error
		switch key {
		case "mode":
			n, err = strconv.ParseUint(value, 8, 12)
			o.mode = uint32(n)
		case "uid":
			n, err = strconv.ParseUint(value, 10, 32)
			o.uid = uint32(n)
		case "gid":
			n, err = strconv.ParseUint(value, 10, 32)
			o.gid = uint32(n)
		case "size":
			if p, ok := strings.CutSuffix(value, "%"); ok {
				n, err = strconv.ParseUint(p, 10, 8)
				o.pages = 2 * half * int64(n) / 100
				break
			}
			n, err = byteCount(value)
			o.pages = pages(int64(n))
		case "nr_blocks":
			n, err = byteCount(value)
			o.pages = int64(n)
		case "ro", "rw":
			o.readOnly = key == "ro"
		case "nr_inodes":
			// Inodes have no limit of their own here.
			_, err = byteCount(value)
		default:
			return o, syscall.EINVAL
		}
		if err != nil || o.pages < 0 {
			return o, syscall.EINVAL
		}
		if o.pages == 0 {
			o.pages = half
		}
	}
	return o, nil
}

// byteCount is a number with Linux's suffixes k, m, g.
func byteCount(s string) (uint64, error) {
	shift := 0
	if s != "" {
		switch s[len(s)-1] | 0x20 {
		case 'k':
			shift = 10
		case 'm':
			shift = 20
		case 'g':
			shift = 30
		}
		if shift > 0 {
			s = s[:len(s)-1]
		}
	}
	n, err := strconv.ParseUint(s, 10, 33)
	return n << shift, err
}
