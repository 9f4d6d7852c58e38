package lifecycle

import (
	"sync/atomic"

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
	cacheRoom = mm.ReadCounters().Total / cacheShare
}

// forkRoom is how many frames above the floor a fork wants to see.
var forkRoom int64

// ending counts processes that are dead and whose memory has not gone yet:
// nobody else is ended before that. Atomic.
var ending int32

// OutOfMemory ends the program that holds most memory, when this CPU has nothing
// left to reclaim. ok says that memory is on its way: that of the victim, or,
// with no victim, that of one which is being taken apart elsewhere. Otherwise no
// program holds any worth the while.
func OutOfMemory(c *sched.CPU) (victim *sched.Process, ok bool) {
	if atomic.LoadInt32(&ending) > 0 || !atomic.CompareAndSwapUint32(&choosing, 0, 1) {
		return nil, true
	}
	victim = most()
	if victim != nil {
		println("out of memory: process", uintptr(victim.KPid), "with", holds(victim)*(abi.PageSize/1024), "KiB is ended")
		Die(victim, Killed(SigKILL))
	}
	atomic.StoreUint32(&choosing, 0)
	return victim, victim != nil
}

// choosing is 1 while a CPU looks for a victim: one is enough. Atomic.
var choosing uint32

// most returns the program whose end gives most, nil if none gives any worth
// the while.
func most() (victim *sched.Process) {
	const worth = 64 // frames
	least := int64(worth)
	for i := 0; ; {
		p := sched.Each(&i)
		if p == nil {
			break
		}
		if p.Rank < abi.RankUser || p.Parent == 0 || p.State() == sched.Dying {
			continue
		}
		if n := holds(p); n > least {
			victim, least = p, n
		}
	}
	return victim
}

// holds is how many frames p's end may give back.
func holds(p *sched.Process) int64 {
	frames, _, _ := p.Acct.Usage()
	if p.Pager != nil {
		frames -= p.Pager.Pages() // a cache, which has given what it could
	}
	if p.Space != nil {
		// What it maps may be charged to a process that is gone.
		if _, resident := p.Space.Usage(); int64(resident/abi.PageSize) > frames {
			return int64(resident / abi.PageSize)
		}
	}
	return frames
}
