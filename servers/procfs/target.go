package procfs

import (
	"bytes"
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// target is a process as the text of a file sees it, at one moment. The zero
// target (rec.Pid 0) is that of files that are about no process.
type target struct {
	srv *Server
	key key
	rec proto.ProcRecord
	// visible: the caller may see what is private.
	visible bool

	info  *abi.ProcHead // the published block's head; nil: none or not asked for
	asked bool
	fresh bool // it has not begun to run: the block is its parent's

	task *abi.ProcThread // with key.task: that thread
}

// target describes the process that d is about; EACCES if what is asked for
// is private and the caller may not see it; ESRCH, as ENOENT for names, when
// the process is gone.
func (d dirNode) target(x *vfs.Ctx, private bool) (*target, error) {
	t := &target{srv: d.srv, key: d.key}
	if d.key.pid == 0 {
		return t, nil
	}
	r, err := d.srv.recordIn(x, d.key.pid)
	if err != nil {
		return nil, absent(err)
	}
	if r.KPid != d.key.kpid {
		return nil, syscall.ENOENT
	}
	t.rec = r
	t.visible = visible(x, &r)
	if private && !t.visible {
		return nil, syscall.EACCES
	}
	if n := d.key.task; n != 0 && n != d.key.pid {
		if t.task = t.thread(n); t.task == nil {
			return nil, syscall.ENOENT
		}
	}
	return t, nil
}

// visible: Linux's rule for looking into another process: the caller's
// file-system ids are all of the other's ids, which has not gained any by
// set-uid and can be dumped; or it is root.
func visible(x *vfs.Ctx, r *proto.ProcRecord) bool {
	if x == nil {
		return false
	}
	if x.C != nil && x.C.BadgePid == r.KPid {
		return true
	}
	u, g := x.Cred.FSUID, x.Cred.FSGID
	if u == 0 {
		return true
	}
	return r.Flags&(proto.ProcSecure|proto.ProcPrivate) == 0 && u == r.UID && u == r.EUID && u == r.SUID && g == r.GID && g == r.EGID && g == r.SGID
}

// headSize is how much of the block comes before the descriptors.
const headSize = int(unsafe.Sizeof(abi.ProcHead{}))

// A process that executes another program shows the one or the other, as on Linux:
// who looks between them waits, though not for ever.
const betweenLooks = 1000

var betweenStep = time.Millisecond

// block reads the head of what the process publishes; nil: nothing usable.
func (t *target) block() *abi.ProcHead {
	if t.asked {
		return t.info
	}
	t.asked = true
	for range betweenLooks {
		if t.info = t.head(); t.info != nil {
			return t.info
		}
		if t.rec.State != 'R' || t.rec.Flags&proto.ProcKernel != 0 || t.rec.Block == 0 && t.rec.Flags&proto.ProcSecure == 0 {
			return nil
		}
		time.Sleep(betweenStep)
		r, err := t.srv.record(t.rec.Pid)
		if err != nil || r.KPid != t.rec.KPid || r.Cred != t.rec.Cred {
			return nil
		}
		t.rec.State, t.rec.Block, t.rec.BlockSize = r.State, r.Block, r.BlockSize
	}
	return nil
}

// steady has f look at the memory of one program: once more if another has taken its
// place meanwhile.
func (t *target) steady(f func(p *abi.ProcHead)) {
	p := t.block()
	for range betweenLooks {
		f(p)
		t.asked = false
		q := t.block()
		if p == nil || q == nil || q.Stack == p.Stack && q.ArgLo == p.ArgLo && q.CodeLo == p.CodeLo {
			return
		}
		p = q
	}
}

// head reads the block's head once.
func (t *target) head() *abi.ProcHead {
	if t.rec.Block == 0 || t.rec.State == 'Z' || t.rec.BlockSize < uint64(headSize) {
		return nil
	}
	b := make([]byte, headSize)
	if t.srv.machine.ReadMemory(t.rec.KPid, t.rec.Block, b) != headSize {
		return nil
	}
	// The struct is plain words; it is decoded field by field from what was
	// read, so that it is the same for as long as it is used.
	p := new(abi.ProcHead)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(p)), headSize), b)
	if p.Magic != abi.ProcInfoMagic || p.Pid == 0 {
		return nil
	}
	if t.fresh = p.Pid != t.rec.Pid; t.fresh {
		p.Main = abi.ProcThread{TID: t.rec.Pid, Blocked: p.SigBlocked, CPUs: p.Main.CPUs, Nice: p.Main.Nice, Policy: p.Main.Policy, Comm: t.rec.Comm}
		p.Threads, p.ThreadLimit, p.Pending = 1, 0, 0
	}
	p.FDLimit = min(p.FDLimit, abi.ProcMaxFD)
	p.ExeLen = min(p.ExeLen, uint32(len(p.Exe)))
	p.CwdLen = min(p.CwdLen, uint32(len(p.Cwd)))
	p.ThreadLimit = min(p.ThreadLimit, abi.ProcMaxThread)
	p.RootLen = min(p.RootLen, uint32(len(p.Root)))
	if p.Threads == 0 || p.Threads > maxThreads {
		p.Threads = 1
	}
	return p
}

// pending are the signals that wait for the process, and for the thread that is
// looked at.
func (t *target) pending() (shared, own uint64) {
	shared = t.rec.Pending
	p := t.block()
	if p == nil {
		return shared, 0
	}
	if p.Fetched != t.rec.Fetched || t.fresh {
		shared |= t.rec.Moved // on their way
	}
	thread := &p.Main
	if t.task != nil {
		thread = t.task
	}
	return shared | t.word(p.Pending), t.word(thread.Pending)
}

// word reads a word of the libOS.
func (t *target) word(addr uint64) uint64 {
	var b [8]byte
	if addr == 0 || t.srv.machine.ReadMemory(t.rec.KPid, addr, b[:]) != len(b) {
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

const maxThreads = 8192

// at reads n bytes of the block from offset off; nil: it does not have them.
func (t *target) at(off uintptr, n int) []byte {
	if t.block() == nil || uint64(off)+uint64(n) > t.rec.BlockSize {
		return nil
	}
	b := make([]byte, n)
	if t.srv.machine.ReadMemory(t.rec.KPid, t.rec.Block+uint64(off), b) != n {
		return nil
	}
	return b
}

const (
	fdSize   = int(unsafe.Sizeof(abi.ProcFD{}))
	fileSize = int(unsafe.Sizeof(abi.ProcFile{}))
)

// table reads the descriptors.
func (t *target) table() []byte {
	p := t.block()
	if p == nil || p.FDLimit == 0 {
		return nil
	}
	return t.at(unsafe.Offsetof(abi.ProcInfo{}.FD), int(p.FDLimit)*fdSize)
}

// fds lists the open descriptors.
func (t *target) fds() []int32 {
	var l []int32
	b := t.table()
	for i := 0; i+fdSize <= len(b); i += fdSize {
		if binary.LittleEndian.Uint16(b[i:]) != 0 {
			l = append(l, int32(i/fdSize))
		}
	}
	return l
}

// slot reads one descriptor.
func (t *target) slot(fd int32) (file, flags uint16) {
	p := t.block()
	if p == nil || fd < 0 || uint32(fd) >= p.FDLimit {
		return 0, 0
	}
	b := t.at(unsafe.Offsetof(abi.ProcInfo{}.FD)+uintptr(fd)*uintptr(fdSize), fdSize)
	if b == nil {
		return 0, 0
	}
	return binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
}

func (t *target) cloexec(fd int32) bool {
	_, flags := t.slot(fd)
	return flags&1 != 0
}

// file reads the open file behind a descriptor; false: it is closed.
func (t *target) file(fd int32) (f abi.ProcFile, ok bool) {
	n, _ := t.slot(fd)
	if n == 0 {
		return f, false
	}
	return t.openFile(n)
}

// openFile reads an open file by its index in the block.
func (t *target) openFile(n uint16) (f abi.ProcFile, ok bool) {
	if n == 0 || n >= abi.ProcMaxFile {
		return f, false
	}
	b := t.at(unsafe.Offsetof(abi.ProcInfo{}.File)+uintptr(n)*uintptr(fileSize), fileSize)
	if b == nil {
		return f, false
	}
	f.Flags, f.NameLen = le32(b), min(binary.LittleEndian.Uint16(b[4:]), uint16(len(f.Name)))
	copy(f.Name[:], b[unsafe.Offsetof(f.Name):])
	return f, true
}

// memory reads the process's program memory from lo to hi, at most most bytes.
func (t *target) memory(lo, hi uint64, most int) []byte {
	if lo >= hi || hi > abi.ProgramHi || t.rec.State == 'Z' {
		return nil
	}
	b := make([]byte, min(hi-lo, uint64(most)))
	return b[:t.srv.machine.ReadMemory(t.rec.KPid, lo, b)]
}

// comm is the command name.
func (t *target) comm() string {
	c := t.rec.Comm[:]
	if t.task != nil {
		c = t.task.Comm[:]
	}
	if i := bytes.IndexByte(c, 0); i >= 0 {
		c = c[:i]
	}
	return string(c)
}

// kernel is what the kernel knows; zero for a zombie.
func (t *target) kernel() abi.ProcessInfo {
	if t.rec.State == 'Z' {
		return abi.ProcessInfo{}
	}
	i, err := t.srv.machine.ProcessInfo(t.rec.KPid)
	if err != nil {
		return abi.ProcessInfo{}
	}
	return i
}

// regions calls f for each region of the program half, lowest first.
func (t *target) regions(f func(r *abi.RegionInfo)) {
	if t.rec.State == 'Z' {
		return
	}
	var l []abi.RegionInfo
	t.steady(func(*abi.ProcHead) { l = t.query(l[:0]) })
	for i := range l {
		f(&l[i])
	}
}

func (t *target) query(l []abi.RegionInfo) []abi.RegionInfo {
	addr := uint64(0)
	for len(l) < maxRegions {
		r, err := t.srv.machine.Query(t.rec.KPid, addr)
		if err != nil || r.Addr >= abi.ProgramHi || r.Addr+r.Len <= addr {
			break
		}
		l = append(l, r)
		addr = r.Addr + r.Len
	}
	return l
}

const maxRegions = 1 << 17

// pace is how the thread is scheduled: its nice value, its policy, and its CPUs.
func (t *target) pace() (nice int, policy, cpus uint64) {
	n := uint64(20)
	t.srv.proc(func(p client.Proc) {
		if a, b, c, st := p.Thread(uint64(t.id())); st >= 0 {
			n, policy, cpus = a, b&^proto.ResetOnFork, c
		}
	})
	return int(n) - 20, policy, cpus
}
