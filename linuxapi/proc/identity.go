// Package proc is the process: its start (boot module, exec, fork), its identity,
// its children, limits and end. The process server (ipc/proto.Proc) keeps pids,
// parents, groups and credentials; what is here is a copy that answers the
// calls which need no server.
//
// Boot (boot.go) runs on the scheduler stack, before there is a thread; exec and
// fork run on the calling thread.
package proc

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/thread"
)

// Me is the process as its libOS knows it. The words that leaf calls answer are
// int64, so that assembly can (entry.Leaf).
var Me struct {
	Pid, PPid            int64
	UID, EUID, GID, EGID int64
	Rec                  proto.ProcRecord
	Server               bool // a boot module
	Personality          uint32
	NoNewPrivs           bool
	Secure               bool
	KPid                 uint64
	Comm                 [16]byte
	VforkChild           bool // shares the parent's program half until exec or exit
}

// setIdentity takes over a record from the process server.
func setIdentity(r *proto.ProcRecord) {
	Me.Rec = *r
	Me.Pid, Me.PPid = int64(r.Pid), int64(r.PPid)
	Me.UID, Me.EUID, Me.GID, Me.EGID = int64(r.UID), int64(r.EUID), int64(r.GID), int64(r.EGID)
}

// published says that the block that /proc reads is this process's, and complete.
func published() { atomic.StoreUint32(&hook.Info.Pid, uint32(Me.Pid)) }

// unpublished says that this program is about to be gone.
func unpublished() { atomic.StoreUint32(&hook.Info.Pid, 0) }

// installLeaves makes assembly answer the calls whose answer is one word. Only
// getpid and gettid never change in a process with one thread; the others are
// kept current by setIdentity.
func installLeaves() {
	entry.Leaf[39] = &Me.Pid
	entry.Leaf[110] = &Me.PPid
	entry.Leaf[102] = &Me.UID
	entry.Leaf[107] = &Me.EUID
	entry.Leaf[104] = &Me.GID
	entry.Leaf[108] = &Me.EGID
}

// Server is the calling thread's stub for the process server.
func Server(t *thread.Thread) client.Proc {
	return client.Proc{C: t.Client(), H: abi.HandleProc}
}

// RefreshIdentity asks the process server who this is.
func RefreshIdentity(t *thread.Thread) errno.Errno {
	r, st := Server(t).Self()
	if st < 0 {
		return errno.Of(st)
	}
	takeSelf(t, r)
	return errno.OK
}

// takeSelf takes over the answer of Self, and what others have set: the parent, limits,
// and how threads are to be scheduled.
func takeSelf(t *thread.Thread, r *proto.ProcRecord) {
	setIdentity(r)
	if r.Flags&proto.ProcLimits != 0 {
		pullLimits(t)
	}
	if r.Flags&proto.ProcChanges != 0 {
		pull(t)
	}
}
