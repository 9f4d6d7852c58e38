package user

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/native"
)

// Init installs the upcalls. Start-up only.
func Init() {
	entry.SvcFn, entry.WorkFn = svc, work
	entry.EventFn, entry.FaultFn, entry.RetryFn = event, fault, retry
	entry.RunFn, entry.CallFn, entry.ReturnFn = run, callUpcall, returnUpcall
	entry.TrapFn, entry.SwitchFn = trap, switched
}

// handlePending takes the event bits and does what they ask. Disabled, on any
// stack; it makes threads ready but does not switch.
func handlePending() {
	d := current()
	for {
		p := entry.TakePending() | d.held
		d.held = 0
		if p == 0 {
			return
		}
		if p&abi.EventPoke != 0 {
			// Before looking: a later poke is for what comes later.
			atomic.StoreUint32(&d.poked, 0)
			d.look()
		}
		if p&abi.EventReturn != 0 {
			for native.NextReturn() == 0 {
				if t := deliverReturn(d); t != nil {
					t.Ready()
				}
			}
		}
		if p&abi.EventNotify != 0 {
			notified(d)
		}
		if p&abi.EventTimer != 0 {
			d.armed = 0
			now := Now()
			d.timers.expire(now)
			if d.slice != 0 && now >= d.slice {
				d.slice = 0
				d.preempt = d.preempt || d.queue.some()
				d.grow()
			}
			d.rearm(d.slice != 0 || d.queue.some())
		}
		if p&abi.EventYield != 0 {
			d.soft, d.preempt = true, true
		}
		if p&abi.EventFault != 0 {
			faulted()
		}
		if p&abi.EventStopped != 0 && StoppedHook != nil {
			StoppedHook()
		}
		if p&abi.EventCall != 0 {
			d.waiting = true
		}
		d.events |= p & (abi.EventExits | abi.EventLasts | abi.EventPages)
		feedReceivers(d)
	}
}

// look: others have left something. Disabled.
func (d *Dispatcher) look() {
	if stopped() {
		d.preempt = true
	}
	d.queue.lock.take()
	d.woke = d.woke || d.queue.woken.head != nil
	d.queue.lock.drop()
	if d.between {
		return
	}
	if t := Current(); !d.allows(t) {
		d.preempt = true
	}
	if d.queue.some() {
		d.rearm(true)
	}
}

// notified bumps the Seq of every channel that was notified.
func notified(d *Dispatcher) {
	atomic.StoreUint32(&telling, 1)
	n := atomic.SwapUint64(&d.page.Notify, 0)
	for m := n; m != 0; m &= m - 1 {
		c := bits.TrailingZeros64(m)
		if NotifyHook != nil {
			NotifyHook(c)
		}
		Chan[c].Bump()
	}
	atomic.StoreUint32(&telling, 0)
	if n &^= ownChans; n != 0 {
		d.notified |= n
		d.events |= abi.EventNotify
	}
}

// telling is 1 while notified is at work: on dispatcher 0 alone.
var telling uint32

// Notified reports whether channel c has been notified and its Seq may not have moved
// for it yet: dispatcher 0, which moves it, may be late. It is asked before the Seq is
// read.
func Notified(c int) bool {
	p := disps[0].page
	return p != nil && (atomic.LoadUint64(&p.Notify)>>c&1 != 0 || atomic.LoadUint32(&telling) != 0)
}

// CallServer makes a PPC on handle; the current thread waits for the reply, the
// others go on. m and r may be anywhere in libOS memory. Answers the server's error (r.Status < 0), EOWNERDEAD turned into EIO
// if the server died, or why the call could not be made.
//
// r.Status, Args, Handles and the first Len bytes of Data are valid after it.
func CallServer(handle uint64, method uint32, m *abi.Message, r *abi.ReturnMessage) errno.Errno {
	t := Current()
	was := Disable()
	t.callHandle, t.callMethod = handle, uint64(method)
	t.callMsg = uint64(uintptr(unsafe.Pointer(m)))
	// Kept as a number: r may be on this thread's stack, which does not move,
	// and is not used after the reply.
	t.retBuf = uintptr(unsafe.Pointer(r))
	t.setState(Calling)
	entry.Switch(opInvoke, 0, 0)
	e := errno.Of(t.callStatus)
	Restore(was)
	if e == errno.EOWNERDEAD {
		e = errno.EIO
	}
	return e
}

// invoke makes the native call for a thread that was switched out.
func invoke(t *Thread) {
	d := current()
	d.leaving()
	st := native.Invoke(t.callHandle, t.callMethod, d.out(t), uint64(uintptr(unsafe.Pointer(t))))
	d.back()
	t.callStatus = st
	retMessage(t).Status = st
	carryOn(d, t)
}

// out puts t's message where the kernel finds it without a walk of page tables,
// and answers its address there; 0 if t has none.
func (d *Dispatcher) out(t *Thread) uint64 {
	m := *(**abi.Message)(unsafe.Pointer(&t.callMsg))
	if m == nil {
		return 0
	}
	o := &d.page.Out
	o.Args, o.Len, o.NRanges, o.NGrants = m.Args, m.Len, m.NRanges, m.NGrants
	if m.NRanges != 0 {
		o.Ranges = m.Ranges
	}
	if m.NGrants != 0 {
		o.Grants = m.Grants
	}
	if n := min(m.Len, abi.MaxData); n != 0 {
		copy(o.Data[:n], m.Data[:n])
	}
	return uint64(uintptr(unsafe.Pointer(o)))
}

func retMessage(t *Thread) *abi.ReturnMessage {
	return *(**abi.ReturnMessage)(unsafe.Pointer(&t.retBuf))
}

// deliverReturn copies the reply in the page to its thread, which the caller
// makes ready or resumes.
func deliverReturn(d *Dispatcher) *Thread {
	src := &d.page.Return
	tag := uintptr(src.Tag)
	t := *(**Thread)(unsafe.Pointer(&tag))
	if t == nil || t.State() != Calling {
		return nil
	}
	copyReturn(retMessage(t), src)
	t.callStatus = src.Status
	return t
}

func copyReturn(dst, src *abi.ReturnMessage) {
	dst.ReturnHead = src.ReturnHead
	if n := min(dst.Len, abi.MaxData); n != 0 {
		copy(dst.Data[:n], src.Data[:n])
	}
}

func returnUpcall() {
	d := current()
	d.between = true
	d.back()
	if t := deliverReturn(d); t != nil {
		// The CPU came with the reply: its thread goes on at once.
		carryOn(d, t)
	}
	schedule()
}
