// Package mount is the mount-point server: which file system's root lies
// under which path, and which server answers to which name.
//
// Objects: Server (object 0 is the only one), entry (a mount), service.
//
// The table's version is published in the first word of an FCM that every
// process may map; it changes with each change of the table, after the change.
// Covering a directory is between the one who mounts and the file system (see
// proto.FileSystem.Cover): this server only keeps the cover's handle, so that
// the directory is uncovered when the mount goes or this server dies.
//
// Locks: Server.mu guards everything. No server is called with it held.
package mount

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/ipc/server"
	"go42/servers/cred"
)

// Server is the mount-point server.
type Server struct {
	kernel ipc.Kernel
	creds  *cred.Cache
	page   *uint64 // the published version
	fcm    uint64  // the page's handle

	mu       sync.Mutex
	version  uint64
	nextID   uint64
	entries  []*entry // in the order of mounting
	services map[string]*service
	waiters  ipc.Waiters // for a service to register
}

type entry struct {
	point string
	info  proto.MountInfo
	root  uint64 // handle on the file system's root
	cover uint64 // handle that keeps the directory covered
}

type service struct {
	handle uint64
	kpid   uint64 // who registered it
}

// New makes the server. page is the word to publish the version in, fcm the
// handle of the memory object that it lies in (0: not published).
func New(k ipc.Kernel, creds *cred.Cache, page *uint64, fcm uint64) *Server {
	return &Server{kernel: k, creds: creds, page: page, fcm: fcm, services: map[string]*service{}}
}

// Handle serves a call.
func (s *Server) Handle(c *ipc.Call) {
	if c.Object != 0 {
		c.Status = -int64(syscall.EBADF)
		return
	}
	server.ServeMount(s, c)
}

// changed publishes a new version. s.mu is held.
func (s *Server) changed() {
	s.version++
	atomic.StoreUint64(s.page, s.version)
}

// privileged: the caller acts as root.
func (s *Server) privileged(c *ipc.Call) bool {
	k, err := s.creds.Get(c.BadgeCred)
	return err == nil && k.EUID == 0
}

// clean says whether path has the form that the table wants.
func clean(path string) bool {
	if path == "/" {
		return true
	}
	if !strings.HasPrefix(path, "/") {
		return false
	}
	for _, p := range strings.Split(path[1:], "/") {
		if p == "" || p == "." || p == ".." {
			return false
		}
	}
	return true
}

// under: path is point or lies under it.
func under(path, point string) bool {
	if point == "/" {
		return true
	}
	return strings.HasPrefix(path, point) && (len(path) == len(point) || path[len(point)] == '/')
}

// Version implements proto.Mount.
func (s *Server) Version(c *ipc.Call) (uint64, ipc.Grant, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version, ipc.ReadOnly(s.fcm), 0
}

// Lookup implements proto.Mount.
func (s *Server) Lookup(c *ipc.Call, path string) (uint64, *proto.MountInfo, ipc.Grant, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !clean(path) {
		return s.version, nil, ipc.Grant{}, -int64(syscall.EINVAL)
	}
	var best *entry
	for _, e := range s.entries {
		if under(path, e.point) && (best == nil || len(e.point) >= len(best.point)) {
			best = e
		}
	}
	if best == nil {
		return s.version, nil, ipc.Grant{}, -int64(syscall.ENOENT)
	}
	return s.version, &best.info, ipc.CopyOf(best.root), 0
}

// Entry implements proto.Mount.
func (s *Server) Entry(c *ipc.Call, i uint64) (uint64, *proto.MountInfo, ipc.Grant, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= uint64(len(s.entries)) {
		return s.version, nil, ipc.Grant{}, -int64(syscall.ENOENT)
	}
	e := s.entries[i]
	return s.version, &e.info, ipc.CopyOf(e.root), 0
}

// Mount implements proto.Mount.
func (s *Server) Mount(c *ipc.Call, info *proto.MountInfo, root ipc.Given, cover ipc.Given) (uint64, int64) {
	if !s.privileged(c) {
		return 0, -int64(syscall.EPERM)
	}
	point := CString(info.Point[:])
	if !clean(point) || root.Handle() == 0 {
		return 0, -int64(syscall.EINVAL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if (len(s.entries) == 0) != (point == "/") {
		return s.version, -int64(syscall.EINVAL)
	}
	s.nextID++
	e := &entry{point: point, info: *info, root: root.Take(), cover: cover.Take()}
	e.info.ID = s.nextID
	s.entries = append(s.entries, e)
	s.changed()
	s.waiters.Wake(s.kernel, math.MaxUint64)
	return s.version, 0
}

// Umount implements proto.Mount.
func (s *Server) Umount(c *ipc.Call, path string, flags uint64) (uint64, int64) {
	if !s.privileged(c) {
		return 0, -int64(syscall.EPERM)
	}
	s.mu.Lock()
	last := -1
	for i, e := range s.entries {
		if e.point == path {
			last = i
		}
	}
	if last < 0 {
		defer s.mu.Unlock()
		return s.version, -int64(syscall.EINVAL)
	}
	for i, e := range s.entries {
		if i != last && e.point != path && under(e.point, path) {
			defer s.mu.Unlock()
			return s.version, -int64(syscall.EBUSY)
		}
	}
	if path == "/" {
		defer s.mu.Unlock()
		return s.version, -int64(syscall.EBUSY)
	}
	e := s.entries[last]
	s.entries = append(s.entries[:last], s.entries[last+1:]...)
	s.changed()
	v := s.version
	s.mu.Unlock()
	drop(s.kernel, e.root, e.cover)
	return v, 0
}

// SetFlags implements proto.Mount.
func (s *Server) SetFlags(c *ipc.Call, path string, flags uint64) (uint64, int64) {
	if !s.privileged(c) {
		return 0, -int64(syscall.EPERM)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.entries) - 1; i >= 0; i-- {
		if e := s.entries[i]; e.point == path {
			e.info.Flags = flags
			s.changed()
			return s.version, 0
		}
	}
	return s.version, -int64(syscall.EINVAL)
}

func drop(k ipc.Kernel, hs ...uint64) {
	for _, h := range hs {
		if h != 0 {
			k.Drop(h)
		}
	}
}

// Service implements proto.Mount.
func (s *Server) Service(c *ipc.Call, name string, wait uint64) (ipc.Grant, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.services[name]
	if v == nil {
		s.waiters.Arm(c.BadgePid, wait, 1)
		return ipc.Grant{}, -int64(syscall.EAGAIN)
	}
	return ipc.CopyOf(v.handle), 0
}

// Register implements proto.Mount. A name belongs to the process that has it
// until that process dies; then its handle is dead, and anyone privileged
// may take over.
func (s *Server) Register(c *ipc.Call, name string, h ipc.Given) int64 {
	if !s.privileged(c) {
		return -int64(syscall.EPERM)
	}
	if name == "" || len(name) > 32 || h.Handle() == 0 {
		return -int64(syscall.EINVAL)
	}
	s.mu.Lock()
	old := s.services[name]
	if old != nil && old.kpid != c.BadgePid {
		if _, err := s.kernel.HandleInfo(old.handle); err == nil {
			s.mu.Unlock()
			return -int64(syscall.EEXIST)
		}
	}
	s.services[name] = &service{h.Take(), c.BadgePid}
	s.waiters.Wake(s.kernel, math.MaxUint64)
	s.mu.Unlock()
	if old != nil {
		s.kernel.Drop(old.handle)
	}
	return 0
}

// CString is the text up to the first zero byte.
func CString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// Info makes a MountInfo.
func Info(point, typ, source string, flags uint64) *proto.MountInfo {
	m := &proto.MountInfo{Flags: flags}
	copy(m.Point[:len(m.Point)-1], point)
	copy(m.Type[:len(m.Type)-1], typ)
	copy(m.Source[:len(m.Source)-1], source)
	return m
}
