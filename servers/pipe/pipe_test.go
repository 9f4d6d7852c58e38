package pipe_test

import (
	"bytes"
	"math/rand"
	"syscall"
	"testing"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/world"
)

func is(t *testing.T, st int64, want syscall.Errno) {
	t.Helper()
	if st != -int64(want) {
		t.Fatalf("status %d (%v), want %v", st, syscall.Errno(-st), want)
	}
}

func create(t *testing.T, a *world.App) (r, w client.File) {
	t.Helper()
	_, rh, wh, st := client.Pipe{C: a.C, H: a.Service("pipe")}.Create(0)
	is(t, st, 0)
	return a.File(rh), a.File(wh)
}

func read(f client.File, n int, wait uint64) (string, int64) {
	b := make([]byte, n)
	k, _, st := f.Read(-1, wait, client.OutBytes(b))
	return string(b[:k]), st
}

func write(f client.File, s string, wait uint64) (int, int64) {
	n, _, st := f.Write(-1, wait, 0, client.InBytes([]byte(s)))
	return int(n), st
}

func TestPipe(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init
	r, wr := create(t, a)
	_, st := read(r, 10, proto.Wait(abi.ChanPipe))
	is(t, st, syscall.EAGAIN)
	if n, st := write(wr, "hello", 0); n != 5 || st != 0 {
		t.Fatal(n, st)
	}
	if set, _ := a.Notified(abi.ChanPipe); !set {
		t.Error("no notification")
	}
	if s, st := read(r, 3, 0); s != "hel" || st != 0 {
		t.Error(s, st)
	}
	if s, st := read(r, 30, 0); s != "lo" || st != 0 {
		t.Error(s, st)
	}
	_, st = read(wr, 1, 0)
	is(t, st, syscall.EBADF)
	_, st = write(r, "x", 0)
	is(t, st, syscall.EBADF)
	_, st = r.Lseek(0, 0)
	is(t, st, syscall.ESPIPE)
	// A full pipe.
	n, st := write(wr, string(make([]byte, 100000)), 0)
	if n != 65536 || st != 0 {
		t.Error("filling took", n, st)
	}
	_, st = write(wr, "x", proto.Wait(abi.ChanPipe))
	is(t, st, syscall.EAGAIN)
	read(r, 100, 0)
	// An atomic write does not go in by parts.
	_, st = write(wr, string(make([]byte, 101)), 0)
	is(t, st, syscall.EAGAIN)
	if n, _ := write(wr, string(make([]byte, 5000)), 0); n != 100 {
		t.Error("partial write of", n)
	}
	// A writer's death is end of file, a reader's EPIPE.
	read(r, 65536, 0)
	a.Drop(wr.H)
	if s, st := read(r, 5, 0); s != "" || st != 0 {
		t.Error("end of file", s, st)
	}
	r, wr = create(t, a)
	a.Drop(r.H)
	_, st = write(wr, "x", 0)
	is(t, st, syscall.EPIPE)
	if b, _ := wr.Poll(proto.PollOut, 0); b&proto.PollErr == 0 {
		t.Errorf("poll %#x", b)
	}
}

// TestLazyHeirs: end of file comes exactly when the last possible writer, used
// or not, is gone; and a fork tells the server nothing.
func TestLazyHeirs(t *testing.T) {
	w := world.New(t, nil)
	r, wr := create(t, w.Init)
	a := w.Init.Fork()
	calls := w.Net.Calls
	b := a.Fork()
	if w.Net.Calls != calls+1 { // the process server's
		t.Error("calls at fork:", w.Net.Calls-calls)
	}
	w.Init.Drop(wr.H)
	a.Exit(0)
	_, st := read(r, 1, proto.Wait(abi.ChanPipe))
	is(t, st, syscall.EAGAIN)
	if n, st := write(b.File(wr.H), "heir", 0); n != 4 || st != 0 {
		t.Error("first use by the grandchild:", n, st)
	}
	if s, _ := read(r, 9, 0); s != "heir" {
		t.Error(s)
	}
	read(r, 1, proto.Wait(abi.ChanPipe))
	w.Init.Notified(abi.ChanPipe)
	b.Exit(0)
	if set, _ := w.Init.Notified(abi.ChanPipe); !set {
		t.Error("no notification of the end")
	}
	if s, st := read(r, 1, 0); s != "" || st != 0 {
		t.Error("end of file", s, st)
	}
}

// TestRights: a process that got the handle neither from the server nor by
// fork is refused (policy Exact).
func TestRights(t *testing.T) {
	w := world.New(t, nil)
	_, wr := create(t, w.Init)
	stranger := w.Init.Fork()
	other := w.Boot(abi.RankApp)
	_ = stranger
	if _, _, st := (client.File{C: other.Conn(), H: wr.H}).Write(-1, 0, 0, client.InBytes([]byte("x"))); st != -int64(syscall.EBADF) {
		t.Error("a slot that is not there:", st)
	}
	if _, _, st := (client.File{C: stranger.C, H: wr.H + 1000}).Write(-1, 0, 0, client.InBytes([]byte("x"))); st != -int64(syscall.EBADF) {
		t.Error("a forged handle:", st)
	}
}

func TestModel(t *testing.T) {
	w := world.New(t, nil)
	w.Net.ShortCopies = 700
	r, wr := create(t, w.Init)
	rnd := rand.New(rand.NewSource(2))
	var model []byte
	size := 65536
	for i := 0; i < 5000; i++ {
		switch rnd.Intn(20) {
		case 0:
			n := 4096 << rnd.Intn(6)
			_, st := wr.Control(proto.PipeSetSize, uint64(n), 0, proto.In{}, proto.Out{})
			if len(model) > n {
				is(t, st, syscall.EBUSY)
			} else {
				is(t, st, 0)
				size = n
			}
		case 1, 2, 3, 4, 5, 6, 7, 8, 9:
			p := make([]byte, rnd.Intn(9000)+1)
			rnd.Read(p)
			n, _, st := wr.Write(-1, 0, 0, client.InBytes(p))
			free := size - len(model)
			switch {
			case free == 0 || len(p) <= 4096 && free < len(p):
				is(t, st, syscall.EAGAIN)
			default:
				is(t, st, 0)
				if int(n) != min(free, len(p)) {
					t.Fatalf("wrote %d of %d, %d free", n, len(p), free)
				}
				model = append(model, p[:n]...)
			}
		default:
			p := make([]byte, rnd.Intn(9000)+1)
			n, _, st := r.Read(-1, 0, client.OutBytes(p))
			if len(model) == 0 {
				is(t, st, syscall.EAGAIN)
				continue
			}
			is(t, st, 0)
			if !bytes.Equal(p[:n], model[:n]) || int(n) != min(len(p), len(model)) {
				t.Fatal("data differs")
			}
			model = model[n:]
		}
	}
}

func TestFIFO(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init
	fs := a.Root("/tmp")
	redir := client.OutBytes(make([]byte, 4096))
	_, st := fs.Mknod("f", syscall.S_IFIFO|0o600, 0, redir)
	is(t, st, 0)
	root := client.Pipe{C: a.C, H: a.Service("pipe")}
	name := func(flags uint64) uint64 {
		t.Helper()
		_, r, h, st := fs.Open("f", flags, 0, redir)
		is(t, st, 0)
		if r.Kind != proto.KindFIFO {
			t.Fatal("kind", r.Kind)
		}
		return h
	}
	_, st = root.OpenFIFO(syscall.O_WRONLY|syscall.O_NONBLOCK, client.Copy(name(syscall.O_WRONLY)))
	is(t, st, syscall.ENXIO)
	rh, st := root.OpenFIFO(syscall.O_RDONLY, client.Copy(name(syscall.O_RDONLY)))
	is(t, st, 0)
	is(t, client.PipeEnd{C: a.C, H: rh}.Opened(proto.Wait(abi.ChanPipe)), syscall.EAGAIN)
	if b, _ := a.File(rh).Poll(proto.PollIn, 0); b != 0 {
		t.Errorf("poll before any writer: %#x", b)
	}
	_, st = root.OpenFIFO(syscall.O_WRONLY, client.Copy(name(syscall.O_RDONLY)))
	is(t, st, syscall.EACCES)
	wh, st := root.OpenFIFO(syscall.O_WRONLY, client.Copy(name(syscall.O_WRONLY)))
	is(t, st, 0)
	if set, _ := a.Notified(abi.ChanPipe); !set {
		t.Error("no notification of the writer")
	}
	is(t, client.PipeEnd{C: a.C, H: rh}.Opened(0), 0)
	is(t, client.PipeEnd{C: a.C, H: wh}.Opened(0), 0)
	write(a.File(wh), "through", 0)
	a.Drop(wh)
	// The rendezvous is not undone by the writer's going.
	is(t, client.PipeEnd{C: a.C, H: rh}.Opened(0), 0)
	if s, _ := read(a.File(rh), 20, 0); s != "through" {
		t.Error(s)
	}
	if s, st := read(a.File(rh), 20, 0); s != "" || st != 0 {
		t.Error("end of file", s, st)
	}
	b := make([]byte, 100)
	n, st := a.File(rh).Path(client.OutBytes(b))
	is(t, st, 0)
	if string(b[:n]) != "/f" {
		t.Errorf("path %q", b[:n])
	}
	s, st := a.File(rh).Stat()
	is(t, st, 0)
	if s.Mode != syscall.S_IFIFO|0o600 {
		t.Errorf("mode %o", s.Mode)
	}
}

func TestSplice(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init
	r1, w1 := create(t, a)
	r2, w2 := create(t, a)
	write(w1, "abcdef", 0)
	e := client.PipeEnd{C: a.C, H: r1.H}
	n, st := e.Splice(4, 1, 0, client.Copy(w2.H))
	is(t, st, 0)
	if s, _ := read(r2, 10, 0); n != 4 || s != "abcd" {
		t.Error("tee", n, s)
	}
	n, st = e.Splice(4, 0, 0, client.Copy(w2.H))
	is(t, st, 0)
	if s, _ := read(r2, 10, 0); n != 4 || s != "abcd" {
		t.Error("splice", n, s)
	}
	if s, _ := read(r1, 10, 0); s != "ef" {
		t.Error("left", s)
	}
	_, st = e.Splice(4, 0, 0, client.Copy(w1.H))
	is(t, st, syscall.EINVAL)
}
