// Package world sets up servers and application processes in one Go process,
// over package loop, so that servers are tested on a host as their clients see
// them.
package world

import (
	"sync"
	"syscall"
	"testing"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/loop"
	"go42/servers/cred"
	"go42/servers/file"
	"go42/servers/mount"
	"go42/servers/pipe"
	"go42/servers/proc"
)

// World is a machine with the servers that every test needs.
type World struct {
	T     testing.TB
	Net   *loop.Net
	Proc  *proc.Server
	Mount *mount.Server
	File  *file.Server
	Pipe  *pipe.Server

	procP, mountP *loop.Proc
	kernel        *kernel
	apps          map[uint64]*App

	Version uint64   // published version of the mount table
	Init    *App     // pid 1
	Status  []string // lines reported to the host tool
	Powered int      // how the machine was ended; -1 while it runs
}

// App is an application process.
type App struct {
	*loop.Proc
	W         *World
	C         *client.Conn
	Pid       uint64
	Suspended bool
	Block     []byte // what it publishes, at BlockAt
	roots     map[string]uint64
}

// New makes a world with process, mount-point, file and pipe server and init.
// initramfs may be nil.
func New(t testing.TB, initramfs []byte) *World {
	t.Helper()
	w := &World{T: t, Net: loop.New(), Powered: -1, apps: map[uint64]*App{}}
	w.kernel = &kernel{w: w, infos: map[uint64]*abi.ProcessInfo{}, execCred: map[uint64]uint64{}}
	w.procP = w.Boot(abi.RankProc)
	w.kernel.Proc = w.procP
	w.Proc = proc.New(w.kernel)
	w.Serve(w.procP, &ipc.Server{Name: "proc", Kernel: w.kernel, Handle: w.Proc.Handle})
	w.mountP = w.Boot(abi.RankMount)
	w.Mount = mount.New(w.mountP, w.Creds(w.mountP), &w.Version, 0)
	w.Serve(w.mountP, &ipc.Server{Name: "mount", Kernel: w.mountP, Handle: w.Mount.Handle})
	fp := w.Boot(abi.RankFile)
	var err error
	w.File, err = file.New(file.Config{Kernel: fp, Creds: w.Creds(fp), Memory: Memory{}, Initramfs: initramfs, MemTotal: 256 << 20,
		Alive: func(kpid uint64) bool { return w.kernel.ProcessInfo(kpid, new(abi.ProcessInfo)) == nil }})
	if err != nil {
		t.Fatal(err)
	}
	w.Serve(fp, &ipc.Server{Name: "file", Kernel: fp, Handle: w.File.Handle, Last: w.File.Last})
	w.MountAt(fp, "/", client.Object(w.File.Root.RootID()), abi.Grant{})
	for point, id := range map[string]uint64{"/dev": w.File.Dev.RootID(), "/tmp": w.File.Tmp.RootID()} {
		cover, err := w.File.Root.Cover(point)
		if err != nil {
			t.Fatal(err)
		}
		w.MountAt(fp, point, client.Object(id), client.Object(cover))
	}
	w.Register(fp, "file")
	pp := w.Boot(abi.RankPipe)
	w.Pipe = pipe.New(pp, w.Creds(pp))
	w.Serve(pp, &ipc.Server{Name: "pipe", Kernel: pp, Handle: w.Pipe.Handle, Last: w.Pipe.Last})
	w.Register(pp, "pipe")
	w.Init = w.app(w.Boot(abi.RankApp))
	w.Init.Self()
	return w
}

// Boot makes a process as the kernel's boot table does.
func (w *World) Boot(rank int) *loop.Proc {
	p := w.Net.Spawn(0, rank)
	w.kernel.mu.Lock()
	w.kernel.infos[p.KPid] = &abi.ProcessInfo{KPid: p.KPid, Rank: uint64(rank), State: 1}
	w.kernel.mu.Unlock()
	if rank > abi.RankProc {
		p.Put(abi.HandleProc, w.procP, 0)
	}
	if rank > abi.RankMount {
		p.Put(abi.HandleMount, w.mountP, 0)
	}
	return p
}

// Serve makes p a server whose handlers' panics fail the test.
func (w *World) Serve(p *loop.Proc, s *ipc.Server) {
	s.Log = func(line string) { w.T.Error(line) }
	p.Serve(s)
}

// Creds makes a credential cache for server p.
func (w *World) Creds(p *loop.Proc) *cred.Cache { return &cred.Cache{Query: cred.Asker(p)} }

// MountAt mounts root as process p.
func (w *World) MountAt(p *loop.Proc, point string, root, cover abi.Grant) {
	w.T.Helper()
	if _, st := (client.Mount{C: p.Conn(), H: abi.HandleMount}).Mount(mount.Info(point, "tmpfs", "none", 0), root, cover); st < 0 {
		w.T.Fatalf("mount %s: %v", point, syscall.Errno(-st))
	}
}

// Register names object 0 of server p.
func (w *World) Register(p *loop.Proc, name string) {
	w.T.Helper()
	if st := (client.Mount{C: p.Conn(), H: abi.HandleMount}).Register(name, client.Object(0)); st < 0 {
		w.T.Fatalf("register %s: %v", name, syscall.Errno(-st))
	}
}

func (w *World) app(p *loop.Proc) *App {
	a := &App{Proc: p, W: w, C: p.Conn(), roots: map[string]uint64{}}
	w.kernel.mu.Lock()
	w.apps[p.KPid] = a
	w.kernel.mu.Unlock()
	return a
}

// Fork makes a child of a, entered at the process server.
func (a *App) Fork() *App {
	a.W.T.Helper()
	c, st := a.TryFork(0)
	if st < 0 {
		a.W.T.Fatal("fork: ", syscall.Errno(-st))
	}
	return c
}

// TryFork is Fork with flags, answering the status.
func (a *App) TryFork(flags uint64) (*App, int64) {
	p := a.Proc.Fork()
	k := a.W.kernel
	k.mu.Lock()
	k.infos[p.KPid] = &abi.ProcessInfo{KPid: p.KPid, Parent: a.KPid, Cred: a.Cred, Rank: abi.RankApp}
	k.mu.Unlock()
	c := a.W.app(p)
	for m, h := range a.roots {
		c.roots[m] = h
	}
	pid, st := a.Server().Fork(p.KPid, flags, uint64(syscall.SIGCHLD))
	if st < 0 {
		p.Die()
		return nil, st
	}
	c.Pid = pid
	return c, 0
}

// Server is the process server as a calls it.
func (a *App) Server() client.Proc { return client.Proc{C: a.C, H: abi.HandleProc} }

// Self asks who a is, and remembers its pid.
func (a *App) Self() uint64 {
	a.W.T.Helper()
	r, st := a.Server().Self()
	if st < 0 {
		a.W.T.Fatal("self: ", syscall.Errno(-st))
	}
	a.Pid = uint64(r.Pid)
	return a.Pid
}

// Exit ends a with a wait status.
func (a *App) Exit(status uint64) {
	k := a.W.kernel
	a.Die()
	k.mu.Lock()
	info := k.infos[a.KPid]
	delete(k.infos, a.KPid)
	if info != nil {
		k.exits = append(k.exits, abi.ExitNotice{KPid: a.KPid, Parent: info.Parent, Status: status, UserNS: 1000, MaxResident: 4096})
	}
	k.mu.Unlock()
	if info != nil {
		a.W.Proc.Exits()
	}
}

// Root is the root directory of the file system mounted at point.
func (a *App) Root(point string) client.FileSystem {
	a.W.T.Helper()
	h := a.roots[point]
	if h == 0 {
		_, _, root, st := client.Mount{C: a.C, H: abi.HandleMount}.Lookup(point)
		if st < 0 {
			a.W.T.Fatalf("lookup %s: %v", point, syscall.Errno(-st))
		}
		h = root
		a.roots[point] = h
	}
	return client.FileSystem{C: a.C, H: h}
}

// Service is a named service's object.
func (a *App) Service(name string) uint64 {
	a.W.T.Helper()
	h, st := client.Mount{C: a.C, H: abi.HandleMount}.Service(name, 0)
	if st < 0 {
		a.W.T.Fatalf("service %s: %v", name, syscall.Errno(-st))
	}
	return h
}

// File is an open object of a's.
func (a *App) File(h uint64) client.File { return client.File{C: a.C, H: h} }

// Setuid makes a another user, as root.
func (a *App) Setuid(uid, gid uint64, groups ...uint32) {
	a.W.T.Helper()
	b := make([]byte, 0, 4*len(groups))
	for _, g := range groups {
		b = append(b, byte(g), byte(g>>8), byte(g>>16), byte(g>>24))
	}
	s := a.Server()
	if st := s.SetGroups(client.InBytes(b)); st < 0 {
		a.W.T.Fatal("setgroups: ", syscall.Errno(-st))
	}
	if _, st := s.SetGID(0, gid, 0, 0); st < 0 {
		a.W.T.Fatal("setgid: ", syscall.Errno(-st))
	}
	if _, st := s.SetUID(0, uid, 0, 0); st < 0 {
		a.W.T.Fatal("setuid: ", syscall.Errno(-st))
	}
}

// kernel is what the process server needs of a machine. mu guards all of it,
// and World.apps.
type kernel struct {
	*loop.Proc
	w *World

	mu    sync.Mutex
	infos map[uint64]*abi.ProcessInfo
	exits []abi.ExitNotice

	execCred map[uint64]uint64 // by kpid: NExecCred
}

func (k *kernel) Kill(kpid, status uint64) error {
	k.mu.Lock()
	a, info := k.w.apps[kpid], k.infos[kpid]
	delete(k.infos, kpid)
	if info != nil {
		k.exits = append(k.exits, abi.ExitNotice{KPid: kpid, Parent: info.Parent, Status: status})
	}
	k.mu.Unlock()
	if info == nil || a == nil {
		return syscall.ESRCH
	}
	// The notice comes later, as from the kernel.
	go func() { a.Die(); k.w.Proc.Exits() }()
	return nil
}

func (k *kernel) suspend(kpid uint64, s bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.w.apps[kpid]
	if a == nil || k.infos[kpid] == nil {
		return syscall.ESRCH
	}
	a.Suspended = s
	return nil
}

func (k *kernel) Suspend(kpid uint64) error { return k.suspend(kpid, true) }
func (k *kernel) Resume(kpid uint64) error  { return k.suspend(kpid, false) }

// Region is the page of addr, shared memory in every process: they all have that
// of the test.
func (k *kernel) Region(kpid, addr uint64, info *abi.RegionInfo) error {
	*info = abi.RegionInfo{Addr: addr &^ 4095, Len: 4096, Flags: abi.MapShared, FCMID: addr >> 12}
	return nil
}

func (k *kernel) ProcessInfo(kpid uint64, info *abi.ProcessInfo) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := k.infos[kpid]
	if i == nil {
		return syscall.ESRCH
	}
	*info = *i
	return nil
}

func (k *kernel) NextExit(n *abi.ExitNotice) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.exits) == 0 {
		return false
	}
	*n, k.exits = k.exits[0], k.exits[1:]
	return true
}

func (k *kernel) SetNice(uint64, int32) error { return nil }

func (k *kernel) SetCred(kpid, token uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := k.infos[kpid]
	if i == nil {
		return syscall.ESRCH
	}
	i.Cred = token
	if a := k.w.apps[kpid]; a != nil {
		a.Cred = token
	}
	return nil
}

func (k *kernel) SetExecCred(kpid, token uint64, set bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !set {
		delete(k.execCred, kpid)
		return nil
	}
	k.execCred[kpid] = token
	return nil
}

// Reset is what the kernel's reset does to an application's credentials.
func (w *World) Reset(a *App) {
	w.kernel.mu.Lock()
	token, ok := w.kernel.execCred[a.KPid]
	delete(w.kernel.execCred, a.KPid)
	w.kernel.mu.Unlock()
	if ok {
		w.kernel.SetCred(a.KPid, token)
	}
}

func (k *kernel) SetRole(kpid uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := k.infos[kpid]
	switch {
	case i == nil:
		return syscall.ESRCH
	case i.Rank != abi.RankApp:
		return syscall.EBUSY
	}
	i.Rank = abi.RankUser
	if a := k.w.apps[kpid]; a != nil {
		a.Rank = abi.RankUser
	}
	return nil
}

// BlockAt is where an App's Block is in its memory.
const BlockAt = 0x10000

// ReadMemory finds the blocks of processes, and nothing else.
func (k *kernel) ReadMemory(kpid, addr uint64, b []byte) int {
	a := k.w.apps[kpid]
	if a == nil || addr < BlockAt || addr-BlockAt >= uint64(len(a.Block)) {
		return 0
	}
	return copy(b, a.Block[addr-BlockAt:])
}

func (k *kernel) Power(op, status uint64) error { k.w.Powered = int(op); return nil }
func (k *kernel) SetWall(offset int64) error    { return nil }
func (k *kernel) Status(line string)            { k.w.Status = append(k.w.Status, line) }

// Memory makes FCMs of ordinary memory.
type Memory struct{}

type fcm struct{ b []byte }

// New implements file.Memory.
func (Memory) New(size int64) (file.FCM, error) { return &fcm{make([]byte, size)}, nil }

func (f *fcm) Handle() uint64 { return 0 }
func (f *fcm) Bytes() []byte  { return f.b }
func (f *fcm) Close()         { f.b = nil }

// Next finds every page: this memory has no holes.
func (f *fcm) Next(off int64) int64 {
	if off >= int64(len(f.b)) {
		return -1
	}
	return off
}

func (f *fcm) Resident() int64 { return int64(len(f.b)) }

func (f *fcm) Resize(n int64) error {
	if n > 1<<30 {
		return syscall.ENOMEM
	}
	b := make([]byte, n)
	copy(b, f.b)
	f.b = b
	return nil
}
