package sched

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/mm"
)

// Programs with one dispatcher go where there is room: a CPU that is left with
// others waiting gives them to idle ones at the end of a kernel entry (spread),
// and one that becomes idle asks the busy ones for that (beg). Processes with
// several dispatchers spread their threads themselves, and servers stay with
// their callers. Nobody takes from another CPU's queue.

// movable reports whether d, which is this CPU's and not current, may go to
// another CPU.
func (d *Dispatcher) movable() bool {
	p := d.Proc
	if d.pinned || p.Class() != ClassApp || p.State() != Running {
		return false
	}
	for i := range p.Disp {
		if x := p.Dispatcher(i); x != nil && x != d {
			return false
		}
	}
	return true
}

// spread gives programs that wait here to CPUs that are idle.
func (c *CPU) spread() {
	if numCPU() == 1 {
		return
	}
	spare := uint32(0)
	if c.Current != nil {
		for d := c.queue[ClassApp].head; d != nil; {
			next := d.next
			if d.movable() {
				to := c.idler()
				if to == nil {
					spare = 1
					break
				}
				c.give(d, to)
			}
			d = next
		}
	}
	if c.spare != spare {
		atomic.StoreUint32(&c.spare, spare)
	}
}

// idler returns an idle CPU that nobody has sent anything, nil if there is none.
func (c *CPU) idler() *CPU {
	for i := 1; i < numCPU(); i++ {
		x := &cpus[(c.ID+i)%numCPU()]
		if atomic.LoadUint32(&x.idle) != 0 && !x.hasMail() {
			return x
		}
	}
	return nil
}

// beg asks the CPUs on which programs wait to give some away. Not just one: it
// may have none any more that can.
func (c *CPU) beg() {
	for i := 1; i < numCPU(); i++ {
		if x := &cpus[(c.ID+i)%numCPU()]; atomic.LoadUint32(&x.spare) != 0 {
			reschedule(x.ID)
		}
	}
}

// Place returns the CPU that a new process is to begin on, whose dispatcher is
// d: this one if its parent was told to stay here (and it with it), else an idle
// one, else this.
func (c *CPU) Place(d *Dispatcher) *CPU {
	if d.pinned || d.Proc.Class() == ClassServer || c.Current == nil && c.queue[ClassApp].head == nil {
		return c
	}
	if x := c.idler(); x != nil {
		return x
	}
	return c
}

// give sends d, which is this CPU's and not current, to another.
func (c *CPU) give(d *Dispatcher, to *CPU) {
	q := &c.queue[d.Proc.Class()]
	if d.queued {
		q.remove(d)
	}
	if c.payer == d {
		c.charge()
		c.payer = nil
	}
	// One that has not been seen to arrive here carries its deadline still.
	if d.deadline != 0 {
		d.carry = d.deadline
		c.setTimer(d, 0)
	}
	// Virtual time is each CPU's own.
	d.pass -= min(d.pass, q.pass)
	p := d.Proc
	if p.at[c.ID] == d {
		p.place(c.ID, nil)
	}
	p.place(to.ID, d)
	atomic.StoreUint32(&d.cpu, uint32(to.ID))
	send(d, mailHere|mailWake)
}

// arrived takes d over.
func (c *CPU) arrived(d *Dispatcher) {
	d.pass += c.queue[d.Proc.Class()].pass
	if d.carry != 0 {
		c.setTimer(d, d.carry)
		d.carry = 0
	}
}

// SetCPU moves dispatcher index of p to CPU to, where it stays (NSetCPU). If it
// is the current one the CPU is undecided afterwards.
func (c *CPU) SetCPU(p *Process, index, to uint64) int64 {
	if to >= uint64(numCPU()) {
		return -abi.EINVAL
	}
	if index >= abi.MaxDispatchers || p.Dispatcher(int(index)) == nil {
		return -abi.ESRCH
	}
	d := p.Dispatcher(int(index))
	atomic.StoreUint32(&d.goTo, uint32(to)+1)
	if d.CPU() == c {
		c.moveAsked(d)
	} else {
		send(d, mailMove)
	}
	return 0
}

// moveAsked sends d, which is this CPU's, where SetCPU wants it.
func (c *CPU) moveAsked(d *Dispatcher) {
	to := atomic.SwapUint32(&d.goTo, 0)
	if to == 0 || d.State == DispEmbryo {
		return
	}
	d.pinned = true
	if int(to-1) == c.ID {
		return
	}
	if d == c.Current {
		c.Preempt(false)
	}
	c.give(d, &cpus[to-1])
}

// Stay makes d, a new process's, stay where its parent's dispatcher from was
// told to stay (sched_setaffinity is inherited).
func (d *Dispatcher) Stay(from *Dispatcher) { d.pinned = from.pinned }

// Give sends d, which is new and this CPU's, to another.
func (c *CPU) Give(d *Dispatcher, to *CPU) { c.give(d, to) }

// setSpace notes which address space is loaded, and whose it is.
func (c *CPU) setSpace(as *mm.AddressSpace, p *Process) {
	c.space = as
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&c.owner)), unsafe.Pointer(p))
	as.Activate()
}

// UnloadSpace leaves the address space that is loaded, which is about to be
// taken apart.
func (c *CPU) UnloadSpace(as *mm.AddressSpace) {
	if c.space == as {
		c.setSpace(nil, nil)
	}
}

// unloadDead leaves the address space of a process that has died.
func (c *CPU) unloadDead() {
	if c.Current == nil || c.Current.Proc != c.owner {
		c.UnloadSpace(c.space)
	}
}

// Unloaded reports whether no CPU has the address space of p, which is dead,
// loaded any more; those that have are asked to leave it.
func (c *CPU) Unloaded(p *Process) bool {
	done := true
	for i := range numCPU() {
		x := &cpus[i]
		if (*Process)(atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&x.owner)))) != p {
			continue
		}
		if x == c {
			c.UnloadSpace(c.space)
		} else {
			reschedule(i)
			done = false
		}
	}
	return done
}
