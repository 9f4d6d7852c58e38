package pipe_test

import (
	"syscall"
	"testing"
	"time"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/world"
)

func counter(a *world.App, h uint64) client.Counter { return client.Counter{C: a.C, H: h} }

func TestEvent(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init
	srv := client.Pipe{C: a.C, H: a.Service("pipe")}
	h, st := srv.Event(3, 0)
	is(t, st, 0)
	b := a.Fork()
	take := func(a *world.App, want uint64) {
		t.Helper()
		if v, _, st := counter(a, h).Take(0); v != want || st != 0 {
			t.Fatal(v, st)
		}
	}
	add := func(a *world.App, v uint64) int64 {
		_, st := counter(a, h).Add(v, proto.Wait(abi.ChanPipe))
		return st
	}
	told := func(a *world.App, want bool) {
		t.Helper()
		if set, _ := a.Notified(abi.ChanPipe); set != want {
			t.Fatal("notified:", set)
		}
	}
	is(t, add(b, 4), 0)
	take(a, 7)
	_, _, st = counter(a, h).Take(proto.Wait(abi.ChanPipe))
	is(t, st, syscall.EAGAIN)
	told(a, false)
	is(t, add(b, 1), 0)
	told(a, true)
	take(b, 1)
	// As full as it can be.
	is(t, add(a, ^uint64(0)), syscall.EINVAL)
	is(t, add(a, ^uint64(0)-2), 0)
	is(t, add(a, 1), 0)
	is(t, add(a, 1), syscall.EAGAIN)
	if s, _ := a.File(h).Poll(proto.PollIn|proto.PollOut, 0); s != proto.PollIn {
		t.Errorf("state %#x", s)
	}
	take(b, ^uint64(0)-1)
	told(a, true)
	if s, _ := a.File(h).Poll(proto.PollIn, proto.Wait(abi.ChanPipe)); s != proto.PollOut {
		t.Errorf("state %#x", s)
	}
	is(t, add(b, 1), 0)
	told(a, true)
	if _, _, st := counter(a, h).Set(1, 1, 1); st != -int64(syscall.EINVAL) {
		t.Error(st)
	}

	h, st = srv.Event(2, 1) // a semaphore
	is(t, st, 0)
	take(a, 1)
	take(a, 1)
	_, _, st = counter(a, h).Take(0)
	is(t, st, syscall.EAGAIN)
}

func TestTimer(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init
	srv := client.Pipe{C: a.C, H: a.Service("pipe")}
	const ms = uint64(time.Millisecond)
	h, st := srv.Timer(1, int64(1000*1000*ms), 0)
	is(t, st, 0)
	c := counter(a, h)
	poll := func() uint64 {
		s, _ := a.File(h).Poll(proto.PollIn, proto.Wait(abi.ChanPipe))
		return s
	}
	await := func() {
		t.Helper()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if set, _ := a.Notified(abi.ChanPipe); set {
				return
			}
		}
		t.Fatal("nobody was told")
	}
	if every, left, _ := c.Left(); every != 0 || left == 0 || left > 1000*1000*ms {
		t.Error(every, left)
	}
	if every, left, st := c.Set(1, int64(20*ms), 0); every != 0 || left == 0 || st != 0 {
		t.Error(every, left, st)
	}
	if s := poll(); s == 0 {
		await()
	}
	if s := poll(); s != proto.PollIn {
		t.Errorf("state %#x", s)
	}
	if v, _, st := c.Take(0); v != 1 || st != 0 {
		t.Error(v, st)
	}
	_, _, st = c.Take(0)
	is(t, st, syscall.EAGAIN)
	// Set anew while somebody waits.
	if every, left, st := c.Set(1, int64(1000*1000*ms), 5*ms); every|left != 0 || st != 0 || poll() != 0 {
		t.Error(every, left, st)
	}
	if every, left, st := c.Set(1, -int64(12*ms), 5*ms); every != 5*ms || left == 0 || st != 0 {
		t.Error(every, left, st)
	}
	await()
	if v, _, st := c.Take(0); v < 3 || st != 0 { // it was overdue
		t.Error(v, st)
	}
	if s := poll(); s == 0 {
		await()
	}
	c.Set(0, 0, 0)
	if _, left, _ := c.Left(); left != 0 || poll() != 0 {
		t.Error("armed still")
	}
	_, st = c.Add(1, 0)
	is(t, st, syscall.EINVAL)
	a.Drop(h)
}
