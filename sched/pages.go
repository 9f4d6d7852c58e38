package sched

import (
	"sync/atomic"
	"unsafe"

	"go42/ipc/abi"
	"go42/mm"
)

// AwaitPage has the current dispatcher, which touched va and got FaultPending
// from mm.Fault, told when the page has come. It returns FaultPending: the
// caller makes the Fault upcall, or, if the dispatcher is disabled and so cannot
// take one, leaves it stalled; FaultOK: the page has come meanwhile; FaultBus: it
// must not wait for that pager.
func (c *CPU) AwaitPage(va uint64, write, disabled bool) mm.FaultResult {
	d := c.Current
	if disabled { // before it can be told
		atomic.StoreUint32(&d.stalled, 1)
	}
	r := mm.Await(d.Proc.Space, va, write, d.Waits[:], unsafe.Pointer(d), d.Proc.Rank)
	if r != mm.FaultPending {
		atomic.StoreUint32(&d.stalled, 0)
	} else if disabled {
		c.stop()
		saveState(d)
		c.Ready(d) // if it is no longer stalled
	}
	return r
}

// SyncPages is mm's Sync for d, which is told with EventFault.
func (d *Dispatcher) SyncPages(va, ticket uint64) (uint64, mm.Errno) {
	return d.Proc.Space.Sync(va, ticket, d.Waits[:], unsafe.Pointer(d))
}

// TellWaiters posts EventFault to dispatchers whose page may have come, at most
// 1,024: others wait for the next kernel entry.
func (c *CPU) TellWaiters() {
	for range 1024 {
		d := (*Dispatcher)(mm.NextWaiter())
		if d == nil {
			return
		}
		atomic.StoreUint32(&d.stalled, 0)
		c.Post(d, abi.EventFault)
	}
}

// forgetPages ends d's waits for pages.
func (c *CPU) forgetPages(d *Dispatcher) {
	mm.Unwait(d.Waits[:])
	atomic.StoreUint32(&d.stalled, 0)
}
