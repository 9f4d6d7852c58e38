//go:build go42kernel

package main

import (
	"sync/atomic"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/mm/spin"
	"go42/sched"
	"go42/sched/lifecycle"
)

// startupDevices prepares serial ports and debug consoles, the log with them.
func startupDevices() {
	ports[0].port, ports[1].port = &amd64.COM1, &amd64.COM2
	for i := range ports {
		ports[i].lock.Init()
	}
	consoleLock.Init()
	wallLock.Init()
	haveLog = amd64.DebugLog.Present()
}

// ring keeps what came in on a serial port until its driver reads it. The
// interrupt empties the port into it as long as there is room; what does not
// fit stays in the port, which makes the sender wait.
type ring struct {
	lock    amd64.DeviceLock // guards the port and what follows
	port    *amd64.UART
	buf     [4096]byte
	r, w    int
	holder  uint64 // kernel process id of the driver
	channel uint
	told    bool // it has been notified, and has not found the ring empty since
}

var ports = [2]ring{}

// fill moves what the port has into the ring. The lock is held.
func (q *ring) fill() {
	for q.w-q.r < len(q.buf) {
		at := q.w % len(q.buf)
		room := min(len(q.buf)-at, len(q.buf)-(q.w-q.r))
		n := q.port.Read(q.buf[at : at+room])
		if n == 0 {
			return
		}
		q.w += n
	}
}

// interrupt takes in what has come, and tells the driver once.
func (q *ring) interrupt(c *sched.CPU) {
	q.lock.Acquire()
	q.port.Ack()
	q.fill()
	tell := q.w != q.r && q.holder != 0 && !q.told
	if tell {
		q.told = true
	}
	holder, channel := q.holder, q.channel
	q.lock.Release()
	if !tell {
		return
	}
	if p := sched.Find(holder); p != nil && p.State() != sched.Dying {
		c.Notify(p, channel)
	}
}

// take moves bytes from the ring to b and returns how many. With none, the next
// to come tells the driver.
func (q *ring) take(b []byte) int {
	q.lock.Acquire()
	q.fill()
	n := 0
	for n < len(b) && q.r < q.w {
		b[n] = q.buf[q.r%len(q.buf)]
		n++
		q.r++
	}
	if n == 0 {
		// Nothing is taken from the port any more: a character that is taken before
		// the port has interrupted for it, which it does after a pause, never does.
		q.told = false
	} else {
		q.fill()
	}
	q.lock.Release()
	return n
}

// onIRQ is an interrupt; ctx is nil if the CPU was idle.
func onIRQ(ctx *amd64.UserContext, irq int) {
	c := sched.This()
	events[c.ID].interrupts++
	if debugBuild && ctx != nil {
		cover.Hit(ctx.Regs.RIP)
	}
	switch irq {
	case amd64.IRQTimer:
		publishFree()
		c.TimerFired()
	case amd64.IRQCOM1:
		ports[0].interrupt(c)
	case amd64.IRQCOM2:
		ports[1].interrupt(c)
	}
	c.Leave()
}

// events are the counters of kernel main: only its own CPU writes an entry.
var events [amd64.MaxCPU]struct {
	interrupts, faults uint64
	_                  [6]uint64
}

// debugcon ports of the host tool (docs/using.md).
var consoles = [...]amd64.Debugcon{abi.DevLog: amd64.DebugLog, abi.DevOut: amd64.DebugOut,
	abi.DevErr: amd64.DebugErr, abi.DevStatus: amd64.DebugStatus}

// most is how many bytes one device call moves.
const most = 512

// scratch holds the bytes of a device or log write on their way out, for each
// CPU. No call keeps it.
var scratch [amd64.MaxCPU][most]byte

func nativeDevRead(p *sched.Process, dev, va, n uint64) int64 {
	if p.Role&abi.RoleDevice == 0 {
		return -abi.EPERM
	}
	if dev > abi.DevControl {
		return -abi.ENODEV
	}
	// What has been taken is lost if va is no good: the driver's own loss.
	var b [most]byte
	got := ports[dev].take(b[:min(n, most)])
	if mm.CopyOut(p.Space, va, b[:got]) != got {
		return -abi.EFAULT
	}
	return int64(got)
}

func nativeDevWrite(p *sched.Process, dev, va, n uint64) int64 {
	if p.Role&abi.RoleDevice == 0 {
		return -abi.EPERM
	}
	if dev >= uint64(len(consoles)) {
		return -abi.ENODEV
	}
	b := scratch[amd64.This().ID][:min(n, most)]
	if mm.CopyIn(p.Space, b, va) != len(b) {
		return -abi.EFAULT
	}
	if dev <= abi.DevControl {
		q := &ports[dev]
		q.lock.Acquire()
		sent := q.port.Write(b)
		q.lock.Release()
		return int64(sent)
	}
	writeConsole(consoles[dev], b)
	return int64(len(b))
}

func nativeIRQAttach(p *sched.Process, dev, channel uint64) int64 {
	if p.Role&abi.RoleDevice == 0 {
		return -abi.EPERM
	}
	if dev > abi.DevControl || channel >= 64 {
		return -abi.EINVAL
	}
	q := &ports[dev]
	q.lock.Acquire()
	q.holder, q.channel, q.told = p.KPid, uint(channel), false
	q.port.SetInterrupts(true, false)
	q.lock.Release()
	q.interrupt(sched.This())
	return 0
}

// What all applications together may write to the kernel's log: a burst, and
// then so much a second. More is dropped (EAGAIN), so that none, and no family,
// keeps the host writing. Servers and the kernel are not bound.
const (
	logBurst = 64 << 10 // bytes
	logByte  = 100_000  // ns a byte: 10 KB a second
)

// logFree is when all that applications have written is worked off, ns.
var logFree uint64

// mayLog charges n bytes to the applications if p is one.
func mayLog(p *sched.Process, n uint64) bool {
	if tracing || straced || p.Rank < abi.RankApp {
		return true
	}
	for {
		old, now := atomic.LoadUint64(&logFree), sched.Now()
		free := max(old, now) + n*logByte
		if free-now > logBurst*logByte {
			return false
		}
		if atomic.CompareAndSwapUint64(&logFree, old, free) {
			return true
		}
	}
}

// nativeLog writes to the kernel's log.
func nativeLog(p *sched.Process, va, n uint64) int64 {
	if !mayLog(p, min(n, most)) {
		return -abi.EAGAIN
	}
	b := scratch[amd64.This().ID][:min(n, most)]
	if mm.CopyIn(p.Space, b, va) != len(b) {
		return -abi.EFAULT
	}
	logBytes(b)
	return int64(len(b))
}

// nativePower ends or restarts the machine.
func nativePower(p *sched.Process, op, status uint64) int64 {
	if p.Role&abi.RoleProc == 0 {
		return -abi.EPERM
	}
	if debugBuild && hasWord(amd64.Boot.Cmdline, "go42.inject") {
		printCover()
	}
	switch op {
	case abi.PowerOff:
		amd64.PowerOff()
	case abi.PowerReboot:
		amd64.Reboot()
	default:
		return -abi.EINVAL
	}
	return -abi.EIO
}

// publishFree tells servers how much memory is free: they refuse to grow when it
// is short (ipc.MemoryLow). All CPUs read the word: it is left alone until it
// is wrong by 1/256 of memory.
func publishFree() {
	free := uint64(mm.FreeFramesNear()) * abi.PageSize
	was := atomic.LoadUint64(&info.MemFree)
	if free-was+info.MemTotal>>8 > info.MemTotal>>7 {
		atomic.StoreUint64(&info.MemFree, free)
	}
}

// info is the page that every process sees at abi.InfoVA.
var (
	info      *abi.InfoPage
	infoFrame uint64
	wallLock  amd64.DeviceLock // for writers of WallSeq and WallOffset
)

func nativeSetWall(p *sched.Process, offset uint64) int64 {
	if p.Role&abi.RoleProc == 0 {
		return -abi.EPERM
	}
	wallLock.Acquire()
	atomic.AddUint64(&info.WallSeq, 1)
	atomic.StoreUint64(&info.WallOffset, offset)
	atomic.AddUint64(&info.WallSeq, 1)
	wallLock.Release()
	return 0
}

func nativeSysInfo(p *sched.Process, va uint64) int64 {
	m := mm.ReadCounters()
	frames := func(k mm.Kind) uint64 { return uint64(m.Kinds[k]) * abi.PageSize }
	recs, leaves := ppc.Counts()
	var all abi.CPUInfo
	for n := range amd64.NCPU {
		i := cpuInfo(n)
		all.Add(&i)
	}
	i := abi.SysInfo{
		MemTotal: uint64(m.Total) * abi.PageSize, MemFree: uint64(m.Free) * abi.PageSize,
		MemKernel: frames(mm.KindKernel) + frames(mm.KindPool), MemAnon: frames(mm.KindAnon),
		MemFile: frames(mm.KindFile), MemTables: frames(mm.KindTable),
		Processes: uint64(sched.Live()), Records: uint64(recs), Leaves: uint64(leaves),
		IdleNS: all.IdleNS, UserNS: all.UserNS, SysNS: all.SysNS, BootNS: sched.Now(),
		Switches: all.Switches, Interrupts: all.Interrupts, PPCs: all.PPCs, Faults: all.Faults, Forks: lifecycle.Forks(),
	}
	return out(p, va, &i)
}

func nativeCPUInfo(p *sched.Process, n, va uint64) int64 {
	if n >= uint64(amd64.NCPU) {
		return -abi.EINVAL
	}
	i := cpuInfo(int(n))
	return out(p, va, &i)
}

var _ [spin.NumRanks - 1]struct{} = [len(abi.LockRanks)]struct{}{} // each rank has a name

// cpuInfo is about CPU n, which exists.
func cpuInfo(n int) abi.CPUInfo {
	u := sched.ByID(n).Usage()
	i := abi.CPUInfo{
		IdleNS: u.IdleNS, UserNS: u.UserNS, Switches: u.Switches, Runnable: u.Runnable, PPCs: ppc.Made(n),
		Interrupts: atomic.LoadUint64(&events[n].interrupts), Faults: atomic.LoadUint64(&events[n].faults),
	}
	i.APIC = uint64(amd64.CPUByID(n).APICID)
	boot := sched.Now()
	i.SysNS = boot - min(boot, u.IdleNS+u.UserNS)
	for r := spin.Rank(1); r < spin.NumRanks; r++ {
		i.Waited[r-1] = spin.ContendedOn(n, r)
	}
	return i
}
