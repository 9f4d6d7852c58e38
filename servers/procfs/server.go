package procfs

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/cred"
	"go42/servers/vfs"
)

// Server is the server of /proc and /sys.
type Server struct {
	kernel  ipc.Kernel
	machine Machine
	creds   *cred.Cache
	vfs     vfs.Server
	fs      *vfs.FS
	sysfs   *vfs.FS
	pool    sync.Pool // of *client.Conn
	bootID  string
	started proto.Time
	// terminals is a handle on the terminal server; 0: not asked for yet.
	terminals atomic.Uint64
	memos     sync.Map // of *memo, by *ipc.Call: a few, which receivers use again and again
}

// dev is the file system's device number.
const dev = 23

// New makes the server.
func New(k ipc.Kernel, m Machine, creds *cred.Cache) *Server {
	s := &Server{kernel: k, machine: m, creds: creds, pool: sync.Pool{New: func() any { return k.Conn() }},
		bootID: uuid(), started: vfs.Now()}
	s.vfs = vfs.Server{Kernel: k, Creds: creds, Alive: func(uint64) bool { return true }}
	s.fs = s.vfs.AddFS(dirNode{s, &rootDir, key{}}, dev, func() proto.Statfs {
		return proto.Statfs{Type: 0x9fa0, Bsize: 4096, Namelen: 255, Frsize: 4096}
	})
	s.sysfs = s.newSysFS()
	return s
}

// Root is the object of the root directory of /proc, SysRoot that of /sys: mount them.
func (s *Server) Root() uint64    { return s.fs.RootID() }
func (s *Server) SysRoot() uint64 { return s.sysfs.RootID() }

// Handle serves a call.
func (s *Server) Handle(c *ipc.Call) { s.vfs.Handle(c) }

// Last ends an object.
func (s *Server) Last(id uint64) { s.vfs.Last(id) }

// call lends f a connection.
func (s *Server) call(f func(c *client.Conn)) {
	c := s.pool.Get().(*client.Conn)
	defer s.pool.Put(c)
	f(c)
}

func (s *Server) proc(f func(p client.Proc)) {
	s.call(func(c *client.Conn) { f(client.Proc{C: c, H: abi.HandleProc}) })
}

// record describes a process by pid.
func (s *Server) record(pid uint32) (r proto.ProcRecord, err error) {
	s.proc(func(p client.Proc) {
		q, st := p.Info(uint64(pid))
		if st < 0 {
			err = syscall.Errno(-st)
			return
		}
		r = *q
	})
	return r, err
}

// memo is what a call has been told about a process: a walk and the file at
// its end ask for the same several times.
type memo struct {
	call uint64 // ipc.Call.Record
	pid  uint32
	rec  proto.ProcRecord
	err  error
}

// recordIn is record, asked once a call.
func (s *Server) recordIn(x *vfs.Ctx, pid uint32) (proto.ProcRecord, error) {
	if x == nil || x.C == nil {
		return s.record(pid)
	}
	if v, ok := s.memos.Load(x.C); ok {
		if m := v.(*memo); m.call == x.C.Record && m.pid == pid {
			return m.rec, m.err
		}
	}
	r, err := s.record(pid)
	s.memos.Store(x.C, &memo{x.C.Record, pid, r, err})
	return r, err
}

// caller describes who asks.
func (s *Server) caller(x *vfs.Ctx) (r proto.ProcRecord, err error) {
	s.proc(func(p client.Proc) {
		q, st := p.InfoK(x.C.BadgePid)
		if st < 0 {
			err = syscall.Errno(-st)
			return
		}
		r = *q
	})
	return r, err
}

// pids lists processes after a pid, in order.
func (s *Server) pids(after uint32) ([]uint32, error) {
	b := make([]byte, 4*256)
	var n uint64
	var st int64
	s.proc(func(p client.Proc) { n, st = p.List(uint64(after), client.OutBytes(b)) })
	if st < 0 {
		return nil, syscall.Errno(-st)
	}
	n = min(n, uint64(len(b)/4))
	pids := make([]uint32, n)
	for i := range pids {
		pids[i] = le32(b[4*i:])
	}
	return pids, nil
}

// systemName is the host's or domain's name.
func (s *Server) systemName(which uint64) string {
	b := make([]byte, 256)
	var n uint64
	s.proc(func(p client.Proc) {
		if k, st := p.Name(which, client.OutBytes(b)); st >= 0 {
			n = min(k, uint64(len(b)))
		}
	})
	return string(b[:n])
}

// uuid makes a random UUID (version 4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}
