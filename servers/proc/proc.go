// Package proc is the process server: Linux pids, parentage, process groups,
// sessions, exit statuses, credentials, and signals between processes.
//
// Objects: Server (object 0), pidfd (the other objects), process, group, session. The
// kernel knows processes by kernel ids; what Linux shows of them is here.
//
// Locks: Server.mu guards the whole tree: every operation on it is short, and
// most look at several nodes. Native calls are made with it held: they do not
// wait.
//
// This server has the lowest rank: it calls nobody.
package proc

import (
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/ipc/server"
)

// Kernel is what the process server alone may ask of the machine.
type Kernel interface {
	ipc.Kernel
	Kill(kpid, status uint64) error
	Suspend(kpid uint64) error
	Resume(kpid uint64) error
	ProcessInfo(kpid uint64, info *abi.ProcessInfo) error
	// Region describes the first region of a process that ends above addr.
	Region(kpid, addr uint64, info *abi.RegionInfo) error
	NextExit(n *abi.ExitNotice) bool
	// ReadMemory reads another process's memory; fewer bytes: it is not there.
	ReadMemory(kpid, addr uint64, b []byte) int
	SetCred(kpid, token uint64) error
	// SetExecCred says what the process's next reset makes its credentials; set
	// false: nothing new.
	SetExecCred(kpid, token uint64, set bool) error
	SetRole(kpid uint64) error
	// SetNice gives a process its share of the CPU by its nice value, -20..19.
	SetNice(kpid uint64, nice int32) error
	Power(op, status uint64) error
	SetWall(offset int64) error
	Status(line string) // to the host tool
}

// Server is the process server.
type Server struct {
	kernel  Kernel
	pidfds  ipc.Objects[*pidfd]
	futexes futexes

	mu       sync.Mutex
	byKPid   map[uint64]*process
	byPid    map[uint32]*process
	groups   map[uint32]*group
	sessions map[uint32]*session
	creds    credTable
	init     *process
	lastPid  uint32
	made     uint64
	users    map[uint32]int // processes by real uid
	host     string
	domain   string
	reported bool // a result has gone to the host tool
	ttySrv   uint64
	hangups  []hangup
}

type hangup struct{ rdev, sid uint64 }

// state of a process.
type state byte

const (
	alive   state = 'R'
	stopped state = 'T'
	zombie  state = 'Z'
)

// process is one process. Guarded by Server.mu.
type process struct {
	kpid     uint64
	pid      uint32
	parent   *process // nil: init and servers
	children map[uint32]*process
	group    *group
	cred     *credential
	state    state
	kernel   bool // a server
	exitSig  uint64

	status  uint32 // wait status, once zombie
	usage   proto.Rusage
	kids    proto.Rusage // of waited-for children
	stopSig uint32
	// Changes that the parent has not waited for yet.
	toldStop, toldCont bool

	pending  pending
	moved    uint64 // signals that it fetched last
	fetched  uint64 // how often it has fetched some
	notified bool   // ChanProc has been set since it last asked
	swept    bool   // a signal to many is among what is pending
	killed   bool   // it has got SIGKILL

	blocked, ignored uint64   // as it has told
	limitsSet        bool     // by another process; it learns of it by Self
	orphaned         bool     // its parent is another than it last heard from Self
	changes          []change // of its threads, which its block does not show yet
	before           pace     // its first thread in the program that was there before the one of now
	lastChange       uint64
	kept             pace // of its first thread, as far as it was set by changes
	executed         bool
	subreaper        bool
	dumpable         uint64
	vouched          *vouched // what it may execute with other ids; nil: nothing
	secure           bool     // its last exec gave it ids that its user does not have
	strict           bool     // an exec has changed its credentials: see known
	noNew            bool     // PR_SET_NO_NEW_PRIVS
	deathSig         uint64
	share            uint64 // nice value + 20 of the first of its threads: see proto.Proc.Change
	nicest           uint64 // the same, but for SCHED_IDLE
	comm             [16]byte
	start            uint64
	block, blockSize uint64
	limits           [16][2]uint64
	watchers         ipc.Waiters // of pidfds
	reaped           bool
}

// group is a process group; it exists while it has members.
type group struct {
	id      uint32
	session *session
	members map[uint32]*process
}

// session exists while it has groups.
type session struct {
	id     uint32
	groups int
	leader *process // nil once dead
	tty    uint64   // controlling terminal's rdev
}

const maxPid = 1 << 22

// New makes the server.
func New(k Kernel) *Server {
	s := &Server{kernel: k, byKPid: map[uint64]*process{}, byPid: map[uint32]*process{},
		groups: map[uint32]*group{}, sessions: map[uint32]*session{}, users: map[uint32]int{},
		host: "go42", domain: "(none)", lastPid: 1}
	s.creds.init()
	s.futexes.queues, s.futexes.tags = map[futexKey][]*futexWaiter{}, map[uint64]map[uint64]*futexWaiter{}
	return s
}

// Handle serves a call.
func (s *Server) Handle(c *ipc.Call) {
	if c.Object != 0 {
		s.pidfdCall(c)
		return
	}
	server.ServeProc(s, c)
}

// caller is the calling process; boot processes are entered at their first
// call. nil: nobody this server knows. s.mu is held.
func (s *Server) caller(c *ipc.Call) *process {
	if p := s.byKPid[c.BadgePid]; p != nil {
		return p
	}
	return s.boot(c.BadgePid)
}

// boot enters a process that the kernel started by itself: a server, or init.
func (s *Server) boot(kpid uint64) *process {
	var info abi.ProcessInfo
	if s.kernel.ProcessInfo(kpid, &info) != nil || info.Parent != 0 {
		return nil
	}
	p := &process{kpid: kpid, children: map[uint32]*process{}, cred: s.creds.root, state: alive, start: info.StartNS, exitSig: uint64(syscall.SIGCHLD), dumpable: 1}
	p.limits, p.share, p.nicest, p.kept.cpus = defaultLimits, normalShare, normalShare, proto.AllCPUs
	if n := ipc.MaxProcesses(); n != 0 { // one user cannot take them all, as on Linux
		p.limits[rlimitNProc] = [2]uint64{n / 2, n / 2}
	}
	if info.Rank < abi.RankApp {
		p.kernel = true
		p.pid = s.newPid()
		copy(p.comm[:], "server")
	} else {
		if s.init != nil {
			return nil
		}
		p.pid = 1
		s.init = p
		copy(p.comm[:], "init")
	}
	s.enter(p)
	ss := &session{id: p.pid, leader: p}
	s.sessions[ss.id] = ss
	s.join(p, s.newGroup(p.pid, ss))
	return p
}

// enter makes p known. s.mu is held.
func (s *Server) enter(p *process) {
	s.byKPid[p.kpid] = p
	s.byPid[p.pid] = p
	s.users[p.cred.UID]++
	s.made++
}

// newPid finds a number that is no pid, group or session.
func (s *Server) newPid() uint32 {
	for {
		s.lastPid++
		if s.lastPid >= maxPid {
			s.lastPid = 300 // as Linux: low numbers are not used again
		}
		n := s.lastPid
		if s.byPid[n] == nil && s.groups[n] == nil && s.sessions[n] == nil {
			return n
		}
	}
}

// target finds pid; 0 is the caller.
func (s *Server) target(p *process, pid uint64) *process {
	if pid == 0 {
		return p
	}
	if pid > maxPid {
		return nil
	}
	return s.byPid[uint32(pid)]
}

// known runs f for a known caller with s.mu held. What a process does is judged
// by p.cred, not by the badge, which is that of the moment of the call; so once
// an exec has raised p.cred, calls from before it are refused.
func (s *Server) known(c *ipc.Call, f func(p *process) error) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.caller(c)
	if p == nil || p.state == zombie {
		return -int64(syscall.ESRCH)
	}
	if p.strict && c.BadgeCred != p.cred.token {
		// Asked by the program that it was before, on whose behalf the new
		// credentials must not be used.
		return -int64(syscall.EAGAIN)
	}
	return ipc.Errno(f(p))
}

// forServers runs f if the caller is a server.
func (s *Server) forServers(c *ipc.Call, f func() error) int64 {
	return s.known(c, func(p *process) error {
		if !p.kernel {
			return syscall.EPERM
		}
		return f()
	})
}

// notify sets a process's ChanProc, unless it has not looked since the last
// time.
func (s *Server) notify(p *process) {
	if p == nil || p.notified || p.state == zombie || p.kernel {
		return
	}
	p.notified = true
	s.kernel.Notify(p.kpid, abi.ChanProc)
}
