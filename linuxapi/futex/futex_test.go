package futex

import (
	"testing"
	"unsafe"

	"go42/linuxapi/errno"
	"go42/linuxapi/thread"
	"go42/sched/user"
)

// waiting puts a thread to sleep on addr, as wait does up to the switch.
func waiting(addr *uint32, mask uint32) *thread.Thread {
	t := new(thread.Thread)
	i := index(key(addr))
	t.Futex.Key, t.Futex.Mask = key(addr), mask
	buckets[i].push(t, i)
	t.Prepare()
	return t
}

// heap makes memory that does not move: its address is used as a number.
func heap[T any]() *T {
	p := new(T)
	kept = append(kept, p)
	return p
}

var kept []any

func key(p *uint32) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

func awake(t *thread.Thread) bool { return t.State() == user.Ready }

func TestWakeIsFirstComeFirstServed(t *testing.T) {
	w := heap[uint32]()
	a, b, c := waiting(w, matchAny), waiting(w, matchAny), waiting(w, matchAny)
	if n := Wake(key(w), 2, matchAny); n != 2 || !awake(a) || !awake(b) || awake(c) {
		t.Errorf("%d woken: %v %v %v", n, awake(a), awake(b), awake(c))
	}
	if n := Wake(key(w), 10, matchAny); n != 1 || !awake(c) {
		t.Errorf("%d woken", n)
	}
	if n := Wake(key(w), 1, matchAny); n != 0 {
		t.Errorf("%d woken of none", n)
	}
}

func TestWakeBitset(t *testing.T) {
	w := heap[uint32]()
	a, b := waiting(w, 1), waiting(w, 2)
	if n := Wake(key(w), 10, 2); n != 1 || awake(a) || !awake(b) {
		t.Errorf("%d woken", n)
	}
	if n := Wake(key(w), 10, 3); n != 1 || !awake(a) {
		t.Errorf("%d woken", n)
	}
}

// A thread whose time ran out while it was queued is not counted.
func TestWakeSkipsWhoIsAwake(t *testing.T) {
	w := heap[uint32]()
	a, b := waiting(w, matchAny), waiting(w, matchAny)
	a.Wake(user.TimedOut)
	if n := Wake(key(w), 1, matchAny); n != 1 || !awake(b) {
		t.Errorf("%d woken", n)
	}
}

func TestRequeue(t *testing.T) {
	words := heap[[64]uint32]()
	from := &words[0]
	// One target in another bucket, one in the same where there is one.
	for _, to := range []*uint32{&words[1], &words[63]} {
		a, b, c, d := waiting(from, matchAny), waiting(from, matchAny), waiting(from, matchAny), waiting(from, matchAny)
		if r := requeue(key(from), key(to), 1, 2, true, *from); r != 3 || !awake(a) {
			t.Errorf("answer %d", r)
		}
		if n := Wake(key(to), 10, matchAny); n != 2 || !awake(b) || !awake(c) || awake(d) {
			t.Errorf("%d had moved", n)
		}
		if n := Wake(key(from), 10, matchAny); n != 1 || !awake(d) {
			t.Errorf("%d had stayed", n)
		}
	}
	if r := requeue(key(from), key(&words[1]), 1, 1, true, *from+1); r != errno.EAGAIN.Ret() {
		t.Errorf("a changed word: %d", r)
	}
}

func TestLeaveAfterRequeue(t *testing.T) {
	words := heap[[64]uint32]()
	a := waiting(&words[0], matchAny)
	requeue(key(&words[0]), key(&words[7]), 0, 1, false, 0)
	leave(a)
	if a.Futex.Waiting || Wake(key(&words[7]), 1, matchAny) != 0 {
		t.Error("still queued")
	}
	leave(a)
}

func TestWakeOp(t *testing.T) {
	words := heap[[2]uint32]()
	for _, c := range []struct {
		op, arg, cmp, cmpArg uint32
		old, want            uint32
		second               bool
	}{
		{0, 5, 0, 1, 1, 5, true},      // set; old == 1
		{1, 2, 1, 1, 1, 3, false},     // add; old != 1
		{2, 4, 2, 2, 1, 5, true},      // or; old < 2
		{3, 1, 4, 0, 3, 2, true},      // and not; old > 0
		{4, 3, 5, 2, 1, 2, false},     // xor; old >= 2
		{8, 4, 0, 0, 0, 16, true},     // set 1 << 4
		{1, 0xfff, 3, 0, 1, 0, false}, // add -1; old <= 0
	} {
		words[1] = c.old
		a, b := waiting(&words[0], matchAny), waiting(&words[1], matchAny)
		wakeOp(key(&words[0]), key(&words[1]), 1, 1, c.op<<28|c.cmp<<24|c.arg<<12|c.cmpArg)
		if words[1] != c.want || !awake(a) || awake(b) != c.second {
			t.Errorf("%+v: word %d, second %v", c, words[1], awake(b))
		}
		Wake(key(&words[1]), 1, matchAny)
	}
}

func TestRobustList(t *testing.T) {
	type entry struct {
		next uint64
		word uint32
		_    uint32
	}
	es := heap[[2]entry]()
	th := new(thread.Thread)
	th.TID = 77
	at := func(p unsafe.Pointer) uint64 { return uint64(uintptr(p)) }
	h := heap[[3]uint64]()
	es[0] = entry{next: at(unsafe.Pointer(&es[1])), word: 77 | waiters}
	es[1] = entry{next: at(unsafe.Pointer(h)), word: 78}
	h[0], h[1] = at(unsafe.Pointer(&es[0])), 8
	th.RobustList = at(unsafe.Pointer(h))
	w := waiting(&es[0].word, matchAny)
	exitRobust(th, true)
	if es[0].word != ownerDied|waiters || !awake(w) {
		t.Errorf("own mutex: %#x", es[0].word)
	}
	if es[1].word != 78 {
		t.Errorf("another's mutex: %#x", es[1].word)
	}
	// A list that comes back to itself ends.
	es[1].next = at(unsafe.Pointer(&es[0]))
	th.RobustList = at(unsafe.Pointer(h))
	exitRobust(th, true)
}
