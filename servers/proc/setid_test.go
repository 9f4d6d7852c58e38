package proc_test

import (
	"syscall"
	"testing"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/world"
)

// setid makes a set-user-id file of root's, and a process of user 1000's that has
// it open.
func setid(t *testing.T) (w *world.World, a *world.App, f client.File) {
	t.Helper()
	w = world.New(t, nil)
	redir := client.OutBytes(make([]byte, 4096))
	_, _, h, st := w.Init.Root("/tmp").Open("suid", syscall.O_RDWR|syscall.O_CREAT, 0o755, redir)
	is(t, st, 0)
	if _, _, st := w.Init.File(h).Write(0, 0, 0, client.InBytes([]byte("program"))); st < 0 {
		t.Fatal(st)
	}
	is(t, w.Init.File(h).Chmod(0o4755), 0)
	a = w.Init.Fork()
	a.Server().SetGID(proto.SetIDRES, 1000, 1000, 1001)
	a.Server().SetUID(proto.SetIDPlain, 1000, 0, 0)
	_, _, h, st = a.Root("/tmp").Open("suid", syscall.O_RDONLY, 0, redir)
	is(t, st, 0)
	return w, a, a.File(h)
}

func euid(t *testing.T, a *world.App) uint32 {
	t.Helper()
	r, st := a.Server().Self()
	is(t, st, 0)
	return r.EUID
}

// TestSetID: the credentials of a set-user-id file are the new program's, and
// nobody's before the reset, whatever the old program asks; and what the old
// program had asked is not done with them.
func TestSetID(t *testing.T) {
	w, a, f := setid(t)
	old := a.Cred
	set, st := f.ExecIDs()
	is(t, st, 0)
	if set != 1 || euid(t, a) != 1000 || a.Cred != old {
		t.Fatal("before the reset:", set, euid(t, a), a.Cred)
	}
	_, _, st = a.Server().TakeImage()
	is(t, st, syscall.EPERM)
	is(t, a.Server().Kill(1, uint64(syscall.SIGTERM), nil), syscall.EPERM)
	secure, st := a.Server().Exec("suid", 1)
	is(t, st, 0)
	if secure != 1 {
		t.Error("not secure")
	}

	w.Reset(a)
	if a.Cred == old {
		t.Fatal("the reset left the credentials")
	}
	v, _, st := a.Server().TakeImage()
	is(t, st, 0)
	if v.Size != 7 || v.UID != 0 || v.GID != proto.KeepID {
		t.Errorf("%+v", v)
	}
	_, _, st = a.Server().TakeImage()
	is(t, st, syscall.EPERM)
	r, st := a.Server().Self()
	is(t, st, 0)
	if r.UID != 1000 || r.EUID != 0 || r.SUID != 0 || r.FSUID != 0 || r.Flags&proto.ProcSecure == 0 {
		t.Errorf("%+v", r)
	}
	// A call that the old program made and that arrives now.
	raised := a.Cred
	a.Cred = old
	is(t, a.Server().Kill(1, uint64(syscall.SIGTERM), nil), syscall.EAGAIN)
	_, st = a.Server().SetUID(proto.SetIDPlain, 0, 0, 0)
	is(t, st, syscall.EAGAIN)
	a.Cred = raised
	is(t, a.Server().Kill(1, 0, nil), 0)
}

// TestSetIDForgotten: what was vouched for does not outlive a change of ids, an
// exec of something else, or no_new_privs.
func TestSetIDForgotten(t *testing.T) {
	for name, change := range map[string]func(w *world.World, a *world.App){
		"ids":    func(w *world.World, a *world.App) { a.Server().SetGID(proto.SetIDRES, 1000, 1001, 1000) },
		"exec":   func(w *world.World, a *world.App) { a.Server().Exec("other", 0) },
		"no new": func(w *world.World, a *world.App) { a.Server().Prctl(proto.PrctlSetNoNew, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			w, a, f := setid(t)
			set, st := f.ExecIDs()
			is(t, st, 0)
			if set != 1 {
				t.Fatal("not vouched for")
			}
			change(w, a)
			old := a.Cred
			w.Reset(a)
			if a.Cred != old {
				t.Error("the reset changed the credentials")
			}
			if name == "no new" {
				if set, st := f.ExecIDs(); set != 0 || st != 0 {
					t.Error("vouched for after no_new_privs:", set, st)
				}
			}
			if _, _, st := a.Server().TakeImage(); st != -int64(syscall.EPERM) {
				t.Error("image:", st)
			}
		})
	}
}

// TestVouch: only the file server is believed.
func TestVouch(t *testing.T) {
	w, a, _ := setid(t)
	v := &proto.Vouched{KPid: a.KPid, Cred: a.Cred, UID: 0, GID: 0}
	_, st := a.Server().Vouch(v, abi.Grant{})
	is(t, st, syscall.EPERM)
	_, st = w.Init.Server().Vouch(v, abi.Grant{})
	is(t, st, syscall.EPERM)
	p := w.Boot(abi.RankPipe)
	_, st = client.Proc{C: p.Conn(), H: abi.HandleProc}.Vouch(v, abi.Grant{})
	is(t, st, syscall.EPERM)
}
