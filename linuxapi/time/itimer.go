package time

import (
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
	"go42/linuxapi/sigcall"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// interval is one of the three interval timers, or a POSIX timer's clockwork.
// Guarded by lock.
type interval struct {
	timer   user.Timer
	at      uint64 // on its clock, ns; 0: disarmed
	every   uint64 // ns; 0: once
	cpu     bool   // at is CPU time
	clock   int32  // clockMonotonic, clockRealtime, or what read knows as a CPU-time clock
	sig     int
	tid     uint32 // thread to signal; 0: the process
	notify  bool
	value   uint64
	id      int32
	used    bool
	posix   bool
	overrun int32 // of the last signal
}

var lock user.SpinLock

// itimers are those of setitimer(2), and behind them the one of RLIMIT_CPU.
var itimers [cpuLimit + 1]interval

// arm sets the clockwork for iv.at. lock is held.
func (iv *interval) arm() {
	if iv.at == 0 {
		iv.timer.Stop()
		return
	}
	at := iv.at
	if iv.cpu {
		// CPU time runs at most as fast as real time on each dispatcher.
		speed := uint64(1)
		if iv.clock >= 0 || iv.clock&clockOfThread == 0 {
			speed = uint64(user.Dispatchers())
		}
		now, used := user.Now(), iv.now()
		at = now
		if iv.at > used {
			at += (iv.at - used) / speed
		}
	} else if iv.clock == clockRealtime {
		off := user.WallOffset()
		if at <= off {
			at = 1
		} else {
			at -= off
		}
	}
	iv.timer.Fn = expired
	iv.timer.Arg = uint64(iv.id)
	iv.timer.Set(max(at, 1))
}

func (iv *interval) now() uint64 {
	if iv.cpu {
		ns, _ := read(iv.clock) // of a thread that has ended: 0, never due
		return ns
	}
	if iv.clock == clockRealtime {
		return user.Wall()
	}
	return user.Now()
}

// of finds the interval of a timer: ids from maxPosix on are the itimers.
func of(id uint64) *interval {
	if id >= maxPosix {
		return &itimers[id-maxPosix]
	}
	return &posix[id]
}

// expired runs when the clockwork says so.
func expired(tm *user.Timer) {
	was := lock.Lock()
	iv := of(tm.Arg)
	if iv.at == 0 {
		lock.Unlock(was)
		return
	}
	now := iv.now()
	if now < iv.at {
		iv.arm()
		lock.Unlock(was)
		return
	}
	if iv == &itimers[cpuLimit] && now/second >= proc.Limits[0][1] {
		native.Exit(signal.SIGKILL)
	}
	over := int32(0)
	if iv.every != 0 {
		missed := (now - iv.at) / iv.every
		over = int32(min(missed, 1<<31-1))
		iv.at += (missed + 1) * iv.every
	} else {
		iv.at = 0
	}
	iv.arm()
	iv.overrun = over
	var info signal.Info
	if iv.posix {
		info = signal.Expired(iv.sig, iv.id, over, iv.value)
	} else {
		info = signal.Info{Signo: int32(iv.sig), Code: signal.SI_KERNEL}
	}
	tid, notify := iv.tid, iv.notify
	lock.Unlock(was)
	if !notify {
		return
	}
	if tid != 0 {
		sigcall.SendTID(tid, &info)
	} else {
		sigcall.SendProcess(&info)
	}
	if info.Code == signal.SI_TIMER {
		was := lock.Lock()
		iv.overrun = info.Overrun()
		lock.Unlock(was)
	}
}

// left answers what remains and the period.
func (iv *interval) left() (rest, every uint64) {
	if iv.at == 0 {
		return 0, iv.every
	}
	if now := iv.now(); iv.at > now {
		return iv.at - now, iv.every
	}
	return 1, iv.every
}

// Setup prepares the interval timers. Start-up only.
func Setup() {
	for i := range itimers {
		iv := &itimers[i]
		iv.id, iv.notify, iv.clock = maxPosix+int32(i), true, clockMonotonic
		iv.sig = [...]int{signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU}[i]
		if iv.cpu = i != 0; iv.cpu {
			iv.clock = clockProcessCPU
		}
	}
	sigcall.TimersSave, sigcall.TimersRestore = save, restore
	proc.LimitCPU = limitCPU
}

// save and restore carry ITIMER_REAL over exec.
func save(p *proc.Parcel) {
	p.AlarmAt, p.AlarmEvery = itimers[0].at, itimers[0].every
}

func restore(p *proc.Parcel) {
	if p.AlarmAt != 0 {
		iv := &itimers[0]
		iv.at, iv.every = p.AlarmAt, p.AlarmEvery
		iv.arm()
	}
	inheritCPULimit()
}

// cpuLimit is the index of the interval that watches over RLIMIT_CPU.
const cpuLimit = 3

// Seconds from here on are no limit.
const forever = 1 << 32

// inheritCPULimit is limitCPU in an image or a child that has no timers yet.
func inheritCPULimit() {
	if proc.Limits[0][0] < forever {
		limitCPU()
	}
}

// limitCPU makes RLIMIT_CPU effective: SIGXCPU at the soft limit and each second
// after it, SIGKILL at the hard one.
func limitCPU() {
	was := lock.Lock()
	iv := &itimers[cpuLimit]
	iv.at, iv.every = 0, second
	if soft := proc.Limits[0][0]; soft < forever { // 0 is one second, as on Linux
		iv.at = max(soft, 1) * second
	}
	iv.arm()
	lock.Unlock(was)
}

// AfterFork: a child has no timers; its CPU time begins anew.
func AfterFork() {
	lock = user.SpinLock{}
	for i := range itimers {
		itimers[i].at, itimers[i].every = 0, 0
	}
	for i := range posix {
		if posix[i].used {
			posix[i] = interval{}
		}
	}
	inheritCPULimit()
}

const micro = 1000

func getTimeval(tv [2]int64) (uint64, errno.Errno) {
	if tv[0] < 0 || tv[1] < 0 || tv[1] >= 1e6 {
		return 0, errno.EINVAL
	}
	return uint64(min(tv[0], 1<<33))*second + uint64(tv[1])*micro, errno.OK
}

func putItimer(addr, rest, every uint64) errno.Errno {
	// What is left is rounded up: 0 would say "disarmed".
	rest = (rest + micro - 1) / micro
	v := [4]uint64{every / second, every % second / micro, rest / 1e6, rest % 1e6}
	return usercopy.Put(addr, &v)
}

func sysGetitimer(t *thread.Thread, a *call.Args) int64 {
	if a[0] > 2 {
		return errno.EINVAL.Ret()
	}
	was := lock.Lock()
	rest, every := itimers[a[0]].left()
	lock.Unlock(was)
	return putItimer(a[1], rest, every).Ret()
}

func sysSetitimer(t *thread.Thread, a *call.Args) int64 {
	if a[0] > 2 {
		return errno.EINVAL.Ret()
	}
	var v [2][2]int64
	if a[1] != 0 {
		if e := usercopy.Get(&v, a[1]); e != errno.OK {
			return e.Ret()
		}
	}
	every, e := getTimeval(v[0])
	if e != errno.OK {
		return e.Ret()
	}
	first, e := getTimeval(v[1])
	if e != errno.OK {
		return e.Ret()
	}
	rest, period := set(&itimers[a[0]], first, every)
	if a[2] != 0 {
		return putItimer(a[2], rest, period).Ret()
	}
	return 0
}

// set arms iv for first ns from now (0: disarms) and answers what it was.
func set(iv *interval, first, every uint64) (rest, period uint64) {
	was := lock.Lock()
	rest, period = iv.left()
	iv.at, iv.every = 0, every
	if first != 0 {
		iv.at = iv.now() + first
	}
	iv.arm()
	lock.Unlock(was)
	return rest, period
}

func sysAlarm(t *thread.Thread, a *call.Args) int64 {
	rest, _ := set(&itimers[0], uint64(uint32(a[0]))*second, 0)
	if rest == 0 {
		return 0
	}
	return int64(max((rest+second/2)/second, 1))
}
