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

// anyCPU is the mask of those that may be moved anywhere.
const anyCPU = ^uint64(0)

// movable reports whether d, which is this CPU's and not current, may go to
// another CPU.
func (d *Dispatcher) movable() bool {
	p := d.Proc
	if d.only&(1<<numCPU()-1)&^(1<<d.cpu) == 0 || p.Class() != ClassApp || p.State() != Running {
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
				to := c.idler(d.only)
				if to == nil {
					spare = 1
				} else {
					c.give(d, to)
				}
			}
			d = next
		}
	}
	if c.spare != spare {
		atomic.StoreUint32(&c.spare, spare)
	}
}

// idler returns an idle CPU of those in mask that nobody has sent anything, nil if
// there is none.
func (c *CPU) idler(mask uint64) *CPU {
	for i := 1; i < numCPU(); i++ {
		x := &cpus[(c.ID+i)%numCPU()]
		if mask>>x.ID&1 != 0 && atomic.LoadUint32(&x.idle) != 0 && !x.hasMail() {
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
// d: an idle one, if it may go there, else this.
func (c *CPU) Place(d *Dispatcher) *CPU {
	if d.Proc.Class() == ClassServer || c.Current == nil && c.queue[ClassApp].head == nil {
		return c
	}
	if x := c.idler(d.only); x != nil {
		return x
	}
	return c
}

// give sends d, which is this CPU's and not current, to another.
func (c *CPU) give(d *Dispatcher, to *CPU) {
	c.adopt(d)
	q := &c.queue[d.Proc.Class()]
	if d.queued {
		q.remove(d)
	}
	if c.payer == d {
		c.charge()
		c.payer = nil
	}
	d.carry = d.deadline
	c.setTimer(d, 0)
	// Virtual time is each CPU's own.
	d.pass -= min(d.pass, q.pass)
	d.given = true
	p := d.Proc
	if p.at[c.ID] == d {
		p.place(c.ID, nil)
	}
	p.place(to.ID, d)
	atomic.StoreUint32(&d.cpu, uint32(to.ID)) // from here on it is the other's
	send(d, mailWake)
}

// adopt takes d, which is this CPU's, over if it has been given to it. That is
// done by whatever touches d here first: the word that give sends can come after
// others', and after this CPU has come upon d by itself.
func (c *CPU) adopt(d *Dispatcher) {
	if d.given {
		c.takeOver(d)
	}
}

func (c *CPU) takeOver(d *Dispatcher) {
	d.given = false
	d.pass += c.queue[d.Proc.Class()].pass
	c.setTimer(d, d.carry)
}

// SetCPU moves dispatcher index of p to CPU to (NSetCPU); from then on it may be
// moved among those in mask, 0: it stays. If it is the current one the CPU is
// undecided afterwards.
func (c *CPU) SetCPU(p *Process, index, to, mask uint64) int64 {
	if to >= uint64(numCPU()) {
		return -abi.EINVAL
	}
	if mask == 0 {
		mask = 1 << to
	}
	if mask>>to&1 == 0 {
		return -abi.EINVAL
	}
	if index >= abi.MaxDispatchers || p.Dispatcher(int(index)) == nil {
		return -abi.ESRCH
	}
	d := p.Dispatcher(int(index))
	atomic.StoreUint64(&d.goOnly, mask)
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
	d.only = atomic.LoadUint64(&d.goOnly)
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
func (d *Dispatcher) Stay(from *Dispatcher) { d.only = from.only }

// Roam undoes it for d, which has stopped: the new program's libOS says again
// where it is to stay.
func (d *Dispatcher) Roam() { d.only = anyCPU }

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
