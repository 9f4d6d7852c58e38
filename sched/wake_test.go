package sched

import (
	"testing"

	"go42/ipc/abi"
)

// TestWakeMakesWay: who computes gives the CPU to one that wakes, though its turn is not
// over; but not before it has had a little.
func TestWakeMakesWay(t *testing.T) {
	c := machine(t)
	a, b := spawn(t, abi.RankApp), spawn(t, abi.RankApp)
	c.Post(a, abi.EventNotify)
	HostLeave(c)
	a.Page.Pending = 0
	HostTime += wakeGrain / 2
	c.Post(b, abi.EventNotify)
	HostLeave(c)
	HostTime += 2 // the timer rounds up
	HostLeave(c)
	if a.Page.Pending != 0 {
		t.Fatal("a has to make way at once")
	}
	HostTime += wakeGrain
	HostLeave(c)
	if a.Page.Pending&abi.EventYield == 0 {
		t.Fatal("a was not asked to make way")
	}
}

// beside lets hogs compute beside one that wakes every period ns and computes for
// burst ns, for 5 s. It returns their times, and the longest wait of the one that
// wakes. anew: each time it is a new one.
func beside(t *testing.T, c *CPU, hogs int, burst, period uint64, anew bool) (times []uint64, woken, waited uint64) {
	const step = 200_000
	var ds []*Dispatcher
	for range hogs {
		d := spawn(t, abi.RankApp)
		d.wantRun = true
		c.Ready(d)
		ds = append(ds, d)
	}
	b := spawn(t, abi.RankApp)
	ready, ran := uint64(0), uint64(0)
	for HostTime < 5e9 {
		if ready == 0 && HostTime%period < step {
			ready, ran = HostTime, b.used.At(HostTime)
			if anew {
				b.pass = 0
			}
			c.Post(b, abi.EventNotify)
		}
		d := c.Current
		switch {
		case d == nil:
		case d == b && b.used.At(HostTime) >= ran+burst: // it sleeps
			b.Page.Pending = 0
			c.Clean(false)
			ready = 0
		case d.Page.Pending&abi.EventYield != 0:
			d.Page.Pending &^= abi.EventYield
			if d == b {
				d.Page.Pending = 0
			}
			c.Clean(true)
		}
		was := c.Current
		HostLeave(c)
		if c.Current == b && was != b && b.used.At(HostTime) == ran {
			waited = max(waited, HostTime-ready)
		}
		HostTime += step
	}
	for _, d := range ds {
		times = append(times, d.used.At(HostTime))
	}
	return times, b.used.At(HostTime), waited
}

// TestWakesAreShort: who sleeps and uses less than its share waits for no turn.
func TestWakesAreShort(t *testing.T) {
	c := machine(t)
	_, woken, waited := beside(t, c, 3, 1_000_000, 20_000_000, false)
	if waited > wakeGrain+softGrace+600_000 || woken < 220e6 {
		t.Errorf("it waited %d us, and had %d ms", waited/1000, woken/1e6)
	}
}

// TestWakersStarveNobody: who sleeps and wakes all the time has no more than its share
// beside those that compute, also if it is a new program each time.
func TestWakersStarveNobody(t *testing.T) {
	for _, anew := range []bool{false, true} {
		c := machine(t)
		times, woken, _ := beside(t, c, 2, 1_000_000, 200_000, anew)
		for _, n := range times {
			if n*100 < woken*80 {
				t.Errorf("who computes had %d ms, who wakes %d ms (anew: %t)", n/1e6, woken/1e6, anew)
			}
		}
	}
}
