package main

import (
	"fmt"
	"path"
	"strings"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/servers/mount"
	"go42/servers/procfs"
	"go42/servers/tty"
)

func runTTY() error {
	k := ipc.Native{}
	s, err := tty.New(k, tty.NativeMachine{}, creds())
	if err != nil {
		return err
	}
	if err := register("tty"); err != nil {
		return err
	}
	go mountLater("tty", "/dev/pts", "devpts", "devpts", s.Pts())
	return (&ipc.Server{Name: "tty", Kernel: k, Handle: s.Handle, Last: s.Last, Notified: s.Notified, Log: ipc.Log, Ordered: true}).Run()
}

func runProcFS() error {
	k := ipc.Native{}
	s := procfs.New(k, procfs.NativeMachine{}, creds())
	go func() {
		// Who waits for /proc finds both.
		mountLater("procfs", "/sys", "sysfs", "sysfs", s.SysRoot())
		mountLater("procfs", "/proc", "proc", "proc", s.Root())
	}()
	return (&ipc.Server{Name: "procfs", Kernel: k, Handle: s.Handle, Last: s.Last, Log: ipc.Log}).Run()
}

// mountLater mounts object root of this server on a directory of another file
// server, once that one is there. A server without its mount still serves who
// has its handles.
func mountLater(server, point, typ, source string, root uint64) {
	c := ipc.Native{}.Conn()
	m := client.Mount{C: c, H: abi.HandleMount}
	err := await(point, func() error {
		_, info, dir, st := m.Lookup(point)
		if st < 0 {
			return syscall.Errno(-st)
		}
		defer ipc.Native{}.Drop(dir)
		at := mount.CString(info.Point[:])
		if at != path.Dir(point) {
			return syscall.EAGAIN // what the directory lies in is not mounted yet
		}
		redir := make([]byte, 64)
		_, cover, st := client.FileSystem{C: c, H: dir}.Cover(strings.TrimPrefix(point, at), client.OutBytes(redir))
		if st < 0 {
			return syscall.Errno(-st)
		}
		if st > 0 {
			return syscall.EBUSY // covered by somebody else
		}
		defer ipc.Native{}.Drop(cover)
		return mountAt(point, typ, source, client.Object(root), client.Copy(cover))
	})
	if err != nil {
		ipc.Log(fmt.Sprintf("%s: %v", server, err))
	}
}
