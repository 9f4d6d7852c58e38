package proc_test

import (
	"syscall"
	"testing"
	"unsafe"

	"go42/ipc/abi"
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
		is(t, p.Server().FutexWait(addr, mask, tag), 0)
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
	is(t, a.Server().FutexWait(y, all, 2), syscall.EINVAL)
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
