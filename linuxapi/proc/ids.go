package proc

import (
	"go42/ipc/proto"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
)

// Identity: read from Me, changed by the process server.

func sysGetpid(t *thread.Thread, a *call.Args) int64  { return Me.Pid }
func sysGetppid(t *thread.Thread, a *call.Args) int64 { return Me.PPid }
func sysGetuid(t *thread.Thread, a *call.Args) int64  { return Me.UID }
func sysGeteuid(t *thread.Thread, a *call.Args) int64 { return Me.EUID }
func sysGetgid(t *thread.Thread, a *call.Args) int64  { return Me.GID }
func sysGetegid(t *thread.Thread, a *call.Args) int64 { return Me.EGID }
func sysGettid(t *thread.Thread, a *call.Args) int64  { return int64(t.TID) }

// id widens a 32-bit id argument: -1 is KeepID.
func id(v uint64) uint64 {
	if uint32(v) == ^uint32(0) {
		return proto.KeepID
	}
	return uint64(uint32(v))
}

func setUID(t *thread.Thread, op, r, e, s uint64) int64 {
	rec, st := Server(t).SetUID(op, id(r), id(e), id(s))
	if st < 0 {
		return st
	}
	setIdentity(rec)
	return 0
}

func setGID(t *thread.Thread, op, r, e, s uint64) int64 {
	rec, st := Server(t).SetGID(op, id(r), id(e), id(s))
	if st < 0 {
		return st
	}
	setIdentity(rec)
	return 0
}

func sysSetuid(t *thread.Thread, a *call.Args) int64 {
	if uint32(a[0]) == ^uint32(0) {
		return errno.EINVAL.Ret()
	}
	return setUID(t, proto.SetIDPlain, a[0], 0, 0)
}

func sysSetgid(t *thread.Thread, a *call.Args) int64 {
	if uint32(a[0]) == ^uint32(0) {
		return errno.EINVAL.Ret()
	}
	return setGID(t, proto.SetIDPlain, a[0], 0, 0)
}

func sysSetreuid(t *thread.Thread, a *call.Args) int64 {
	return setUID(t, proto.SetIDRE, a[0], a[1], ^uint64(0))
}

func sysSetregid(t *thread.Thread, a *call.Args) int64 {
	return setGID(t, proto.SetIDRE, a[0], a[1], ^uint64(0))
}

func sysSetresuid(t *thread.Thread, a *call.Args) int64 {
	return setUID(t, proto.SetIDRES, a[0], a[1], a[2])
}

func sysSetresgid(t *thread.Thread, a *call.Args) int64 {
	return setGID(t, proto.SetIDRES, a[0], a[1], a[2])
}

// setfsuid and setfsgid answer the previous id, whether or not they change it.
func sysSetfsuid(t *thread.Thread, a *call.Args) int64 {
	old := int64(Me.Rec.FSUID)
	if uint32(a[0]) != ^uint32(0) {
		setUID(t, proto.SetIDFS, a[0], 0, 0)
	}
	return old
}

func sysSetfsgid(t *thread.Thread, a *call.Args) int64 {
	old := int64(Me.Rec.FSGID)
	if uint32(a[0]) != ^uint32(0) {
		setGID(t, proto.SetIDFS, a[0], 0, 0)
	}
	return old
}

func put3(a *call.Args, x, y, z uint32) int64 {
	if !usercopy.Put32(a[0], x) || !usercopy.Put32(a[1], y) || !usercopy.Put32(a[2], z) {
		return errno.EFAULT.Ret()
	}
	return 0
}

func sysGetresuid(t *thread.Thread, a *call.Args) int64 {
	return put3(a, Me.Rec.UID, Me.Rec.EUID, Me.Rec.SUID)
}

func sysGetresgid(t *thread.Thread, a *call.Args) int64 {
	return put3(a, Me.Rec.GID, Me.Rec.EGID, Me.Rec.SGID)
}

const maxGroups = 65536

func sysGetgroups(t *thread.Thread, a *call.Args) int64 {
	n := int64(int32(a[0]))
	if n < 0 {
		return errno.EINVAL.Ret()
	}
	have := int64(Me.Rec.NGroups)
	if n == 0 || have == 0 {
		return have
	}
	if n < have {
		return errno.EINVAL.Ret()
	}
	if e := usercopy.Touch(a[1], uint64(have)*4, true); e != errno.OK {
		return e.Ret()
	}
	got, st := Server(t).Groups(proto.Out{Addr: a[1], Len: uint64(have) * 4})
	if st < 0 {
		return st
	}
	return int64(got)
}

func sysSetgroups(t *thread.Thread, a *call.Args) int64 {
	n := uint64(a[0])
	if Me.EUID != 0 {
		return errno.EPERM.Ret()
	}
	if n > maxGroups {
		return errno.EINVAL.Ret()
	}
	if e := usercopy.Touch(a[1], n*4, false); e != errno.OK {
		return e.Ret()
	}
	if st := Server(t).SetGroups(proto.In{Addr: a[1], Len: n * 4}); st < 0 {
		return st
	}
	return RefreshIdentity(t).Ret()
}

func sysSetpgid(t *thread.Thread, a *call.Args) int64 {
	if int32(a[0]) < 0 || int32(a[1]) < 0 {
		return errno.EINVAL.Ret()
	}
	return Server(t).Setpgid(uint64(uint32(a[0])), uint64(uint32(a[1])))
}

func sysGetpgid(t *thread.Thread, a *call.Args) int64 {
	g, st := Server(t).Getpgid(uint64(uint32(a[0])))
	if st < 0 {
		return st
	}
	return int64(g)
}

func sysGetpgrp(t *thread.Thread, a *call.Args) int64 {
	g, st := Server(t).Getpgid(0)
	if st < 0 {
		return st
	}
	return int64(g)
}

func sysSetsid(t *thread.Thread, a *call.Args) int64 {
	s, st := Server(t).Setsid()
	if st < 0 {
		return st
	}
	return int64(s)
}

func sysGetsid(t *thread.Thread, a *call.Args) int64 {
	s, st := Server(t).Getsid(uint64(uint32(a[0])))
	if st < 0 {
		return st
	}
	return int64(s)
}

// Capabilities: a process with effective uid 0 has all, others none; sets can
// only be "changed" to what they are.
const (
	capVersion1 = 0x19980330
	capVersion2 = 0x20071026
	capVersion3 = 0x20080522
	capAll      = 1<<41 - 1
)

func capHeader(a *call.Args) (words int, e errno.Errno) {
	v, ok := usercopy.U32(a[0])
	if !ok {
		return 0, errno.EFAULT
	}
	switch v {
	case capVersion1:
		return 1, errno.OK
	case capVersion2, capVersion3:
		return 2, errno.OK
	}
	if !usercopy.Put32(a[0], capVersion3) {
		return 0, errno.EFAULT
	}
	return 0, errno.EINVAL
}

// capsOf are the capabilities of the thread that the header at addr names.
func capsOf(t *thread.Thread, addr uint64) (caps uint64, e errno.Errno) {
	id, ok := usercopy.U32(addr + 4)
	if !ok {
		return 0, errno.EFAULT
	}
	euid := uint32(Me.EUID)
	switch {
	case int32(id) < 0:
		return 0, errno.EINVAL
	case id == 0 || thread.Find(id) != nil:
	default:
		r, st := Server(t).Info(uint64(id))
		if st < 0 {
			return 0, errno.Of(st)
		}
		euid = r.EUID
	}
	if euid == 0 {
		caps = capAll
	}
	return caps, errno.OK
}

func sysCapget(t *thread.Thread, a *call.Args) int64 {
	n, e := capHeader(a)
	if e != errno.OK {
		if e == errno.EINVAL && a[1] == 0 {
			return 0
		}
		return e.Ret()
	}
	if a[1] == 0 {
		return 0
	}
	c, e := capsOf(t, a[0])
	if e != errno.OK {
		return e.Ret()
	}
	for i := 0; i < n; i++ {
		w := uint32(c >> (32 * i))
		v := [3]uint32{w, w, 0}
		if e := usercopy.Put(a[1]+uint64(i)*12, &v); e != errno.OK {
			return e.Ret()
		}
	}
	return 0
}

func sysCapset(t *thread.Thread, a *call.Args) int64 {
	n, e := capHeader(a)
	if e != errno.OK {
		return e.Ret()
	}
	switch id, ok := usercopy.U32(a[0] + 4); {
	case !ok:
		return errno.EFAULT.Ret()
	case id != 0 && id != t.TID: // of others nobody can
		return errno.EPERM.Ret()
	}
	c, e := capsOf(t, a[0])
	if e != errno.OK {
		return e.Ret()
	}
	for i := 0; i < n; i++ {
		var v [3]uint32
		if e := usercopy.Get(&v, a[1]+uint64(i)*12); e != errno.OK {
			return e.Ret()
		}
		w := uint32(c >> (32 * i))
		known := uint32(uint64(capAll) >> (32 * i)) // other bits mean nothing
		if v[0]&known != w || v[1]&known != w || v[2]&known != 0 {
			return errno.EPERM.Ret()
		}
	}
	return 0
}
