package user

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/native"
)

// Receiving, for servers. A thread in Receive is parked; the page's Accept counts
// the parked ones, and the kernel takes one off for each call that it hands over.

// Receivers are bound while they are parked: a server's calls go to its dispatcher
// on the caller's CPU, so a thread that may run on one CPU only receives there;
// any other on dispatcher 0.

// Receive parks the current thread until there is something for a server, which
// is then in t.In: a call, or an event (abi.CallEvent). Interrupted: a signal.
func (t *Thread) Receive(intr bool) Reason {
	was := Disable()
	r := t.receive(intr)
	Restore(was)
	return r
}

func (t *Thread) receive(intr bool) Reason {
	if several() {
		t.bindTo(t.home())
	}
	r := Woken
	if !t.immediate() {
		t.beginReceive(current())
		r = t.endReceive(t.park(0, intr))
	}
	t.bind(nil)
	return r
}

// home is the dispatcher on which t receives.
func (t *Thread) home() *Dispatcher {
	if m := atomic.LoadUint64(&t.cpus); m != 0 && m&(m-1) == 0 {
		ds := all()
		for i := range ds {
			if 1<<(atomic.LoadUint32(&ds[i].cpu)&63) == m {
				return &ds[i]
			}
		}
	}
	return &disps[0]
}

// ReplyReceive completes a call record and receives, in one kernel entry where
// nothing else is to be done. A reply to a record whose caller has gone is
// dropped by the kernel.
func (t *Thread) ReplyReceive(record uint64, status int64, msg uint64, intr bool) Reason {
	was := Disable()
	d := current()
	r := Woken
	if d.waiting || d.events != 0 || d.queue.some() || several() && t.home() != d ||
		atomic.LoadUint64(&d.page.Pending) != 0 || intr && t.HasWork(Interrupting) {
		answer(record, status, msg)
		r = t.receive(intr)
	} else {
		t.replyRecord, t.replyStatus, t.callMsg = record, status, msg
		t.bind(d)
		t.beginReceive(d)
		if intr {
			t.interruptible()
		}
		if t.State() == Blocked {
			entry.Switch(opReplyReceive, 0, 0)
		} else {
			// A signal from another dispatcher overtook it.
			answer(record, status, msg)
			if t.State() != Running && !d.withdraw(t) {
				entry.Switch(opSchedule, 0, 0)
			}
		}
		r = t.endReceive(t.reason())
		t.bind(nil)
	}
	Restore(was)
	return r
}

// answer completes a call record. A reply that the kernel does not take, other
// than for a caller that is gone, fails the call: its caller must not wait for ever.
func answer(record uint64, status int64, msg uint64) {
	if r := native.Reply(record, status, msg, 0); r < 0 && r != -abi.ESRCH {
		native.Reply(record, -abi.EIO, 0, 0)
	}
}

// ownChans are the notification channels that the libOS consumes itself; the
// others are a server's business.
const ownChans = 1<<abi.ChanProc | 1<<abi.ChanPipe | 1<<abi.ChanTTY | 1<<abi.ChanSock | 1<<abi.ChanFile |
	1<<abi.ChanDev | 1<<abi.ChanVfork | 1<<abi.ChanMount | 1<<abi.ChanFutex

// immediate looks for what has come already.
func (t *Thread) immediate() bool {
	d := current()
	if d.waiting {
		atomic.AddUint32(&d.page.Accept, 1)
		if native.TakeCall() == 0 {
			copyCall(&t.In, &d.page.Call)
			return true
		}
		atomic.AddUint32(&d.page.Accept, ^uint32(0))
		d.waiting = false
	}
	return d.takeEvents(t)
}

// takeEvents hands what events there are to receiver t.
func (d *Dispatcher) takeEvents(t *Thread) bool {
	if d.events == 0 {
		return false
	}
	t.In.Record, t.In.Method, t.In.Len, t.In.NRanges = 0, abi.CallEvent, 0, 0
	t.In.Args = [abi.MaxArgs]uint64{d.events, d.notified, uint64(d.index)}
	d.events, d.notified = 0, 0
	return true
}

func (t *Thread) beginReceive(d *Dispatcher) {
	d.receivers.pushFront(t)
	t.prepare()
	atomic.AddUint32(&d.page.Accept, 1)
}

// endReceive: t runs again. If it is still on the list, its wait was interrupted;
// otherwise it was given something, an interruption notwithstanding.
func (t *Thread) endReceive(r Reason) Reason {
	if t.links[0].on == nil {
		return Woken
	}
	if d := current(); d.receivers.remove(t) {
		atomic.AddUint32(&d.page.Accept, ^uint32(0))
		return r
	}
	return Woken
}

// feedReceivers gives waiting calls and events to parked receivers. Disabled.
func feedReceivers(d *Dispatcher) {
	for d.waiting && d.receivers.head != nil {
		if native.TakeCall() != 0 {
			d.waiting = false
			break
		}
		handOver(d).wake(Woken)
	}
	if d.receivers.head == nil {
		return
	}
	if d.takeEvents(d.receivers.head) {
		t := d.receivers.pop()
		atomic.AddUint32(&d.page.Accept, ^uint32(0))
		t.wake(Woken)
	}
}

// handOver gives the call in the page, already off Accept, to a receiver.
func handOver(d *Dispatcher) *Thread {
	t := d.receivers.pop()
	copyCall(&t.In, &d.page.Call)
	return t
}

func copyCall(dst, src *abi.CallMessage) {
	dst.CallHead = src.CallHead
	if n := min(dst.Len, abi.MaxData); n != 0 {
		copy(dst.Data[:n], src.Data[:n])
	}
}

// callUpcall: the kernel came with a call.
func callUpcall() {
	d := current()
	d.between = true
	d.back()
	if d.receivers.head == nil {
		// Accept said that there was one: it was interrupted meanwhile. The
		// record is lost to us unless it is answered.
		native.Reply(d.page.Call.Record, -11, 0, 0)
		schedule()
	}
	t := handOver(d)
	if t.claim(d) {
		carryOn(d, t)
	}
	schedule()
}

// replyReceive runs on the scheduler stack for a thread that is parked as a
// receiver.
func replyReceive(t *Thread) {
	d := current()
	// An interrupted t may be queued, but goes on here only.
	rec, status := t.replyRecord, t.replyStatus
	msg := d.out(t)
	d.leaving()
	r := native.Reply(rec, status, msg, abi.ReplyReceive)
	d.back()
	if r < 0 && r != -abi.ESRCH {
		answer(rec, status, msg)
	}
}
