//go:build go42kernel

package main

import (
	"sync/atomic"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
	"go42/sched/lifecycle"
)

// ring keeps what came in on a serial port until its driver reads it. The
// interrupt empties the port into it as long as there is room; what does not
// fit stays in the port, which makes the sender wait.
type ring struct {
	port    *amd64.UART
	buf     [4096]byte
	r, w    int
	holder  uint64 // kernel process id of the driver
	channel uint
	told    bool // it has been notified, and has not found the ring empty since
}

var ports = [2]ring{}

// fill moves what the port has into the ring.
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

func (q *ring) interrupt(c *sched.CPU) {
	q.port.Ack()
	q.fill()
	if q.w == q.r || q.holder == 0 || q.told {
		return
	}
	q.told = true
	if p := sched.Find(q.holder); p != nil && p.State != sched.Dying {
		c.Notify(p.Disp[0], q.channel)
	}
}

// onIRQ is an interrupt; ctx is nil if the CPU was idle.
func onIRQ(ctx *amd64.UserContext, irq int) {
	c := sched.This()
	interrupts++
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

var interrupts uint64

// debugcon ports of the host tool (docs/using.md).
var consoles = [...]amd64.Debugcon{abi.DevLog: amd64.DebugLog, abi.DevOut: amd64.DebugOut,
	abi.DevErr: amd64.DebugErr, abi.DevStatus: amd64.DebugStatus}

// most is how many bytes one device call moves.
const most = 512

// scratch holds the bytes of a device or log write on their way out. One CPU
// runs the kernel, and no call keeps it.
var scratch [most]byte

func nativeDevRead(p *sched.Process, dev, va, n uint64) int64 {
	if p.Role&abi.RoleDevice == 0 {
		return -abi.EPERM
	}
	if dev > abi.DevControl {
		return -abi.ENODEV
	}
	q := &ports[dev]
	q.fill()
	var b [most]byte
	got := 0
	for got < len(b) && uint64(got) < n && q.r+got < q.w {
		b[got] = q.buf[(q.r+got)%len(q.buf)]
		got++
	}
	if mm.CopyOut(p.Space, va, b[:got]) != got {
		return -abi.EFAULT
	}
	q.r += got
	q.fill()
	if got == 0 {
		q.told = false
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
	b := scratch[:min(n, most)]
	if mm.CopyIn(p.Space, b, va) != len(b) {
		return -abi.EFAULT
	}
	if dev <= abi.DevControl {
		return int64(ports[dev].port.Write(b))
	}
	consoles[dev].Write(b)
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
	q.holder, q.channel, q.told = p.KPid, uint(channel), false
	q.port.SetInterrupts(true, false)
	q.interrupt(sched.This())
	return 0
}

// nativeLog writes to the kernel's log.
func nativeLog(p *sched.Process, va, n uint64) int64 {
	b := scratch[:min(n, most)]
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
// is short (ipc.MemoryLow).
func publishFree() {
	atomic.StoreUint64(&info.MemFree, uint64(mm.FreeFrameCount())*abi.PageSize)
}

// info is the page that every process sees at abi.InfoVA.
var (
	info      *abi.InfoPage
	infoFrame uint64
)

func nativeSetWall(p *sched.Process, offset uint64) int64 {
	if p.Role&abi.RoleProc == 0 {
		return -abi.EPERM
	}
	atomic.AddUint64(&info.WallSeq, 1)
	atomic.StoreUint64(&info.WallOffset, offset)
	atomic.AddUint64(&info.WallSeq, 1)
	return 0
}

func nativeSysInfo(p *sched.Process, va uint64) int64 {
	c := sched.This()
	m := mm.ReadCounters()
	frames := func(k mm.Kind) uint64 { return uint64(m.Kinds[k]) * abi.PageSize }
	recs, leaves := ppc.Counts()
	boot, user := sched.Now(), c.UserNS+c.Running()
	i := abi.SysInfo{
		MemTotal: uint64(m.Total) * abi.PageSize, MemFree: uint64(m.Free) * abi.PageSize,
		MemKernel: frames(mm.KindKernel) + frames(mm.KindPool), MemAnon: frames(mm.KindAnon),
		MemFile: frames(mm.KindFile), MemTables: frames(mm.KindTable),
		Processes: uint64(sched.Live), Records: uint64(recs), Leaves: uint64(leaves),
		IdleNS: c.IdleNS, UserNS: user, SysNS: boot - min(boot, c.IdleNS+user), BootNS: boot,
		Switches: c.Switches, Interrupts: interrupts, PPCs: ppc.PPCs, Faults: faults, Forks: lifecycle.Forks,
	}
	return out(p, va, &i)
}
