package sched

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
)

// What concerns a dispatcher of another CPU is sent to that CPU: bits in the
// dispatcher, which is linked into the CPU's mailbox unless it is in one
// already, and an interrupt if the mailbox was empty. Nothing is allocated,
// and nothing is lost: a bit that is set twice asks for one look.
//
// A dispatcher that has moved meanwhile is sent on. One that is given back is
// in no mailbox: Grace.Drained.

// Bits of Dispatcher.mail.
const (
	mailWake  = 1 << iota // it may have something to do
	mailStop              // its process dies or resets: forget it, and say so (stopped)
	mailHold              // its process is suspended
	mailMove              // it is to go to the CPU that goTo says
	mailStart             // it begins anew, with its Reason
)

// send leaves bits for d at its CPU. Any CPU; no lock is needed.
func send(d *Dispatcher, bits uint32) {
	if atomic.OrUint32(&d.mail, bits) != 0 {
		return // whoever set the first bit links it
	}
	c := d.CPU()
	head := (*unsafe.Pointer)(unsafe.Pointer(&c.mailbox))
	for {
		old := atomic.LoadPointer(head)
		d.mailNext = (*Dispatcher)(old)
		if atomic.CompareAndSwapPointer(head, old, unsafe.Pointer(d)) {
			// This CPU, too, if d has just come here: it may have read its mail
			// for this entry, and others trust that who fills an empty mailbox
			// sees to it.
			if old == nil {
				reschedule(c.ID)
			}
			return
		}
	}
}

// hasMail reports whether somebody has sent something.
func (c *CPU) hasMail() bool {
	return atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&c.mailbox))) != nil
}

// readMail does what has been sent.
func (c *CPU) readMail() {
	head := (*unsafe.Pointer)(unsafe.Pointer(&c.mailbox))
	d := (*Dispatcher)(atomic.SwapPointer(head, nil))
	for d != nil {
		next := d.mailNext
		// From here on it can be linked anew.
		bits := atomic.SwapUint32(&d.mail, 0)
		if d.CPU() != c {
			send(d, bits)
		} else {
			c.look(d, bits)
		}
		d = next
	}
}

// look does what bits say of d, which is this CPU's.
func (c *CPU) look(d *Dispatcher, bits uint32) {
	c.adopt(d)
	if bits&mailHold != 0 && d.Proc.State() == Suspended {
		c.hold(d)
	}
	if bits&mailStop != 0 {
		c.Forget(d)
		stopped(c, d.Proc)
		return
	}
	// Not if its process has been stopped again since.
	if bits&mailStart != 0 && d.Proc.job == nil {
		d.State = DispClean
	}
	if bits&mailMove != 0 {
		c.moveAsked(d)
		if d.CPU() != c {
			return
		}
	}
	c.Ready(d)
}

// Post sets event bits for d and lets it run if it was idle. If d is the
// current dispatcher, Leave delivers them. d may be any CPU's.
func (c *CPU) Post(d *Dispatcher, bits uint64) {
	atomic.OrUint64(&d.Page.Pending, bits)
	c.Wake(d)
}

// Wake lets d, which may be any CPU's, run if it has something to do.
func (c *CPU) Wake(d *Dispatcher) {
	if d.CPU() == c {
		c.Ready(d)
	} else {
		send(d, mailWake)
	}
}

// Notify sets a channel bit of process p: channels are dispatcher 0's.
func (c *CPU) Notify(p *Process, channel uint) {
	if d := p.Dispatcher(0); d != nil {
		atomic.OrUint64(&d.Page.Notify, 1<<channel)
		c.Post(d, abi.EventNotify)
	}
}

// Restart lets d, which has stopped, begin with a Run upcall for reason.
func (c *CPU) Restart(d *Dispatcher, reason, arg uint64) {
	d.Reason, d.Argument = reason, arg
	if d.CPU() == c {
		c.look(d, mailStart)
	} else {
		send(d, mailStart)
	}
}
