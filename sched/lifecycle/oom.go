package lifecycle

import (
	"go42/ipc/abi"
	"go42/mm"
	"go42/sched"
)

// When memory is short, in this order:
//
//  1. Frames are kept back by floors of accounts (mm.Account.SetFloor):
//     programs, and what the kernel keeps for them, must leave 1/reserve of
//     memory to the servers and the kernel; pages of files that programs map
//     without having written them must leave twice that (SIGBUS); a fork wants
//     1/forkReserve more than a page, so that forking ends with ENOMEM before
//     those who live run out.
//  2. What the dead hold is freed at once (Reclaim).
//  3. If a program's page still cannot be had, the program that holds most is
//     ended as by SIGKILL. A call that needs memory answers ENOMEM instead.
//
// A server is never ended for memory. It meets its own end of memory only when
// the floor's reserve is used up, too; servers see that coming (InfoPage.MemFree)
// and refuse what would make them grow.
const (
	reserve     = 16
	forkReserve = 16
)

// Floor is the floor, in frames, of all that is not the servers' or the
// kernel's own.
func Floor() int64 { return mm.ReadCounters().Total / reserve }

// keepReserve sets the floors. Start-up only.
func keepReserve() {
	Account.SetFloor(Floor())
	forkRoom = mm.ReadCounters().Total / forkReserve
}

// forkRoom is how many frames above the floor a fork wants to see.
var forkRoom int64

// OutOfMemory ends the program that holds most memory, when nothing is left to
// reclaim. false: no program holds any worth the while, or one is being taken
// apart already.
func OutOfMemory(c *sched.CPU) (victim *sched.Process, ok bool) {
	const worth = 64 // frames
	most := int64(worth)
	for i := 0; ; {
		p := sched.Each(&i)
		if p == nil {
			break
		}
		if p.Rank < abi.RankUser || p.Parent == 0 || p.State() == sched.Dying {
			continue
		}
		if n := holds(p); n > most {
			victim, most = p, n
		}
	}
	if victim == nil {
		return nil, false
	}
	println("out of memory: process", uintptr(victim.KPid), "with", most*(abi.PageSize/1024), "KiB is ended")
	Die(victim, Killed(SigKILL))
	return victim, true
}

// holds is how many frames p's end may give back.
func holds(p *sched.Process) int64 {
	frames, _, _ := p.Acct.Usage()
	if p.Space != nil {
		// What it maps may be charged to a process that is gone.
		if _, resident := p.Space.Usage(); int64(resident/abi.PageSize) > frames {
			return int64(resident / abi.PageSize)
		}
	}
	return frames
}
