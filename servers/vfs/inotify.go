package vfs

import (
	"encoding/binary"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/servers/stream"
)

// inotify is one instance: the watches that it has, and events that nobody has
// read yet. Guarded by Server.watches.mu.
type inotify struct {
	stream.Base
	srv    *Server
	byWD   map[int32]*watch
	last   int32 // watch number given last
	events []event
	over   bool // the last event says that some are missing
	flags  uint64
	wait   ipc.Waiters
}

type event struct {
	wd           int32
	mask, cookie uint32
	name         string
}

const (
	eventHead = 16 // of struct inotify_event

	maxInstances = 1024
	maxWatches   = 8192 // an instance's
	maxEvents    = 16384
)

// size is the event's length in bytes: the name is padded to whole heads.
func (e *event) size() int {
	if e.name == "" {
		return eventHead
	}
	return eventHead + (len(e.name)+1+eventHead-1)&^(eventHead-1)
}

func (e *event) put(b []byte) {
	clear(b)
	binary.LittleEndian.PutUint32(b, uint32(e.wd))
	binary.LittleEndian.PutUint32(b[4:], e.mask)
	binary.LittleEndian.PutUint32(b[8:], e.cookie)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(b)-eventHead))
	copy(b[eventHead:], e.name)
}

// queue adds an event, unless it says what the last one says.
func (i *inotify) queue(e event) {
	if n := len(i.events); n > 0 {
		if l := &i.events[n-1]; l.mask == e.mask && l.wd == e.wd && l.name == e.name && e.mask&inIgnored == 0 {
			return
		}
		if n >= maxEvents {
			e = event{wd: -1, mask: inOverflow}
			if i.over {
				return
			}
			i.over = true
		}
	}
	i.events = append(i.events, e)
	i.wait.Edge(i.srv.Kernel, proto.PollIn)
}

func (i *inotify) state() uint64 {
	if len(i.events) > 0 {
		return proto.PollIn
	}
	return 0
}

// NewInotify makes an instance.
func (s *Server) NewInotify() (ipc.Grant, int64) {
	t := &s.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count >= maxInstances {
		return ipc.Grant{}, -int64(syscall.EMFILE)
	}
	t.count++
	return ipc.Object(s.objects.Add(&Object{inotify: &inotify{srv: s, byWD: map[int32]*watch{}}})), 0
}

// end is the last handle's going.
func (i *inotify) end() {
	t := &i.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	for _, w := range i.byWD {
		t.forget(w)
	}
	i.byWD, i.events = nil, nil
}

// Watch implements proto.FileSystem.
func (o names) Watch(c *ipc.Call, path string, mask uint64, in ipc.Given, redir ipc.Out) (n uint64, wd uint64, status int64) {
	m := uint32(mask)
	if m&inMaskAdd != 0 && m&inMaskCreate != 0 {
		return 0, 0, -int64(syscall.EINVAL)
	}
	id, err := in.Object()
	if err != nil {
		return 0, 0, ipc.Errno(err)
	}
	p, ok := o.fs.srv.objects.Get(id)
	if !ok || p.inotify == nil {
		return 0, 0, -int64(syscall.EINVAL)
	}
	n, status = o.on(c, path, m&inDontFollow == 0, false, redir, func(x *Ctx, f found) error {
		if err := f.there(); err != nil {
			return err
		}
		if _, ok := f.node.(Dir); !ok && m&inOnlyDir != 0 {
			return syscall.ENOTDIR
		}
		if !permitted(x, f.node, 4) {
			return syscall.EACCES
		}
		var err error
		wd, err = p.inotify.watch(o.fs, f.node, m)
		return err
	})
	return n, wd, status
}

// watch adds or changes the watch of n.
func (i *inotify) watch(fs *FS, n Node, mask uint32) (uint64, error) {
	const kept = inAllEvents | inExclUnlink | inOneShot
	t := &i.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.byNode[n] {
		if w.in == i {
			switch {
			case mask&inMaskCreate != 0:
				return 0, syscall.EEXIST
			case mask&inMaskAdd != 0:
				w.mask |= mask & kept
			default:
				w.mask = mask & kept
			}
			return uint64(w.wd), nil
		}
	}
	if len(i.byWD) >= maxWatches || i.last == 1<<31-1 {
		return 0, syscall.ENOSPC
	}
	i.last++
	w := &watch{in: i, fs: fs, node: n, wd: i.last, mask: mask & kept}
	i.byWD[w.wd] = w
	if t.byNode == nil {
		t.byNode = map[Node][]*watch{}
	}
	t.byNode[n] = append(t.byNode[n], w)
	t.n.Add(1)
	return uint64(w.wd), nil
}

// Remove implements proto.Inotify.
func (i *inotify) Remove(c *ipc.Call, wd uint64) int64 {
	t := &i.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	w := i.byWD[int32(wd)]
	if w == nil {
		return -int64(syscall.EINVAL)
	}
	t.remove(w)
	return 0
}

// Read implements proto.File.
func (i *inotify) Read(c *ipc.Call, off int64, wait uint64, buf ipc.Out) (size uint64, state uint64, st int64) {
	t := &i.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(i.events) == 0 {
		i.wait.Arm(c.BadgePid, wait, proto.PollIn)
		return 0, 0, -int64(syscall.EAGAIN)
	}
	var b []byte
	n := 0
	for ; n < len(i.events); n++ {
		e := &i.events[n]
		k := e.size()
		if uint64(len(b)+k) > buf.Len() {
			break
		}
		b = append(b, make([]byte, k)...)
		e.put(b[len(b)-k:])
	}
	if n == 0 {
		return 0, i.state(), -int64(syscall.EINVAL)
	}
	if _, err := buf.CopyOut(b, 0); err != nil {
		return 0, i.state(), ipc.Errno(err)
	}
	if i.events = i.events[n:]; len(i.events) == 0 {
		i.events, i.over = nil, false
	}
	return uint64(len(b)), i.state(), 0
}

// Write implements proto.File.
func (i *inotify) Write(*ipc.Call, int64, uint64, uint64, ipc.In) (uint64, uint64, int64) {
	return 0, 0, -int64(syscall.EBADF)
}

// Poll implements proto.File.
func (i *inotify) Poll(c *ipc.Call, mask uint64, wait uint64) (uint64, int64) {
	t := &i.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	return i.wait.Poll(c.BadgePid, i.state(), mask, wait), 0
}

// Control implements proto.File: FIONREAD is the bytes that can be read.
func (i *inotify) Control(c *ipc.Call, request uint64, arg uint64, wait uint64, in ipc.In, out ipc.Out) (uint64, int64) {
	if request != fionread {
		return 0, -int64(syscall.ENOTTY)
	}
	t := &i.srv.watches
	t.mu.Lock()
	n := 0
	for k := range i.events {
		n += i.events[k].size()
	}
	t.mu.Unlock()
	_, err := out.CopyOut(binary.LittleEndian.AppendUint32(nil, uint32(n)), 0)
	return 0, ipc.Errno(err)
}

// Stat implements proto.File: of all anonymous inodes this is one.
func (i *inotify) Stat(*ipc.Call) (*proto.Stat, int64) {
	return &proto.Stat{Dev: 14, Ino: 1, Nlink: 1, Mode: 0o600, Blksize: 4096}, 0
}

// Statfs implements proto.File.
func (i *inotify) Statfs(*ipc.Call) (*proto.Statfs, int64) {
	const anonInodeMagic = 0x09041934
	return &proto.Statfs{Type: anonInodeMagic, Bsize: 4096, Frsize: 4096, Namelen: 255}, 0
}

// GetFlags implements proto.File.
func (i *inotify) GetFlags(*ipc.Call) (uint64, int64) {
	t := &i.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	return i.flags, 0
}

// SetFlags implements proto.File.
func (i *inotify) SetFlags(c *ipc.Call, flags uint64) int64 {
	t := &i.srv.watches
	t.mu.Lock()
	defer t.mu.Unlock()
	i.flags = i.flags&^stream.Settable | flags&stream.Settable
	return 0
}

// Path implements proto.File.
func (i *inotify) Path(*ipc.Call, ipc.Out) (uint64, int64) { return 0, -int64(syscall.ENOENT) }
