// Package table is the table of Linux's x86_64 system calls: it joins the entries
// of the packages that serve them, dispatches reflected calls, and is the source
// of docs/syscalls.md (go generate).
//
//go:generate go run ./gen -o ../../docs/syscalls.md
package table

import (
	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/fs"
	"go42/linuxapi/futex"
	"go42/linuxapi/mm"
	"go42/linuxapi/proc"
	"go42/linuxapi/sigcall"
	"go42/linuxapi/thread"
	"go42/linuxapi/time"
	"go42/sched/user"
)

// Size bounds the call numbers.
const Size = 480

// slot is what dispatching needs of an entry.
type slot struct {
	fn   call.Handler
	leaf bool
}

var slots [Size]slot

// lists are all packages' entries. A function, so that it needs no initialiser.
func lists() [6][]call.Entry {
	return [6][]call.Entry{fs.Calls[:], futex.Calls[:], mm.Calls[:], proc.Calls[:], sigcall.Calls[:], time.Calls[:]}
}

// Setup fills the dispatch table. Start-up only.
func Setup() {
	setupTrace()
	for _, l := range lists() {
		for i := range l {
			e := &l[i]
			slots[e.Nr] = slot{e.Fn, e.Kind == call.Leaf}
		}
	}
}

// Entries are all entries, by call number; nil where a call is not served.
func Entries() (all [Size]*call.Entry, twice []int) {
	for _, l := range lists() {
		for i := range l {
			if all[l[i].Nr] != nil {
				twice = append(twice, l[i].Nr)
			}
			all[l[i].Nr] = &l[i]
		}
	}
	return all, twice
}

// Serve answers the call in u's frame (user.SvcHook): disabled, on the thread's
// stack.
func Serve(u *user.Thread) {
	t := thread.From(u)
	f := t.Frame
	nr := f.RAX
	if nr >= Size {
		if nr-abi.SysNative < abi.NumNative {
			serveNative(t, nr-abi.SysNative)
			return
		}
		f.RAX = uint64(errno.ENOSYS.Ret())
		return
	}
	s := &slots[nr]
	if s.leaf {
		f.RAX = uint64(s.fn(t, &f.Args))
		return
	}
	if tracing {
		traceCall(t, nr, &f.Args)
	}
	if s.fn == nil {
		f.RAX = uint64(errno.ENOSYS.Ret())
		return
	}
	user.Restore(0)
	t.BeginCall()
	r := s.fn(t, &f.Args)
	user.Disable()
	if tracing {
		traceResult(t, nr, r)
	}
	finish(t, r)
}

// finish puts a full call's answer into the frame. An interrupted call, or one
// that left a temporary signal mask, is settled on the way out.
func finish(t *thread.Thread, r int64) {
	e := errno.Errno(-r)
	if e == errno.NoReturn {
		return
	}
	if e >= errno.RestartSys && e <= errno.RestartNoHand || t.Sig.HaveSaved {
		t.AddWork(user.WorkSignal)
	}
	t.Frame.RAX = uint64(r)
}
