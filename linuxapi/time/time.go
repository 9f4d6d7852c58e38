// Package time is Linux's clocks, sleeps and timers. All clocks come from the
// kernel's information page; what threads have used sched/user counts. Interval timers
// that count CPU time (ITIMER_VIRTUAL, ITIMER_PROF, those of CPU-time clocks)
// run on real time while the process runs: they are checked against the used
// CPU time when they fire and set again for the rest.
//
// Timers' functions run disabled; they send signals, which takes spin locks only.
package time

import (
	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Calls are this package's system calls.
var Calls = [...]call.Entry{
	{35, "nanosleep", sysNanosleep, call.Full, "full"},
	{36, "getitimer", sysGetitimer, call.Full, "full"},
	{37, "alarm", sysAlarm, call.Full, "full"},
	{38, "setitimer", sysSetitimer, call.Full, "partial: ITIMER_VIRTUAL counts system time too"},
	{96, "gettimeofday", sysGettimeofday, call.Leaf, "full"},
	{100, "times", sysTimes, call.Full, "full"},
	{159, "adjtimex", sysAdjtimex, call.Full, "partial: reads only (EPERM for changes)"},
	{164, "settimeofday", sysSettimeofday, call.Full, "partial: the time zone is ignored"},
	{201, "time", sysTime, call.Leaf, "full"},
	{222, "timer_create", sysTimerCreate, call.Full, "partial: SIGEV_SIGNAL, SIGEV_THREAD_ID, SIGEV_NONE; CPU-time clocks of the own process"},
	{223, "timer_settime", sysTimerSettime, call.Full, "full"},
	{224, "timer_gettime", sysTimerGettime, call.Full, "full"},
	{225, "timer_getoverrun", sysTimerGetoverrun, call.Full, "full"},
	{226, "timer_delete", sysTimerDelete, call.Full, "full"},
	{227, "clock_settime", sysClockSettime, call.Full, "full: CLOCK_REALTIME"},
	{228, "clock_gettime", sysClockGettime, call.Full, "partial: CLOCK_TAI is CLOCK_REALTIME; CPU time of threads of other processes: EINVAL"},
	{229, "clock_getres", sysClockGetres, call.Full, "full"},
	{230, "clock_nanosleep", sysClockNanosleep, call.Full, "full: but CPU-time clocks, ENOTSUP"},
	{305, "clock_adjtime", sysClockAdjtime, call.Full, "partial: reads only (EPERM for changes)"},
}

const (
	clockRealtime   = 0
	clockMonotonic  = 1
	clockProcessCPU = 2
	clockThreadCPU  = 3
	clockRaw        = 4
	clockRealCoarse = 5
	clockMonoCoarse = 6
	clockBoottime   = 7
	clockRealAlarm  = 8
	clockBootAlarm  = 9
	clockTAI        = 11
)

const second = 1_000_000_000

// read answers a clock in ns.
func read(clock int32) (ns uint64, e errno.Errno) {
	switch clock {
	case clockRealtime, clockRealCoarse, clockTAI, clockRealAlarm:
		return user.Wall(), errno.OK
	case clockMonotonic, clockRaw, clockMonoCoarse, clockBoottime, clockBootAlarm:
		return user.Now(), errno.OK
	case clockProcessCPU:
		return cpuTime(), errno.OK
	case clockThreadCPU:
		return thread.Current().CPUTime(), errno.OK
	}
	if clock < 0 && clock&3 != clockOfFD {
		id := uint32(^(clock >> 3))
		switch {
		case clock&clockOfThread != 0:
			if id == 0 {
				id = thread.Current().TID
			}
			if ns, ok := thread.CPUTime(id); ok {
				return ns, errno.OK
			}
		case id == 0 || int64(id) == proc.Me.Pid:
			return cpuTime(), errno.OK
		}
	}
	return 0, errno.EINVAL
}

// CPU-time clocks of processes and threads: ~id<<3, clockOfThread, and one of
// three kinds, which are all the same here.
const (
	clockOfThread = 4
	clockOfFD     = 3 // in the place of the kind: no clock of this sort
)

// ask is read, for the clocks of other processes too.
func ask(t *thread.Thread, clock int32) (ns uint64, e errno.Errno) {
	ns, e = read(clock)
	if e == errno.OK || clock >= 0 || clock&3 == clockOfFD || clock&clockOfThread != 0 {
		return ns, e
	}
	ns, st := proc.Server(t).CPUTime(uint64(uint32(^(clock >> 3))))
	if st < 0 {
		return 0, errno.EINVAL
	}
	return ns, errno.OK
}

// cpuTime is the CPU time that the process has used, in ns.
func cpuTime() uint64 {
	var pi abi.ProcessInfo
	if native.ProcessInfo(0, &pi) < 0 {
		return 0
	}
	return pi.UserNS + pi.SysNS
}

func putTimespec(addr, ns uint64) errno.Errno {
	ts := [2]uint64{ns / second, ns % second}
	return usercopy.Put(addr, &ts)
}

// getTimespec reads a timespec in ns: EINVAL if malformed, far futures are cut.
func getTimespec(addr uint64) (uint64, errno.Errno) {
	var ts [2]int64
	if e := usercopy.Get(&ts, addr); e != errno.OK {
		return 0, e
	}
	return timespecNS(ts)
}

func timespecNS(ts [2]int64) (uint64, errno.Errno) {
	if ts[0] < 0 || ts[1] < 0 || ts[1] >= second {
		return 0, errno.EINVAL
	}
	return uint64(min(ts[0], 1<<33))*second + uint64(ts[1]), errno.OK
}

func sysClockGettime(t *thread.Thread, a *call.Args) int64 {
	ns, e := ask(t, int32(a[0]))
	if e != errno.OK {
		return e.Ret()
	}
	return putTimespec(a[1], ns).Ret()
}

func sysClockGetres(t *thread.Thread, a *call.Args) int64 {
	if _, e := ask(t, int32(a[0])); e != errno.OK {
		return e.Ret()
	}
	if a[1] == 0 {
		return 0
	}
	return putTimespec(a[1], 1).Ret()
}

func sysGettimeofday(t *thread.Thread, a *call.Args) int64 {
	if a[0] != 0 {
		ns := user.Wall()
		tv := [2]uint64{ns / second, ns % second / 1000}
		if e := usercopy.Put(a[0], &tv); e != errno.OK {
			return e.Ret()
		}
	}
	if a[1] != 0 && !usercopy.Put64(a[1], 0) {
		return errno.EFAULT.Ret()
	}
	return 0
}

func sysTime(t *thread.Thread, a *call.Args) int64 {
	s := user.Wall() / second
	if a[0] != 0 && !usercopy.Put64(a[0], s) {
		return errno.EFAULT.Ret()
	}
	return int64(s)
}

func sysTimes(t *thread.Thread, a *call.Args) int64 {
	const tick = second / 100
	if a[0] != 0 {
		var pi abi.ProcessInfo
		native.ProcessInfo(0, &pi)
		v := [4]uint64{pi.UserNS / tick, pi.SysNS / tick}
		if r, st := proc.Server(t).Rusage(1); st >= 0 {
			v[2], v[3] = r.UserNS/tick, r.SysNS/tick
		}
		if e := usercopy.Put(a[0], &v); e != errno.OK {
			return e.Ret()
		}
	}
	return int64(user.Now() / tick)
}

func setWall(t *thread.Thread, ns uint64) int64 {
	return proc.Server(t).SetTime(int64(ns - user.Now()))
}

func sysClockSettime(t *thread.Thread, a *call.Args) int64 {
	if int32(a[0]) != clockRealtime {
		return errno.EINVAL.Ret()
	}
	ns, e := getTimespec(a[1])
	if e != errno.OK {
		return e.Ret()
	}
	return setWall(t, ns)
}

func sysSettimeofday(t *thread.Thread, a *call.Args) int64 {
	if a[0] == 0 {
		return 0
	}
	var tv [2]int64
	if e := usercopy.Get(&tv, a[0]); e != errno.OK {
		return e.Ret()
	}
	if tv[0] < 0 || tv[1] < 0 || tv[1] >= 1e6 {
		return errno.EINVAL.Ret()
	}
	return setWall(t, uint64(tv[0])*second+uint64(tv[1])*1000)
}

// timex is struct timex: 26 words.
type timex [26]uint64

func sysAdjtimex(t *thread.Thread, a *call.Args) int64 { return adjtime(a[0]) }

func sysClockAdjtime(t *thread.Thread, a *call.Args) int64 {
	if int32(a[0]) != clockRealtime {
		return errno.EINVAL.Ret()
	}
	return adjtime(a[1])
}

func adjtime(addr uint64) int64 {
	var x timex
	if e := usercopy.Get(&x, addr); e != errno.OK {
		return e.Ret()
	}
	if uint32(x[0]) != 0 {
		return errno.EPERM.Ret()
	}
	ns := user.Wall()
	x = timex{}
	x[3], x[4] = 16000000, 16000000 // maxerror, esterror: nobody disciplines this clock
	x[5] = 0x40                     // STA_UNSYNC
	x[9], x[10] = ns/second, ns%second/1000
	x[11] = 10000
	if e := usercopy.Put(addr, &x); e != errno.OK {
		return e.Ret()
	}
	return 5 // TIME_ERROR: not synchronised
}

func sysNanosleep(t *thread.Thread, a *call.Args) int64 {
	ns, e := getTimespec(a[0])
	if e != errno.OK {
		return e.Ret()
	}
	return sleep(t, t.Deadline(ns+t.TimerSlack()), a[1])
}

// sleep sleeps until the monotonic time at; rem, if not 0, gets what is left
// when it is interrupted.
func sleep(t *thread.Thread, at, rem uint64) int64 {
	if at == 0 {
		at = 1
	}
	switch user.Sleep(at, true) {
	case user.Interrupted:
		if rem != 0 {
			left := uint64(0)
			if now := user.Now(); at > now {
				left = at - now
			}
			if e := putTimespec(rem, left); e != errno.OK {
				return e.Ret()
			}
		}
		return errno.RestartNoHand.Ret()
	}
	return 0
}

func sysClockNanosleep(t *thread.Thread, a *call.Args) int64 {
	clock := int32(a[0])
	wall := false
	switch clock {
	case clockRealtime, clockTAI:
		wall = true
	case clockMonotonic, clockBoottime:
	case clockProcessCPU, clockThreadCPU, clockRaw, clockRealCoarse, clockMonoCoarse:
		return errno.ENOTSUP.Ret() // the first Linux can wait by, the others it cannot either
	default:
		return errno.EINVAL.Ret()
	}
	ns, e := getTimespec(a[2])
	if e != errno.OK {
		return e.Ret()
	}
	if a[1]&1 == 0 {
		return sleep(t, t.Deadline(ns+t.TimerSlack()), a[3])
	}
	if wall {
		off := user.WallOffset()
		if ns <= off {
			return 0
		}
		ns -= off
	}
	if ns <= user.Now() {
		return 0
	}
	return sleep(t, ns, 0)
}
