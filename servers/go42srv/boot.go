package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/servers/cred"
	"go42/servers/file"
	"go42/servers/mount"
	"go42/servers/pipe"
	"go42/servers/proc"
	"go42/servers/sock"
)

func runProc() error {
	k := proc.Native{}
	s := proc.New(k)
	return (&ipc.Server{Name: "proc", Kernel: k, Handle: s.Handle, Last: s.Last, Exits: s.Exits, Log: ipc.Log}).Run()
}

func creds() *cred.Cache { return &cred.Cache{Query: cred.Asker(ipc.Native{})} }

func runMount() error {
	k := ipc.Native{}
	page, fcm, err := versionPage()
	if err != nil {
		return err
	}
	s := mount.New(k, creds(), page, fcm)
	return (&ipc.Server{Name: "mount", Kernel: k, Handle: s.Handle, Log: ipc.Log}).Run()
}

// versionPage makes the page in which the mount table's version is published.
func versionPage() (*uint64, uint64, error) {
	h, _, err := ipc.Sys(abi.NFCMCreate, abi.PageSize, abi.FCMAnon, 0, 0, 0, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("version page: %w", err)
	}
	args := &abi.MapArgs{Len: abi.PageSize, Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapShared, FCM: uint64(h)}
	a, _, err := ipc.Sys(abi.NMap, uintptr(unsafe.Pointer(args)), 0, 0, 0, 0, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("version page: %w", err)
	}
	// The page is outside the Go heap and stays mapped.
	return *(**uint64)(unsafe.Pointer(&a)), uint64(h), nil
}

func runFile() error {
	k := ipc.Native{}
	archive, err := file.Module("initramfs")
	if err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	var sys abi.SysInfo
	if _, _, err := ipc.Sys(abi.NSysInfo, uintptr(unsafe.Pointer(&sys)), 0, 0, 0, 0, 0); err != nil {
		return err
	}
	s, err := file.New(file.Config{Kernel: k, Creds: creds(), Memory: file.NativeMemory{}, Initramfs: archive, Alive: ipc.Alive, MemTotal: sys.MemTotal})
	if err != nil {
		return err
	}
	for _, m := range []struct {
		point, typ, source string
		root               uint64
	}{
		{"/", "tmpfs", "rootfs", s.Root.RootID()},
		{"/dev", "devtmpfs", "devtmpfs", s.Dev.RootID()},
		{"/tmp", "tmpfs", "tmpfs", s.Tmp.RootID()},
	} {
		var cover abi.Grant
		if m.point != "/" {
			id, err := s.Root.Cover(m.point)
			if err != nil {
				return err
			}
			cover = client.Object(id)
		}
		if err := mountAt(m.point, m.typ, m.source, client.Object(m.root), cover); err != nil {
			return err
		}
	}
	if err := register("file"); err != nil {
		return err
	}
	srv := &ipc.Server{Name: "file", Kernel: k, Handle: s.Handle, Last: s.Last, Log: ipc.Log}
	s.PullLasts = srv.PullLasts
	s.Settle(srv.SettleLasts)
	return srv.Run()
}

func mountAt(point, typ, source string, root, cover abi.Grant) error {
	m := client.Mount{C: ipc.Native{}.Conn(), H: abi.HandleMount}
	if _, st := m.Mount(mount.Info(point, typ, source, 0), root, cover); st < 0 {
		return fmt.Errorf("mounting %s: %w", point, syscall.Errno(-st))
	}
	return nil
}

// register names object 0 of this server.
func register(name string) error { return registerObject(name, 0) }

// registerObject names one of this server's objects.
func registerObject(name string, id uint64) error {
	m := client.Mount{C: ipc.Native{}.Conn(), H: abi.HandleMount}
	if st := m.Register(name, client.Object(id)); st < 0 {
		return fmt.Errorf("registering %s: %w", name, syscall.Errno(-st))
	}
	return nil
}

// patience is how many times, a millisecond apart, a server looks at boot for one that
// it needs. Not a time: a machine that stood still has not been looked for in.
const patience = 30_000

// await repeats f until it answers something else than EAGAIN or ENOENT.
func await(what string, f func() error) error {
	for try := 0; ; try++ {
		err := f()
		if err == nil || !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.ENOENT) {
			return err
		}
		if try == patience {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		time.Sleep(time.Millisecond)
	}
}

func runPipe() error {
	k := ipc.Native{}
	s := pipe.New(k, creds())
	local := sock.New(k, creds())
	if err := register("pipe"); err != nil {
		return err
	}
	if err := registerObject("sock", sock.IDBase); err != nil {
		return err
	}
	handle := func(c *ipc.Call) {
		if c.Object >= sock.IDBase {
			local.Handle(c)
		} else {
			s.Handle(c)
		}
	}
	last := func(id uint64) {
		if id >= sock.IDBase {
			local.Last(id)
		} else {
			s.Last(id)
		}
	}
	return (&ipc.Server{Name: "pipe", Kernel: k, Handle: handle, Last: last, Log: ipc.Log, Ordered: true}).Run()
}
