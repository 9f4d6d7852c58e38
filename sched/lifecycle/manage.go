package lifecycle

import (
	"sync/atomic"

	"go42/ipc/abi"
	"go42/sched"
)

// Manage is what the process manager may do to others, and a parent to
// its own embryo; NSetOOM is procfs's.
func Manage(c *sched.CPU, p *sched.Process, call, kpid, arg uint64) int64 {
	t := sched.Find(kpid)
	if t == nil || t.State() == sched.Dying {
		return -abi.ESRCH
	}
	if call == abi.NSetOOM && p.Role&abi.RoleSee != 0 && arg <= 2000 {
		atomic.StoreInt32(&t.OOMAdjust, int32(arg)-1000)
		return 0
	}
	own := t.State() == sched.Embryo && t.Parent == p.KPid && call == abi.NKill
	if p.KPid != Manager && !own {
		return -abi.EPERM
	}
	switch call {
	case abi.NKill:
		Die(t, Ended(arg))
	case abi.NSuspend:
		t.Lock.Acquire()
		switch t.State() {
		case sched.Running:
			c.SuspendProcess(t)
		case sched.Embryo:
			t.StopFirst = true
		}
		t.Lock.Release()
		if t.State() == sched.Suspended && !sched.Held(t) {
			return -abi.EAGAIN
		}
	case abi.NResume:
		t.Lock.Acquire()
		t.StopFirst = false
		if t.State() == sched.Suspended {
			c.ResumeProcess(t)
		}
		t.Lock.Release()
	case abi.NSetCred:
		atomic.StoreUint64(&t.Cred, arg)
	case abi.NExecCred:
		t.Lock.Acquire()
		t.ExecCred = arg
		t.Lock.Release()
	case abi.NSetNice:
		t.SetNice(int(min(arg, 40)) - 20)
	case abi.NSetRole:
		if t.Rank != abi.RankApp {
			return -abi.EBUSY
		}
		t.Role |= abi.RoleServer
		t.Rank = abi.RankUser
	}
	return 0
}
