package mount_test

import (
	"syscall"
	"testing"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/mount"
	"go42/servers/world"
)

func is(t *testing.T, st int64, want syscall.Errno) {
	t.Helper()
	if st != -int64(want) {
		t.Fatalf("status %d (%v), want %v", st, syscall.Errno(-st), want)
	}
}

func TestLookup(t *testing.T) {
	w := world.New(t, nil)
	m := client.Mount{C: w.Init.C, H: abi.HandleMount}
	for path, want := range map[string]string{"/": "/", "/x/y": "/", "/dev": "/dev", "/dev/null": "/dev", "/devil": "/", "/tmp/a/b": "/tmp"} {
		v, r, _, st := m.Lookup(path)
		is(t, st, 0)
		if got := mount.CString(r.Point[:]); got != want || v != w.Version {
			t.Errorf("%s is under %q (version %d, published %d)", path, got, v, w.Version)
		}
	}
	for _, path := range []string{"", "x", "/x/", "//x", "/x/../y", "/x/./y"} {
		_, _, _, st := m.Lookup(path)
		is(t, st, syscall.EINVAL)
	}
}

// TestMountOverDirectory: a mount covers a directory for walks within its file
// system, and umount uncovers it.
func TestMountOverDirectory(t *testing.T) {
	w := world.New(t, nil)
	root := w.Init.Root("/")
	redir := client.OutBytes(make([]byte, 4096))
	m := client.Mount{C: w.Init.C, H: abi.HandleMount}
	_, st := root.Mkdir("mnt", 0o755, redir)
	is(t, st, 0)
	_, cover, st := root.Cover("mnt", redir)
	is(t, st, 0)
	_, _, st = root.Cover("mnt", redir)
	if st != proto.RedirectCovered {
		t.Error("covering twice:", st)
	}
	v0 := w.Version
	tmp := w.Init.Root("/tmp").H
	_, st = m.Mount(mount.Info("/mnt", "tmpfs", "t", 0), client.Copy(tmp), client.Copy(cover))
	is(t, st, 0)
	w.Init.Drop(cover)
	if w.Version != v0+1 {
		t.Error("version", w.Version, v0)
	}
	_, _, st = root.Stat("mnt/x", 0, redir)
	if st != proto.RedirectCovered {
		t.Error("not covered", st)
	}
	_, st = root.Rmdir("mnt", redir)
	if st != proto.RedirectCovered {
		t.Error("removing a mount point:", st)
	}
	_, st = m.Umount("/", 0)
	is(t, st, syscall.EBUSY)
	_, st = m.Umount("/mnt", 0)
	is(t, st, 0)
	_, _, st = root.Stat("mnt/x", 0, redir)
	is(t, st, syscall.ENOENT)
	_, st = root.Rmdir("mnt", redir)
	is(t, st, 0)
}

func TestNotRoot(t *testing.T) {
	w := world.New(t, nil)
	a := w.Init.Fork()
	a.Setuid(1000, 1000)
	m := client.Mount{C: a.C, H: abi.HandleMount}
	redir := client.OutBytes(make([]byte, 4096))
	root := a.Root("/")
	_, _, st := root.Cover("etc", redir)
	is(t, st, syscall.EPERM)
	_, st = m.Mount(mount.Info("/etc", "x", "x", 0), client.Copy(root.H), abi.Grant{})
	is(t, st, syscall.EPERM)
	_, st = m.Umount("/dev", 0)
	is(t, st, syscall.EPERM)
	is(t, m.Register("evil", client.Copy(root.H)), syscall.EPERM)
}

func TestServices(t *testing.T) {
	w := world.New(t, nil)
	m := client.Mount{C: w.Init.C, H: abi.HandleMount}
	_, st := m.Service("sock", proto.Wait(abi.ChanMount))
	is(t, st, syscall.EAGAIN)
	p := w.Boot(abi.RankPipe)
	w.Register(p, "sock")
	if set, _ := w.Init.Notified(abi.ChanMount); !set {
		t.Error("no notification")
	}
	_, st = m.Service("sock", 0)
	is(t, st, 0)
	is(t, m.Register("sock", client.Copy(w.Init.Service("pipe"))), syscall.EEXIST)
}
