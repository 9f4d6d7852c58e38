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
		p := entry.TakePending()
		if p == 0 {
			return
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
			expire(now)
			if d.slice != 0 && now >= d.slice {
				d.slice = 0
				d.preempt = sched.run.head != nil
			}
			d.rearm(d.slice != 0 || sched.run.head != nil)
		}
		if p&abi.EventYield != 0 {
			d.soft, d.preempt = true, true
		}
		if p&abi.EventFault != 0 {
			sched.lock.take()
			for t := faulting.pop(); t != nil; t = faulting.pop() {
				t.state = Ready
				makeReady(t)
			}
			sched.lock.drop()
		}
		if p&abi.EventStopped != 0 && StoppedHook != nil {
			StoppedHook()
		}
		if p&abi.EventCall != 0 {
			d.waiting = true
		}
		d.events |= p & (abi.EventExits | abi.EventLasts)
		feedReceivers(d)
	}
}

// notified bumps the Seq of every channel that was notified.
func notified(d *Dispatcher) {
	n := atomic.SwapUint64(&d.page.Notify, 0)
	for m := n; m != 0; m &= m - 1 {
		c := bits.TrailingZeros64(m)
		if NotifyHook != nil {
			NotifyHook(c)
		}
		Chan[c].Bump()
	}
	if n &^= ownChans; n != 0 {
		d.notified |= n
		d.events |= abi.EventNotify
	}
}

// CallServer makes a PPC on handle; the current thread waits for the reply, the
// others go on. m and r may be anywhere in libOS memory. Answers the server's error (r.Status < 0), ECONNRESET turned into EIO
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
	atomic.StoreUint32(&t.state, Calling)
	entry.Switch(opInvoke, 0, 0)
	e := errno.Of(t.callStatus)
	Restore(was)
	if e == errno.ECONNRESET {
		e = errno.EIO
	}
	return e
}

// invoke makes the native call for a thread that was switched out.
func invoke(t *Thread) {
	d := current()
	d.leaving(sched.run.head != nil)
	st := native.Invoke(t.callHandle, t.callMethod, t.callMsg, uint64(uintptr(unsafe.Pointer(t))))
	t.callStatus = st
	retMessage(t).Status = st
	t.state = Running
	resume(d, t, sched.run.head != nil)
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
	if t == nil || t.state != Calling {
		return nil
	}
	copyReturn(retMessage(t), src)
	t.callStatus = src.Status
	return t
}

func copyReturn(dst, src *abi.ReturnMessage) {
	dst.Tag, dst.Status, dst.Args = src.Tag, src.Status, src.Args
	dst.Len, dst.NGrants, dst.Handles = src.Len, src.NGrants, src.Handles
	n := min(dst.Len, abi.MaxData)
	copy(dst.Data[:n], src.Data[:n])
}

func returnUpcall() {
	d := current()
	d.idle = true
	if t := deliverReturn(d); t != nil {
		// The CPU came with the reply: its thread goes on at once.
		atomic.StoreUint32(&t.state, Running)
		resume(d, t, sched.run.head != nil)
	}
	schedule()
}
