package fs

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
	"go42/linuxapi/sigcall"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// What this package takes from the rest of the libOS.

type mutex = user.Mutex

// Notification channels that servers are armed with.
const (
	chanProc = abi.ChanProc
	chanPipe = abi.ChanPipe
	chanTTY  = abi.ChanTTY
	chanSock = abi.ChanSock
	chanFile = abi.ChanFile

	// localChan stands for changes inside the process (eventfd, timerfd,
	// signalfd, epoll_ctl) in sets of channels.
	localChan = 31
	allChans  = 1<<chanProc | 1<<chanPipe | 1<<chanTTY | 1<<chanSock | 1<<chanFile | 1<<localChan

	numChans = 8

	forever = ^uint64(0)

	sigPIPE = 13
	sigXFSZ = 25
)

// AT_FDCWD as a register holds it.
const fdcwd = ^uint64(0) - 99

func nofile() uint64     { return atomic.LoadUint64(&proc.Limits[rlimitNoFile][0]) }
func fsizeLimit() uint64 { return atomic.LoadUint64(&proc.Limits[rlimitFsize][0]) }

const (
	rlimitFsize  = 1
	rlimitNoFile = 7
)

// raise sends a signal to the calling thread.
func raise(sig int) {
	if t := thread.Current(); t != nil {
		i := signal.Sent(sig, signal.SI_KERNEL, 0, 0, 0)
		sigcall.SendThread(t, &i)
	}
}

// pendingSignals returns those of set that the calling thread could take.
func pendingSignals(set uint64) uint64 {
	t := thread.Current()
	if t == nil {
		return 0
	}
	return uint64(sigcall.PendingFor(t)) & set
}

// takeSignal takes one pending signal of set and describes it as struct
// signalfd_siginfo; false: there is none.
func takeSignal(set uint64, b []byte) bool {
	var i signal.Info
	t := thread.Current()
	if t == nil || !sigcall.Take(t, signal.Set(set), &i) {
		return false
	}
	for k := range b {
		b[k] = 0
	}
	put32b(b[0:], uint32(i.Signo))
	put32b(b[4:], uint32(i.Errno))
	put32b(b[8:], uint32(i.Code))
	switch {
	case i.Code == signal.SI_TIMER:
		put32b(b[24:], uint32(i.F[0]))
		put32b(b[32:], uint32(i.F[0]>>32))
		put32b(b[44:], uint32(i.F[1]))
		put64b(b[48:], i.F[1])
	case i.Signo == signal.SIGCHLD && i.Code > 0:
		put32b(b[12:], uint32(i.F[0]))
		put32b(b[16:], uint32(i.F[0]>>32))
		put32b(b[40:], uint32(i.F[1]))
		put64b(b[56:], i.F[2])
		put64b(b[64:], i.F[3])
	case i.Code > 0 && i.Code != signal.SI_KERNEL:
		put64b(b[72:], i.F[0])
	default:
		put32b(b[12:], uint32(i.F[0]))
		put32b(b[16:], uint32(i.F[0]>>32))
		put32b(b[44:], uint32(i.F[1]))
		put64b(b[48:], i.F[1])
	}
	return true
}

func superuser() bool { return proc.Me.EUID == 0 }

// conn is the calling thread's message space.
func conn() *client.Conn {
	if t := thread.Current(); t != nil {
		return t.Client()
	}
	return &bootConn
}

// bootConn serves where there is no thread (tests on a host).
var bootConn client.Conn

func now() uint64 { return user.Now() }

// fromWall turns a CLOCK_REALTIME time into a monotonic one; one that is past
// is 1.
func fromWall(ns uint64) uint64 {
	if o := user.WallOffset(); ns > o {
		return ns - o
	}
	return 1
}

func yield()             { user.Yield() }
func kernelLog(b []byte) { native.Log(b) }
func random(b []byte)    { native.Random(b) }

func clear(addr, n uint64) bool { return usercopy.Clear(addr, n) == errno.OK }

func touch(addr, n uint64, write bool) bool { return usercopy.Touch(addr, n, write) == errno.OK }

// drop empties one slot of the handle set.
func drop(h uint64) {
	if h != 0 {
		native.DropOne(h)
	}
}

// mapReadOnly maps an FCM into the libOS half; 0: it cannot be.
func mapReadOnly(fcm, n uint64) uint64 {
	a := abi.MapArgs{Len: n, Prot: abi.ProtRead, Flags: abi.MapLibOS | abi.MapShared, FCM: fcm, Inherit: abi.InheritShare}
	r := native.Map(&a)
	if r < 0 {
		return 0
	}
	return uint64(r)
}

func loadWord(addr uint64) uint64 {
	return atomic.LoadUint64(*(**uint64)(unsafe.Pointer(&addr)))
}

func addrOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

func inBytes(b []byte) proto.In   { return proto.In{Addr: addrOf(b), Len: uint64(len(b))} }
func outBytes(b []byte) proto.Out { return proto.Out{Addr: addrOf(b), Len: uint64(len(b))} }

// filePoll asks a server for an object's state.
func filePoll(h, mask, wait uint64) (uint64, int64) {
	return client.File{C: conn(), H: h}.Poll(mask, wait)
}

// localSeq counts changes inside the process.
var localSeq user.Seq

func bumpLocal() { localSeq.Bump() }

func chanSeq(ch uint8) uint32 { return user.Chan[ch].Load() }

// snapshot is the state of all channels at one moment. A caller takes one,
// looks at objects' states, and waits: what has changed since the snapshot is
// not lost.
type snapshot struct {
	n     [numChans]uint32
	local uint32
	at    uint64 // when it was taken: a timerfd that expires later is news
}

func (s *snapshot) take() {
	s.at = now()
	for i := range s.n {
		s.n[i] = user.Chan[i].Load()
	}
	s.local = localSeq.Load()
}

func (s *snapshot) seq(ch uint8) uint32 { return s.n[ch] }

const (
	restartSys    = int64(errno.RestartSys)
	restartNoHand = int64(errno.RestartNoHand)
)

// wait blocks the thread until one of chans has changed since the snapshot, or
// a timerfd may have expired. 0: look again; -ETIMEDOUT: deadline (monotonic
// ns, forever: none) has passed; -ERESTARTSYS: a signal is to be delivered.
func (s *snapshot) wait(chans uint32, deadline uint64) int64 {
	t := user.Current()
	t.BeginWatch()
	for i := 0; i < numChans; i++ {
		if chans&(1<<i) != 0 {
			t.Watch(&user.Chan[i])
			if user.Chan[i].Load() != s.n[i] {
				return 0
			}
		}
	}
	until := deadline
	if chans&(1<<localChan) != 0 {
		t.Watch(&localSeq)
		if localSeq.Load() != s.local {
			return 0
		}
		if n := nextTimer(s.at); n < until {
			until = n
		}
	}
	if until == forever {
		until = 0
	}
	switch t.WaitWatched(until, true) {
	case user.TimedOut:
		if until == deadline || now() >= deadline {
			return -ETIMEDOUT
		}
		return 0
	case user.Interrupted:
		return -restartSys
	}
	return 0
}
