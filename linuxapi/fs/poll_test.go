package fs

import (
	"runtime"
	"testing"
	"unsafe"

	"go42/ipc"
	"go42/ipc/client"
	"go42/linuxapi/hook"
	"go42/linuxapi/proc"
	"go42/sched/user"
)

// sink keeps what it is given off the stacks, which move.
var sink []any

func addr[T any](p *T) uint64 {
	sink = append(sink, p)
	return uint64(uintptr(unsafe.Pointer(p)))
}

type epEvent struct {
	events uint32
	data   [8]byte
}

func (e *epEvent) fd() int { return int(le32(e.data[:])) }

func ctl(t *testing.T, ep, op, fd int64, events uint32) int64 {
	t.Helper()
	e := epEvent{events: events}
	e.data[0] = byte(fd)
	return EpollCtl(uint64(ep), uint64(op), uint64(fd), addr(&e))
}

// ready is what epoll_wait(ep, 0) reports, as a map from descriptor to events.
func ready(t *testing.T, ep int64) map[int]uint32 {
	t.Helper()
	var ev [16]epEvent
	n := epollWait(uint64(ep), addr(&ev), 16, 0)
	if n < 0 {
		t.Fatalf("epoll_wait: %d", n)
	}
	m := map[int]uint32{}
	for _, e := range ev[:n] {
		m[e.fd()] = e.events
	}
	return m
}

func add1(t *testing.T, fd int64, v uint64) {
	t.Helper()
	if r := Write(uint64(fd), addr(&v), 8); r != 8 {
		t.Fatalf("write: %d", r)
	}
}

func drain(t *testing.T, fd int64) {
	t.Helper()
	var v uint64
	if r := Read(uint64(fd), addr(&v), 8); r != 8 {
		t.Fatalf("read: %d", r)
	}
}

func TestEpoll(t *testing.T) {
	newFake(t)
	a, b, ep := Eventfd2(0, oNonBlock), Eventfd2(0, oNonBlock), EpollCreate1(0)
	if r := ctl(t, ep, epollAdd, a, pollIn); r != 0 {
		t.Fatal(r)
	}
	if r := ctl(t, ep, epollAdd, a, pollIn); r != -EEXIST {
		t.Fatalf("second add: %d", r)
	}
	if r := ctl(t, ep, epollAdd, ep, pollIn); r != -EINVAL {
		t.Fatalf("self: %d", r)
	}
	if m := ready(t, ep); len(m) != 0 {
		t.Fatal(m)
	}
	add1(t, a, 1)
	for i := 0; i < 2; i++ { // level: again and again
		if m := ready(t, ep); m[int(a)] != pollIn {
			t.Fatal(m)
		}
	}
	drain(t, a)
	if m := ready(t, ep); len(m) != 0 {
		t.Fatal(m)
	}
	// Edge: once for each change.
	ctl(t, ep, epollAdd, b, pollIn|epollET)
	add1(t, b, 1)
	if m := ready(t, ep); m[int(b)] != pollIn {
		t.Fatal(m)
	}
	if m := ready(t, ep); len(m) != 0 {
		t.Fatal("edge reported twice", m)
	}
	add1(t, b, 1) // news, although it was readable
	if m := ready(t, ep); m[int(b)] != pollIn {
		t.Fatal("second edge lost", m)
	}
	drain(t, b)
	if m := ready(t, ep); len(m) != 0 {
		t.Fatal(m)
	}
	// One-shot.
	ctl(t, ep, epollMod, a, pollIn|epollOneShot)
	add1(t, a, 1)
	if m := ready(t, ep); m[int(a)] == 0 {
		t.Fatal(m)
	}
	if m := ready(t, ep); len(m) != 0 {
		t.Fatal(m)
	}
	ctl(t, ep, epollMod, a, pollIn|epollOneShot)
	if m := ready(t, ep); m[int(a)] == 0 {
		t.Fatal("not armed again", m)
	}
	// Nested.
	outer := EpollCreate1(0)
	ctl(t, outer, epollAdd, ep, pollIn)
	if r := ctl(t, ep, epollAdd, outer, pollIn); r != -ELOOP {
		t.Fatalf("loop: %d", r)
	}
	add1(t, b, 1)
	if m := ready(t, outer); m[int(ep)] != pollIn {
		t.Fatal(m)
	}
	// A duplicate keeps the item alive, the last close removes it.
	d := Dup(uint64(b))
	Close(uint64(b))
	if m := ready(t, ep); m[int(b)] == 0 {
		t.Fatal("item gone although a duplicate is open")
	}
	add1(t, d, 1)
	Close(uint64(d))
	if m := ready(t, ep); len(m) != 0 {
		t.Fatal(m)
	}
	if r := ctl(t, ep, epollDel, a, 0); r != 0 {
		t.Fatal(r)
	}
	Close(uint64(ep))
	Close(uint64(outer))
	Close(uint64(a))
	if table.Count() != 0 {
		t.Fatal("descriptors left")
	}
	used := 0
	for i := itemsFree; i != 0; i = items[i].nextEp {
		used++
	}
	if used != int(itemsUsed) {
		t.Errorf("%d items leaked", int(itemsUsed)-used)
	}
}

// TestServerState: an armed object needs no call until its channel moves.
func TestServerState(t *testing.T) {
	k := newFake(t)
	f := newFile(kindPipe, oRdOnly)
	f.handle, f.ch = 500, chanPipe
	fd := install(f, 0, false)
	pfd := struct {
		fd          int32
		events, rev uint16
	}{int32(fd), pollIn, 0}
	at := addr(&pfd)
	scan := func() int64 {
		n, chans := pollScan(at, 1, true)
		if chans != 1<<chanPipe {
			t.Fatalf("channels %#x", chans)
		}
		return n
	}
	if n := scan(); n != 0 || k.calls != 1 {
		t.Fatal(n, k.calls)
	}
	if n := scan(); n != 0 || k.calls != 1 {
		t.Fatal("armed object was asked again", n, k.calls)
	}
	k.poll[500] = pollIn
	user.Chan[chanPipe].Bump()
	if n := scan(); n != 1 || k.calls != 2 || pfd.rev != pollIn {
		t.Fatal(n, k.calls, pfd.rev)
	}
	// Ready states are not trusted.
	k.poll[500] = 0
	if n := scan(); n != 0 || k.calls != 3 {
		t.Fatal(n, k.calls)
	}
	forkPrepare(hook.ShareAll)
	forkChild()
	if n := scan(); n != 0 || k.calls != 4 {
		t.Fatal("arming of the parent believed", n, k.calls)
	}
	// A read that would block arms as well.
	f.flags |= oNonBlock
	ep := EpollCreate1(0)
	ctl(t, ep, epollAdd, fd, pollIn|epollET)
	user.Chan[chanPipe].Bump()
	var c byte
	if r := Read(uint64(fd), addr(&c), 1); r != -EAGAIN {
		t.Fatal(r)
	}
	n := k.calls
	ready(t, ep)
	if k.calls > n+1 { // POLLERR and POLLHUP may still have to be armed
		t.Fatal(k.calls - n)
	}
	Close(uint64(fd))
	if !k.dropped[500] {
		t.Fatal("handle kept")
	}
}

// What a late reply says does not hide what a newer one has said.
func TestLateReply(t *testing.T) {
	newFake(t)
	f := newFile(kindPipe, oRdOnly)
	f.note(5, 0, pollIn)
	if h := f.hint.load(); !h.valid(5) || h.armed() != pollIn {
		t.Fatalf("%#x", h)
	}
	f.note(5, pollOut, pollErr)
	if h := f.hint.load(); h.armed() != pollIn|pollErr || h.state() != pollOut {
		t.Fatalf("%#x", h)
	}
	f.note(6, pollIn, 0) // the announcement came, and somebody asked again
	f.note(5, 0, pollIn)
	if h := f.hint.load(); !h.valid(6) || h.armed() != 0 || h.state() != pollIn {
		t.Fatalf("an old arming is believed: %#x", h)
	}
}

// Several threads wait on one instance: each looks at all items and waits for
// all of them, whatever the others do meanwhile.
func TestEpollScans(t *testing.T) {
	k := newFake(t)
	ep := EpollCreate1(0)
	var fds [3]int64
	for i, ch := range []uint8{chanPipe, chanSock, chanTTY} {
		f := newFile(map[uint8]kind{chanPipe: kindPipe, chanSock: kindSock, chanTTY: kindTTY}[ch], oRdWr)
		f.handle, f.ch = uint64(500+i), ch
		fds[i] = install(f, 0, false)
		ctl(t, ep, epollAdd, fds[i], pollIn)
	}
	const all = 1<<chanPipe | 1<<chanSock | 1<<chanTTY | 1<<localChan
	e := get(uint64(ep))
	look := func(max uint64) (asked map[uint64]int, n int, chans uint32) {
		asked = map[uint64]int{}
		depth := 0
		k.onPoll = func(h uint64) {
			if depth++; depth == 1 {
				// Another thread's wait, in the middle of the call.
				var ev [16]epEvent
				epollWait(uint64(ep), addr(&ev), max, 0)
				asked[h]++
			}
			depth--
		}
		var ev [16]epEvent
		n, chans, _ = collect(e, addr(&ev), 16)
		k.onPoll = nil
		return asked, n, chans
	}
	news := func() {
		for ch := range numChans {
			user.Chan[ch].Bump()
		}
	}
	for round := range 6 {
		news()
		k.poll = map[uint64]uint64{500: pollIn, 501: pollIn, 502: pollIn}
		if round%2 != 0 {
			k.poll = map[uint64]uint64{}
		}
		asked, n, chans := look(uint64(1 + round/2))
		if chans != all || n != len(k.poll) {
			t.Errorf("round %d: %d events, channels %#x", round, n, chans)
		}
		for h := uint64(500); h < 503; h++ {
			if asked[h] != 1 && len(k.poll) != 0 {
				t.Errorf("round %d: object %d looked at %d times", round, h, asked[h])
			}
		}
	}
	news()
	// One goes while it is looked at, and another while its neighbour is: the close of
	// the first waits for the end of the look, and gives the object up itself.
	defer func(f func(*File)) { awaitLook = f }(awaitLook)
	waits, gone := make(chan bool, 1), make(chan bool)
	awaitLook = func(f *File) {
		for waits <- true; f.lookedAt(); {
			runtime.Gosched()
		}
	}
	k.poll = map[uint64]uint64{500: pollIn, 501: pollIn, 502: pollIn}
	k.onPoll = func(h uint64) {
		if k.onPoll = nil; h == 501 {
			t.Error("the order is not what this test wants")
		}
		Close(uint64(fds[1]))
		go func() {
			Close(uint64(fds[h-500]))
			gone <- k.dropped[h]
		}()
		<-waits
	}
	var ev [16]epEvent
	if n, _, _ := collect(e, addr(&ev), 16); n != 1 {
		t.Errorf("%d events of one that is left", n)
	}
	if !<-gone {
		t.Error("an object that was looked at is there after its close")
	}
}

func TestSelect(t *testing.T) {
	newFake(t)
	a, b := Eventfd2(1, 0), Eventfd2(0, 0)
	in := uint64(1<<a | 1<<b)
	out := uint64(1 << b)
	sets := [3]uint64{addr(&in), addr(&out), 0}
	if r := selectLoop(uint64(b)+1, &sets, 0); r != 2 || in != 1<<a || out != 1<<b {
		t.Fatal(r, in, out)
	}
	in = 1 << 40
	if r := selectLoop(64, &sets, 0); r != -EBADF {
		t.Fatal(r)
	}
}

func TestDescriptors(t *testing.T) {
	k := newFake(t)
	a := Eventfd2(0, oCloexec)
	if r := Fcntl(uint64(a), fGetfd, 0); r != fdCloexec {
		t.Fatal(r)
	}
	if r := Dup2(uint64(a), 100); r != 100 {
		t.Fatal(r)
	}
	if r := Dup2(uint64(a), 5000); r != -EBADF {
		t.Fatal(r)
	}
	if r := Dup3(uint64(a), uint64(a), 0); r != -EINVAL {
		t.Fatal(r)
	}
	if r := Fcntl(uint64(a), fDupfdCloexec, 50); r != 50 {
		t.Fatal(r)
	}
	if r := CloseRange(40, ^uint64(0)&0xffffffff, 0); r != 0 || table.Count() != 1 {
		t.Fatal(r, table.Count())
	}
	if r := Close(100); r != -EBADF {
		t.Fatal(r)
	}
	proc.Limits[rlimitNoFile][0] = 3
	Dup(uint64(a))
	Dup(uint64(a))
	if r := Dup(uint64(a)); r != -EMFILE {
		t.Fatal(r)
	}
	proc.Limits[rlimitNoFile][0] = 1024
	_ = k
}

// TestParcel: what survives exec is there again, and drops are exact.
func TestParcel(t *testing.T) {
	k := newFake(t)
	mk := func(h uint64, cloexec bool) int64 {
		f := newFile(kindPipe, oRdOnly)
		f.handle, f.ch = h, chanPipe
		f.setNumberedName("pipe:[", h)
		return install(f, 0, cloexec)
	}
	a, b := mk(501, false), mk(502, true)
	e := Eventfd2(7, 0)
	Dup2(uint64(a), 30)
	umask = 0o77
	buf := make([]byte, parcelSize())
	n := encodeParcel(buf)
	if n == 0 {
		t.Fatal("did not fit")
	}
	execCommit()
	if k.dropped[501] || !k.dropped[502] {
		t.Fatal(k.dropped)
	}
	newFake(t)
	if err := decodeParcel(buf[:n], false); err != 0 {
		t.Fatal(err)
	}
	if table.Get(int(a)) != table.Get(30) || table.Get(int(b)) != nil || table.Get(int(a)).refs != 2 || umask != 0o77 {
		t.Fatal("descriptors differ")
	}
	p := table.Get(int(a)).published()
	if string(p.Name[:p.NameLen]) != "pipe:[501]" {
		t.Errorf("name %q", p.Name[:p.NameLen])
	}
	var v uint64
	if r := Read(uint64(e), addr(&v), 8); r != 8 || v != 7 {
		t.Fatal(r, v)
	}
	// Damaged parcels are refused or harmless, never a crash.
	for i := 0; i < n; i++ {
		newFake(t)
		bad := append([]byte(nil), buf[:n]...)
		bad[i] ^= 0xff
		decodeParcel(bad, false)
		newFake(t)
		decodeParcel(buf[:i], false)
	}
}

// TestForkChild: references of calls in flight in the parent are not the child's.
func TestForkChild(t *testing.T) {
	k := newFake(t)
	f := newFile(kindPipe, oRdOnly)
	f.handle, f.ch = 600, chanPipe
	fd := install(f, 0, false)
	get(uint64(fd)) // a call of another thread
	forkPrepare(hook.ShareAll)
	forkChild()
	if f.refs != 1 {
		t.Fatal(f.refs)
	}
	Close(uint64(fd))
	if !k.dropped[600] {
		t.Fatal("handle kept")
	}
}

// A timerfd that expires between the look at it and the wait ends the wait. One that
// was seen to be due does not: it is its next period that is news.
func TestTimerBetweenLookAndWait(t *testing.T) {
	newFake(t)
	for _, every := range []uint64{0, 5 * nsPerSec} {
		fd := TimerfdCreate(clockMonotonic, 0)
		f := get(uint64(fd))
		var s snapshot
		s.take()
		f.setTimer(s.at, s.at+1, every)
		for now() <= s.at {
		}
		if n := nextTimer(s.at); n != s.at+1 {
			t.Errorf("period %d: waits until %d, not %d", every, n, s.at+1)
		}
		expiry := s.at + 1
		if s.take(); s.at == expiry {
			t.Fatal("the clock stands still")
		}
		if state, _, _ := timerState(f); state&pollIn == 0 {
			t.Errorf("period %d: not due", every)
		}
		want := uint64(forever)
		if every != 0 {
			want = expiry + every
		}
		if n := nextTimer(s.at); n != want {
			t.Errorf("period %d: seen to be due, waits until %d, not %d", every, n, want)
		}
		f.put()
		Close(uint64(fd))
	}
}

// What is taken to be announced is what the server has been armed with: whatever is
// asked for, of an object in whatever state.
func TestAnnounced(t *testing.T) {
	newFake(t)
	f := newFile(kindPipe, oRdWr)
	f.handle, f.ch = 500, chanPipe
	bits := []uint32{pollIn, pollPri, pollOut, pollErr, pollHup, pollRdHup, pollRdNorm, pollRdBand, pollWrNorm, pollWrBand}
	of := func(n int) (m uint32) {
		for i, b := range bits {
			if n>>i&1 != 0 {
				m |= b
			}
		}
		return m
	}
	for n := range 1 << len(bits) {
		for state := range uint32(1 << 6) {
			state = of(int(state))
			var w ipc.Waiters
			bootConn.Do = func(c *client.Conn, h uint64, method uint32) int64 {
				c.R.Args[0], c.R.Status = w.Poll(1, uint64(state), c.M.Args[0], c.M.Args[1]), 0
				return 0
			}
			f.hint = 0
			want := of(n)
			got := f.query(want) & (want | pollAlways)
			if got == 0 && w.Empty() {
				t.Fatalf("%#x wanted, %#x there: nothing is announced", want, state)
			}
			if w.Empty() && f.hint.armed() != 0 {
				t.Fatalf("%#x wanted, %#x there: %#x is taken to be announced", want, state, f.hint.armed())
			}
		}
	}
}
