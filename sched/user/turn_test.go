package user

import (
	"testing"

	"go42/ipc/abi"
)

// world is one dispatcher whose time is counted in steps; it decides as schedule,
// again and the deadline do. What is asked of it is who runs, and when.
type world struct {
	d       *Dispatcher
	ts      []*mortal
	runs    *mortal
	began   uint64 // when runs was resumed, by the dispatcher's clock
	elapsed uint64
}

type mortal struct {
	Thread
	compute, sleep uint64 // ns that it computes; then it sleeps until the next multiple of sleep, 0: never
	peer           *mortal
	left           uint64 // to compute
	wakeAt, since  uint64 // when it wakes; since when it is ready
	got, waited    uint64 // CPU time; the longest wait
}

const step = 50_000

func newWorld(t *testing.T) *world {
	d := &disps[1]
	d.reset(1)
	d.page = &abi.DispatcherPage{CPUTime: 1}
	counting = 1
	t.Cleanup(func() { counting = 0; d.reset(1) })
	return &world{d: d}
}

func (w *world) now() uint64 { return w.d.page.CPUTime.At(0) }

// add makes a thread that is ready.
func (w *world) add(compute, sleep uint64) *mortal {
	m := &mortal{compute: compute, sleep: sleep, left: compute, since: w.now()}
	m.disp = w.d.index
	w.ts = append(w.ts, m)
	w.d.enter(&m.Thread, false)
	return m
}

func (w *world) of(t *Thread) *mortal {
	for _, m := range w.ts {
		if &m.Thread == t {
			return m
		}
	}
	return nil
}

func (w *world) wake(m *mortal) {
	m.left, m.wakeAt, m.since = m.compute, 0, w.now()
	if w.d.enter(&m.Thread, true) && w.runs != nil && !w.d.quick {
		w.interrupt()
	}
}

func (w *world) interrupt() {
	m := w.runs
	w.runs, m.since = nil, w.now()
	w.d.putBack(&m.Thread, true)
}

func (w *world) run(ns uint64) {
	for end := w.now() + ns; w.now() < end; {
		for _, m := range w.ts {
			if m.wakeAt != 0 && m.wakeAt <= w.now() {
				w.wake(m)
			}
		}
		if w.runs != nil && w.now()-w.began >= w.d.turn && (w.d.queue.run.head != nil || w.d.queue.woken.head != nil) {
			w.interrupt()
		}
		if w.runs == nil {
			if t := w.d.choose(); t != nil {
				w.d.charge(t)
				t.disp = w.d.index
				w.runs, w.began = w.of(t), w.now()
				w.runs.waited = max(w.runs.waited, w.now()-w.runs.since)
			}
		}
		w.d.page.CPUTime += step
		if m := w.runs; m != nil {
			m.got += step
			if m.left -= min(m.left, step); m.left == 0 && (m.sleep != 0 || m.peer != nil) {
				w.runs = nil // it sleeps, or its peer goes on
				if m.peer != nil {
					w.wake(m.peer)
				} else {
					m.wakeAt = w.now()/m.sleep*m.sleep + m.sleep
				}
			}
		}
	}
}

const ever = 1 << 62

func (w *world) reset() {
	for _, m := range w.ts {
		m.got, m.waited = 0, 0
	}
}

// Who mostly sleeps does not wait for those who compute.
func TestWokenRunsAtOnce(t *testing.T) {
	w := newWorld(t)
	for range 8 {
		w.add(ever, 0)
	}
	s := w.add(1_000_000, 20_000_000)
	w.run(500e6)
	w.reset()
	w.run(4000e6)
	if s.waited > step {
		t.Errorf("it waited %d us", s.waited/1000)
	}
	if s.got < 4000/20*1e6*9/10 {
		t.Errorf("it had %d ms", s.got/1e6)
	}
}

// Many that wake at once do not keep one that has little to do for turns, only for
// quickNS each.
func TestWokenTakeTurns(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.add(ever, 0)
	}
	for range 6 {
		w.add(8_000_000, 200_000_000)
	}
	s := w.add(200_000, 7_000_000)
	w.run(1000e6)
	w.reset()
	w.run(4000e6)
	if s.waited > 7*quickNS {
		t.Errorf("it waited %d us", s.waited/1000)
	}
}

// Two that wake each other all the time get what two that compute get.
func TestPairGetsItsShare(t *testing.T) {
	w := newWorld(t)
	var hogs []*mortal
	for range 4 {
		hogs = append(hogs, w.add(ever, 0))
	}
	a, b := w.add(100_000, 0), w.add(100_000, 0)
	a.peer, b.peer = b, a
	w.d.queue.remove(&b.Thread) // it waits for a
	w.run(200e6)
	w.reset()
	w.run(6000e6)
	for i, h := range hogs {
		if h.got < 900e6 || h.waited > 6*sliceNS {
			t.Errorf("hog %d had %d ms of 6 s, and waited up to %d ms", i, h.got/1e6, h.waited/1e6)
		}
	}
	if n := a.got + b.got; n < 1500e6 {
		t.Errorf("the pair had %d ms", n/1e6)
	}
}

// Threads that sleep a little and compute much get no more than those that compute.
func TestSleepersGetNoMore(t *testing.T) {
	w := newWorld(t)
	h := w.add(ever, 0)
	for range 5 {
		w.add(3_000_000, 500_000)
	}
	w.run(200e6)
	w.reset()
	w.run(6000e6)
	if h.got < 900e6 || h.waited > 6*sliceNS {
		t.Errorf("who computes had %d ms of 6 s, and waited up to %d ms", h.got/1e6, h.waited/1e6)
	}
}

// Nice values count for both kinds.
func TestLagOfTurns(t *testing.T) {
	w := newWorld(t)
	a, b := w.add(ever, 0), w.add(ever, 0)
	b.SetLag(5)
	s := w.add(3_000_000, 500_000)
	s.SetLag(5)
	w.run(200e6)
	w.reset()
	w.run(6000e6)
	for _, m := range []*mortal{b, s} {
		if r := a.got * 100 / m.got; r < 250 || r > 370 {
			t.Errorf("%d ms, %d ms", a.got/1e6, m.got/1e6)
		}
	}
}

// A thread that was interrupted within its turn has the rest of it.
func TestRestOfTurn(t *testing.T) {
	w := newWorld(t)
	a, b := w.add(ever, 0), w.add(ever, 0)
	s := w.add(500_000, 2_000_000)
	w.run(100e6)
	w.reset()
	w.run(5000e6)
	if a.got*100 < b.got*97 || b.got*100 < a.got*97 {
		t.Errorf("%d and %d ms", a.got/1e6, b.got/1e6)
	}
	if s.waited > step {
		t.Errorf("who sleeps waited %d us", s.waited/1000)
	}
	if n := max(a.waited, b.waited); n > 2*sliceNS {
		t.Errorf("who computes waited %d us", n/1000)
	}
}

// What a thread has used before its turn does not count in it, though no other ran
// in between.
func TestTurnBeginsAnew(t *testing.T) {
	w := newWorld(t)
	a := w.add(ever, 0)
	w.run(3 * sliceNS / 2)
	w.interrupt()
	w.run(2 * step)
	if n := w.d.spent(&a.Thread); n != 2*step {
		t.Errorf("it has used %d us", n/1000)
	}
}
