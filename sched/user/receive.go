package user

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// Receiving, for servers. A thread in Receive is parked; the page's Accept counts
// the parked ones, and the kernel takes one off for each call that it hands over.

// receivers are the parked threads, newest first (its stack is warm). Only this
// dispatcher touches it, disabled.
var receivers list

// What Receive answers beside calls: bits.
const (
	ReceivedCall   = 0
	ReceivedExits  = 1 << 0 // process manager: NNextExit until EAGAIN
	ReceivedLasts  = 1 << 1 // NNextLast until EAGAIN
	ReceivedNotify = 1 << 2 // channels were notified: the second result
)

// Receive parks the current thread until a call comes (in t.In, result
// ReceivedCall) or, to one of the receivers, an event for servers.
func (t *Thread) Receive(intr bool) (what int64, notify uint64, r Reason) {
	was := Disable()
	defer Restore(was)
	if what, notify, ok := t.immediate(); ok {
		return what, notify, Woken
	}
	t.beginReceive()
	r = t.park(0, intr)
	return t.endReceive(r)
}

// ReplyReceive completes a call record and receives, in one kernel entry where
// nothing else is to be done. A reply to a record whose caller has gone is
// dropped by the kernel.
func (t *Thread) ReplyReceive(record uint64, status int64, msg uint64, intr bool) (what int64, notify uint64, r Reason) {
	was := Disable()
	defer Restore(was)
	d := current()
	if d.waiting || d.events != 0 || d.notified&ServerChans != 0 || sched.run.head != nil ||
		atomic.LoadUint64(&d.page.Pending) != 0 || intr && t.HasWork(Interrupting) {
		native.Reply(record, status, msg, 0)
		if what, notify, ok := t.immediate(); ok {
			return what, notify, Woken
		}
		t.beginReceive()
		r = t.park(0, intr)
	} else {
		t.replyRecord, t.replyStatus, t.callMsg = record, status, msg
		t.beginReceive()
		t.intr(intr)
		entry.Switch(opReplyReceive, 0, 0)
		r = t.reason
	}
	return t.endReceive(r)
}

// ServerChans are the notification channels that are a server's own business.
const ServerChans = 0xff << abi.ChanIRQ

// immediate looks for what has come already.
func (t *Thread) immediate() (what int64, notify uint64, ok bool) {
	d := current()
	if d.waiting {
		atomic.AddUint32(&d.page.Accept, 1)
		if native.TakeCall() == 0 {
			copyCall(&t.In, &d.page.Call)
			return ReceivedCall, 0, true
		}
		atomic.AddUint32(&d.page.Accept, ^uint32(0))
		d.waiting = false
	}
	return d.takeEvents()
}

func (d *Dispatcher) takeEvents() (what int64, notify uint64, ok bool) {
	if d.events == 0 && d.notified&ServerChans == 0 {
		return 0, 0, false
	}
	if d.events&abi.EventExits != 0 {
		what |= ReceivedExits
	}
	if d.events&abi.EventLasts != 0 {
		what |= ReceivedLasts
	}
	d.events = 0
	if n := d.notified & ServerChans; n != 0 {
		what |= ReceivedNotify
		notify = n
		d.notified &^= n
	}
	return what, notify, true
}

func (t *Thread) beginReceive() {
	t.receiving = true
	t.gotWhat, t.gotNotify = ReceivedCall, 0
	receivers.pushFront(t)
	t.prepare()
	atomic.AddUint32(&current().page.Accept, 1)
}

// endReceive: t runs again. If it is still on the list, its wait was interrupted;
// otherwise it was given something, an interruption notwithstanding.
func (t *Thread) endReceive(r Reason) (int64, uint64, Reason) {
	t.receiving = false
	if receivers.remove(t) {
		atomic.AddUint32(&current().page.Accept, ^uint32(0))
		return 0, 0, r
	}
	return t.gotWhat, t.gotNotify, Woken
}

// feedReceivers gives waiting calls and events to parked receivers. Disabled.
func feedReceivers(d *Dispatcher) {
	for d.waiting && receivers.head != nil {
		if native.TakeCall() != 0 {
			d.waiting = false
			break
		}
		handOver(d).wake(Woken)
	}
	if receivers.head == nil {
		return
	}
	if what, notify, ok := d.takeEvents(); ok {
		t := receivers.pop()
		atomic.AddUint32(&d.page.Accept, ^uint32(0))
		t.gotWhat, t.gotNotify = what, notify
		t.wake(Woken)
	}
}

// handOver gives the call in the page, already off Accept, to a receiver.
func handOver(d *Dispatcher) *Thread {
	t := receivers.pop()
	copyCall(&t.In, &d.page.Call)
	t.gotWhat = ReceivedCall
	return t
}

func copyCall(dst, src *abi.CallMessage) {
	n := min(src.Len, abi.MaxData)
	dst.Record, dst.BadgePid, dst.BadgeCred, dst.Object = src.Record, src.BadgePid, src.BadgeCred, src.Object
	dst.Method, dst.Flags, dst.Args = src.Method, src.Flags, src.Args
	dst.Len, dst.NRanges, dst.RangeLen, dst.Handles = n, src.NRanges, src.RangeLen, src.Handles
	copy(dst.Data[:n], src.Data[:n])
}

// callUpcall: the kernel came with a call.
func callUpcall() {
	d := current()
	if receivers.head == nil {
		// Accept said that there was one: it was interrupted meanwhile. The
		// record is lost to us unless it is answered.
		native.Reply(d.page.Call.Record, -11, 0, 0)
		schedule()
	}
	t := handOver(d)
	if t.wake(Woken) {
		was := sched.lock.Lock()
		sched.run.remove(t)
		t.state = Running
		more := sched.run.head != nil
		sched.lock.Unlock(was)
		resume(d, t, more)
	}
	schedule()
}

// replyReceive runs on the scheduler stack for a thread that is parked as a
// receiver.
func replyReceive(t *Thread) {
	d := current()
	d.slice = 0
	d.page.Deadline = earliest()
	d.armed = d.page.Deadline
	d.page.Runnable = 0
	if native.Reply(t.replyRecord, t.replyStatus, t.callMsg, abi.ReplyReceive) == -11 {
		native.Reply(t.replyRecord, t.replyStatus, t.callMsg, 0)
	}
}
