package proc_test

import (
	"syscall"
	"testing"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/servers/world"
)

// Waits by two processes: order, masks, counts, what is taken back, and death.
func TestFutex(t *testing.T) {
	w := world.New(t, nil)
	a, b := w.Init.Fork(), w.Init.Fork()
	words := new([2]uint32)
	x, y := uint64(uintptr(unsafe.Pointer(&words[0]))), uint64(uintptr(unsafe.Pointer(&words[1])))
	const all = 0xffffffff
	enter := func(p *world.App, addr, mask, tag uint64) {
		t.Helper()
		is(t, p.Server().FutexWait(addr, mask, tag, 0), 0)
	}
	wake := func(addr, n, mask, want uint64) {
		t.Helper()
		done, st := w.Init.Server().FutexWake(addr, n, mask)
		is(t, st, 0)
		if done != want {
			t.Fatalf("%d woken, want %d", done, want)
		}
	}
	end := func(p *world.App, tag, cancel, want uint64) {
		t.Helper()
		woken, st := p.Server().FutexEnd(tag, cancel)
		is(t, st, 0)
		if woken != want {
			t.Fatalf("thread %d: woken %d, want %d", tag, woken, want)
		}
	}
	enter(a, x, all, 1)
	enter(b, x, 2, 1)
	enter(a, x, all, 2)
	is(t, a.Server().FutexWait(y, all, 2, 0), syscall.EINVAL)
	wake(y, 9, all, 0)
	wake(x, 9, 1, 2) // not b's
	if set, _ := a.Notified(abi.ChanFutex); !set {
		t.Fatal("a was not told")
	}
	if set, _ := b.Notified(abi.ChanFutex); set {
		t.Fatal("b was told of another's wake")
	}
	end(a, 1, 0, 1)
	end(a, 2, 1, 1)
	end(b, 1, 0, 0)
	enter(a, x, all, 1)
	// b is first; a moves to y.
	done, st := w.Init.Server().FutexRequeue(x, y, 1, 5)
	if is(t, st, 0); done != 2 {
		t.Fatalf("requeue: %d", done)
	}
	end(b, 1, 0, 1)
	wake(x, 1, all, 0)
	wake(y, 1, all, 1)
	end(a, 1, 0, 1)
	_, st = a.Server().FutexEnd(1, 0)
	is(t, st, syscall.ESRCH)
	// A wait that is taken back, and the dead, take nobody's wake.
	enter(a, x, all, 1)
	end(a, 1, 1, 0)
	enter(a, x, all, 1)
	a.Exit(0)
	enter(b, x, all, 1)
	wake(x, 1, all, 1)
	end(b, 1, 0, 1)
}

// Who waits for what a thread of another process has is told of that one's end.
func TestFutexOwnerGone(t *testing.T) {
	w := world.New(t, nil)
	a, b, c := w.Init.Fork(), w.Init.Fork(), w.Init.Fork()
	word := new(uint32)
	x := uint64(uintptr(unsafe.Pointer(word)))
	const all = 0xffffffff
	is(t, a.Server().FutexWait(x, all, 1, uint64(b.Pid)), 0)
	is(t, a.Server().FutexWait(x, all, 2, uint64(abi.NewTID(uint32(b.Pid), 5))), 0)
	is(t, a.Server().FutexWait(x, all, 3, uint64(c.Pid)), 0)
	is(t, a.Server().FutexWait(x, all, 4, 0), 0)
	b.Exit(0)
	for tag, want := range []uint64{1: proto.FutexOwnerGone, 2: proto.FutexOwnerGone, 3: 0, 4: 0} {
		if tag == 0 {
			continue
		}
		woken, st := a.Server().FutexEnd(uint64(tag), 0)
		if is(t, st, 0); woken != want {
			t.Errorf("wait %d: %d, want %d", tag, woken, want)
		}
	}
	is(t, a.Server().FutexWait(x, all, 1, uint64(b.Pid)), syscall.ESRCH)
}
