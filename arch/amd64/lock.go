package amd64

import (
	"sync/atomic"

	"go42/mm/spin"
)

// DeviceLock guards a device or what goes to it: a spin lock of rank Device that
// a panic makes void, since its holder may have been stopped. While a report
// is printed the CPU that prints it passes through; any other waits to be stopped.
type DeviceLock struct{ l spin.Lock }

// Init makes the lock free; before first use.
func (d *DeviceLock) Init() { d.l.Init(spin.Device) }

func (d *DeviceLock) Acquire() {
	if o := atomic.LoadUint32(&report.owner); o != 0 {
		for o != This().ID+1 {
			Pause()
			o = atomic.LoadUint32(&report.owner)
		}
		return
	}
	d.l.Acquire()
}

func (d *DeviceLock) Release() {
	if atomic.LoadUint32(&report.owner) != This().ID+1 {
		d.l.Release()
	}
}
