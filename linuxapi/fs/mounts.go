package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/linuxapi/fs/path"
)

// The mount table as the mount-point server publishes it, kept until its
// version word moves. Handles of roots live as long as their mount is in the
// table; a walk uses them without holding mountMu, and one whose mount has
// gone meanwhile gets the kernel's error for an empty slot.

const maxMounts = 32

type mountEntry struct {
	id    uint64
	root  uint64 // handle
	point [128]byte
	base  [128]byte // of a bind mount: the path of root in its file system
	n     int32     // length of point
	nbase int32     // length of base; 0: the file system's root
}

var (
	mountMu      mutex
	mounts       [maxMounts]mountEntry
	mountCount   int32
	mountVersion uint64 // version that mounts shows; 0: none
	mountPage    uint64 // address of the published version word; 0: not mapped
)

func (m *mountEntry) prefix() []byte { return m.point[:m.n] }

// global writes the path in the name space of what is at p in m's file system
// to dst, and returns its length, or -1: too long.
func (m *mountEntry) global(dst, p []byte) int {
	if m.nbase > 0 {
		if r := path.Match(m.base[:m.nbase], p); r >= 0 {
			p = p[r:]
		}
	}
	return path.Join(dst, m.prefix(), p)
}

// findBase asks where in its file system a mount's root is.
func (m *mountEntry) findBase() {
	n, st := client.FileSystem{C: conn(), H: m.root}.Path(outBytes(m.base[:]))
	m.nbase = 0
	if st >= 0 && n > 1 && n <= uint64(len(m.base)) {
		m.nbase = int32(n)
	}
}

// mountsKnown reports whether the table is the published one: not if the mount
// server has gone since it changed.
func mountsKnown() bool {
	return mountPage != 0 && loadWord(mountPage) == mountVersion
}

// knowMounts makes the table current, or answers why walks cannot begin. Without the
// mount server the one that is known serves.
func knowMounts() int64 {
	e := refreshMounts()
	if e == -EIO && mountVersion != 0 {
		e = 0
	}
	return e
}

// refreshMounts makes the table current. On an error it is the old one, or
// mountVersion is 0.
func refreshMounts() int64 {
	if mountPage != 0 && mountVersion != 0 && loadWord(mountPage) == mountVersion {
		return 0
	}
	mountMu.Lock()
	defer mountMu.Unlock()
	c := conn()
	srv := client.Mount{C: c, H: abi.HandleMount}
	for try := 0; ; try++ {
		v, page, st := srv.Version()
		if st < 0 {
			return st
		}
		if page != 0 {
			if mountPage == 0 {
				mountPage = mapReadOnly(page, abi.PageSize)
			}
			drop(page)
		}
		if v == mountVersion {
			return 0
		}
		if st = loadMounts(srv, v); st == 0 {
			mountVersion = v
		}
		if st != -EAGAIN || try == mostMounting {
			return st
		}
	}
}

// mostMounting is how many times a table that changes while it is read is read again.
const mostMounting = 100

// loadMounts reads the table at version v; EAGAIN: it changed meanwhile. mountMu is
// held. The table is rewritten in place: entries that are still there keep their
// handle. On an error it is to be read anew.
func loadMounts(srv client.Mount, v uint64) int64 {
	mountVersion = 0
	n := int32(0)
	for n < maxMounts {
		v2, info, root, st := srv.Entry(uint64(n))
		if st < 0 {
			if st != -ENOENT {
				return st
			}
			break
		}
		if v2 != v {
			drop(root)
			return -EAGAIN
		}
		// Find the entry this mount has, and move it to its place.
		k := n
		for k < mountCount && mounts[k].id != info.ID {
			k++
		}
		if k < mountCount {
			if k != n {
				t := &mounts[n]
				u := &mounts[k]
				*t, *u = *u, *t
			}
			drop(root)
		} else {
			if mountCount == maxMounts {
				drop(mounts[n].root)
			} else {
				if n < mountCount {
					mounts[mountCount] = mounts[n]
				}
				mountCount++
			}
			e := &mounts[n]
			*e = mountEntry{id: info.ID, root: root, point: info.Point}
			for int(e.n) < len(e.point) && e.point[e.n] != 0 {
				e.n++
			}
			e.findBase() // the reply with info is gone now
		}
		n++
	}
	for mountCount > n {
		mountCount--
		drop(mounts[mountCount].root)
		mounts[mountCount] = mountEntry{}
	}
	return 0
}

// findMount returns the mount that the absolute path p begins in: its index
// and the offset in p of the rest. -1: there is none.
func findMount(p []byte) (m int, rest int) {
	m = -1
	best := int32(-1)
	for i := 0; i < int(mountCount); i++ {
		e := &mounts[i]
		if e.n < best {
			continue
		}
		if r := path.Match(e.prefix(), p); r >= 0 {
			m, rest, best = i, r, e.n
		}
	}
	return m, rest
}

// mountByID returns the index of a mount, or -1.
func mountByID(id uint64) int {
	for i := 0; i < int(mountCount); i++ {
		if mounts[i].id == id {
			return i
		}
	}
	return -1
}

// Named services.
const (
	svcPipe = iota
	svcTTY
	svcSock
	svcFile
	numServices
)

var serviceNames = [numServices]string{"pipe", "tty", "sock", "file"}

var services [numServices]uint64 // handles; 0: not asked yet

// service returns the handle of a named service, or -errno. One that is not
// there (yet) is EAGAIN's ENOSYS-like sibling: ENODEV.
func service(i int) (uint64, int64) {
	mountMu.Lock()
	h := services[i]
	mountMu.Unlock()
	if h != 0 {
		return h, 0
	}
	grantEnter()
	defer grantLeave()
	h, st := client.Mount{C: conn(), H: abi.HandleMount}.Service(serviceNames[i], 0)
	if st < 0 {
		if st == -EAGAIN {
			st = -ENODEV
		}
		return 0, st
	}
	mountMu.Lock()
	if services[i] == 0 {
		services[i] = h
		h = 0
	}
	got := services[i]
	mountMu.Unlock()
	if h != 0 {
		drop(h)
	}
	return got, 0
}
