package user

import (
	"math/rand"
	"testing"
)

func TestTimerHeap(t *testing.T) {
	h := &disps[0].timers
	h.reset()
	var fired []uint64
	tm := make([]Timer, 500)
	r := rand.New(rand.NewSource(1))
	for i := range tm {
		tm[i].Fn = func(x *Timer) { fired = append(fired, x.When) }
		if e := tm[i].set(&disps[0], uint64(1+r.Intn(1000))); e != 0 {
			t.Fatal(e)
		}
	}
	// Move some, stop some.
	stopped := 0
	for i := 0; i < 200; i++ {
		k := r.Intn(len(tm))
		if i%2 == 0 {
			if tm[k].IsSet() {
				tm[k].set(&disps[0], uint64(1+r.Intn(1000)))
			}
		} else if tm[k].Stop() {
			stopped++
		}
	}
	for i := int32(0); i < h.n; i++ {
		if h.all[i].pos != i+1 {
			t.Fatalf("timer %d thinks it is at %d", i, h.all[i].pos-1)
		}
	}
	for h.n > 0 {
		h.expire(1000)
	}
	if len(fired) != len(tm)-stopped {
		t.Errorf("%d fired, want %d", len(fired), len(tm)-stopped)
	}
	for i := 1; i < len(fired); i++ {
		if fired[i] < fired[i-1] {
			t.Fatalf("%d after %d", fired[i], fired[i-1])
		}
	}
	if h.earliest() != 0 {
		t.Error("something left")
	}
}

func TestTimerHeapIsBounded(t *testing.T) {
	h := &disps[0].timers
	h.reset()
	tm := make([]Timer, MaxTimers+1)
	for i := range tm[:MaxTimers] {
		if e := tm[i].set(&disps[0], uint64(i+1)); e != 0 {
			t.Fatal(e)
		}
	}
	if tm[MaxTimers].set(&disps[0], 1) == 0 {
		t.Error("one too many")
	}
	for i := range tm {
		tm[i].Stop()
	}
	if h.n != 0 {
		t.Error("left over")
	}
}

func TestList(t *testing.T) {
	var l, m list
	run := list{kind: 1}
	ts := make([]Thread, 5)
	for i := range ts {
		l.push(&ts[i])
		run.push(&ts[i])
	}
	if m.remove(&ts[2]) || !l.remove(&ts[2]) || l.remove(&ts[2]) {
		t.Error("remove")
	}
	l.pushFront(&ts[2])
	for _, want := range []int{2, 0, 1, 3, 4} {
		if l.pop() != &ts[want] {
			t.Errorf("order: want %d", want)
		}
	}
	for i := range ts {
		if run.pop() != &ts[i] {
			t.Error("the run queue was disturbed")
		}
	}
	if l.head != nil || l.tail != nil || run.tail != nil {
		t.Error("not empty")
	}
}

func TestWatch(t *testing.T) {
	var a, b Seq
	var th Thread
	th.BeginWatch()
	th.Watch(&a)
	th.Watch(&b)
	if th.Changed() {
		t.Error("changed before")
	}
	b.Bump()
	if !th.Changed() {
		t.Error("a bump was not seen")
	}
}

// Turns are as the weights of nice values.
func TestTurns(t *testing.T) {
	if a, b := turnNS(0), turnNS(5); a != sliceNS || b*3 > a || b*4 < a {
		t.Errorf("turns %d and %d", a, b)
	}
	if n := turnNS(1 << 31); n < leastNS/2 || n > leastNS {
		t.Errorf("the shortest turn is %d", n)
	}
}
