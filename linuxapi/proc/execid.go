package proc

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/native"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/sched/user"
)

// The start of a set-user-id program. The kernel has changed the credentials and
// says so (RunExecID); the parcel comes from a program that had not these. Taken
// from it are what the caller of execve may choose on Linux, too: arguments,
// environment, signal mask, limits, descriptors, current directory. Who this is,
// the program's image, its interpreter and its path are asked for, by the first
// thread, before the program runs.

// wary is the parcel's length between startExecID and beginExecID; else 0.
var wary uint64

// personaSetID are the personality bits that a set-id exec takes away: addresses
// not random, readable means executable, page 0 mapped, old layout.
const personaSetID = 0x0040000 | 0x0400000 | 0x0100000 | 0x0200000

func startExecID(n uint64) {
	p, t := unpack(n)
	Me.Secure, Me.NoNewPrivs = true, false
	Me.Personality = p.Personality &^ personaSetID
	if hook.DecodeParcel != nil {
		hook.DecodeParcel(p.part(p.FilesOff, p.FilesLen), true)
	}
	wary = n
	user.Lazy = true
	begin(t)
	t.AddWork(user.WorkBegin)
}

// beginExecID loads what the file server has vouched for. Whatever fails: the old
// program is gone, there is only the end.
func beginExecID(t *thread.Thread) {
	p := at[Parcel](abi.ParcelVA)
	n := wary
	wary = 0
	v, fcm, st := Server(t).TakeImage()
	if st < 0 {
		Die("libOS: no set-id image\n")
	}
	size, dev, ino := v.Size, v.Dev, v.Ino // the next call overwrites v
	if RefreshIdentity(t) != errno.OK {
		Die("libOS: no process server\n")
	}
	t.TID = uint32(Me.Pid)
	t.Publish()
	if prog.open(fcm, size) != errno.OK {
		native.Exit(signal.SIGKILL)
	}
	ifcm, isize := interpreter()
	if load(t, ifcm, isize, true) != errno.OK {
		native.Exit(signal.SIGSEGV)
	}
	native.DropOne(fcm)
	if ifcm != 0 {
		native.DropOne(ifcm)
	}
	// The path is the old program's word: it is shown if that file is there.
	exe := p.part(p.ExeOff, p.ExeLen)
	if ref, e := hook.OpenExecKernel(exe); e == errno.OK {
		if hook.SameFile(ref, dev, ino) {
			hook.SetExe(exe)
		}
		hook.Close(ref)
	}
	native.Unmap(abi.ParcelVA, pageUp(n))
	installLeaves()
	published()
	if ProcInfo != 0 {
		Server(t).Publish(ProcInfo, uint64(unsafe.Sizeof(*hook.Info)))
	}
}

// interpreter opens what PT_INTERP of the program in prog names; 0: nothing.
func interpreter() (fcm, size uint64) {
	if prog.parse(&image) != errno.OK {
		native.Exit(signal.SIGSEGV)
	}
	n := image.InterpLen
	if n == 0 {
		return 0, 0
	}
	off := image.InterpOff
	if off > uint64(len(prog.head)) || n > uint64(len(prog.head))-off || prog.head[off+n-1] != 0 {
		native.Exit(signal.SIGSEGV)
	}
	ref, e := hook.OpenExecKernel(prog.head[off : off+n-1])
	if e == errno.OK {
		fcm, size, e = hook.MapRef(ref, abi.ProtRead|abi.ProtExec, false)
		hook.Close(ref)
	}
	if e != errno.OK {
		native.Exit(signal.SIGSEGV)
	}
	return fcm, size
}
