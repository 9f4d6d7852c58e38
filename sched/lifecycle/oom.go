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
//
//  2. What the dead hold is freed at once (Reclaim).
//
//  3. If a program's page still cannot be had, the program that holds most is
//     ended as by SIGKILL. A call that needs memory answers ENOMEM instead.
//
//  4. What would be refused to a small one because a large one has the memory
//     (a fork, a program's page of a file, what servers keep for programs) is not
//     refused: the large one is ended first (Relieve).
//
// A server is never ended for memory. It meets its own end of memory only when
// the floor's reserve is used up, too; servers see that coming (InfoPage.MemFree)
// and refuse what would make them grow.
const (
	reserve     = 16
	forkReserve = 16
	// hogShare: who holds 1/hogShare of memory may be ended for others' sake.
	hogShare = 8
	// Where there is such a program others have room down to 1/leastReserve above
	// the floor.
	leastReserve = 64
)

// Floor is the floor, in frames, of all that is not the servers' or the
// kernel's own.
func Floor() int64 { return mm.ReadCounters().Total / reserve }

// keepReserve sets the floors. Start-up only.
func keepReserve() {
	Account.SetFloor(Floor())
	total = mm.ReadCounters().Total
	forkRoom, leastRoom, cacheRoom = total/forkReserve, total/leastReserve, total/cacheShare
}

// total is the machine's memory in frames.
var total int64

// forkRoom is how many frames above the floor a fork wants to see, leastRoom how
// many where a large program has the memory.
var forkRoom, leastRoom int64

// ending counts processes that are dead and whose memory has not gone yet:
// nobody else is ended before that. Atomic.
var ending int32

// victims counts those of them that were ended for memory. Atomic.
var victims int32

// freed counts those whose memory has gone, before ending does. Atomic.
var freed uint32

// Freeing says whether memory is on its way, and else when that was, for
// OutOfMemory: an attempt that fails now has not just missed it.
func Freeing() (when uint32, more bool) {
	when = atomic.LoadUint32(&freed)
	return when, atomic.LoadInt32(&ending) > 0 || mm.Working()
}

// OutOfMemory ends the program that holds most memory, when this CPU has nothing
// left to reclaim and an attempt after when, Freeing's, has failed. ok says that
// memory is on its way: that of the victim, or, with no victim, that of one which
// is or was being taken apart elsewhere. Otherwise no program holds any worth the
// while.
func OutOfMemory(c *sched.CPU, when uint32) (victim *sched.Process, ok bool) {
	if !atomic.CompareAndSwapUint32(&choosing, 0, 1) {
		return nil, true
	}
	// Behind choosing: who chose before has been counted.
	if atomic.LoadInt32(&ending) > 0 || atomic.LoadUint32(&freed) != when {
		atomic.StoreUint32(&choosing, 0)
		return nil, true
	}
	victim = most(worth)
	if victim != nil {
		end(victim)
	}
	atomic.StoreUint32(&choosing, 0)
	return victim, victim != nil
}

// end ends a program for its memory. The caller has set choosing.
func end(victim *sched.Process) {
	println("out of memory: process", uintptr(victim.KPid), "with", holds(victim)*(abi.PageSize/1024), "KiB is ended")
	victim.Victim = true
	atomic.AddInt32(&victims, 1)
	Die(victim, Killed(SigKILL))
}

// Relieve makes room for p, which is about to be refused what it asked for: it ends
// the program that holds most, if that is not p and holds 1/hogShare of memory. true:
// p may try again; memory is on its way.
func Relieve(c *sched.CPU, p *sched.Process) bool {
	if !atomic.CompareAndSwapUint32(&choosing, 0, 1) {
		return true
	}
	var victim *sched.Process
	more := atomic.LoadInt32(&victims) > 0 // behind choosing, as above
	if !more {
		if victim = hog(p); victim != nil {
			end(victim)
		}
	}
	atomic.StoreUint32(&choosing, 0)
	return more || victim != nil
}

// hog returns the program that Relieve would end for p's sake, nil if there is none.
func hog(p *sched.Process) *sched.Process {
	if h := most(total / hogShare); h != p {
		return h
	}
	return nil
}

// ForClient is NRelieve: what a server is asked for needs memory, of which it finds
// less than n bytes free.
func ForClient(c *sched.CPU, server *sched.Process, n uint64) int64 {
	if server.Rank >= abi.RankUser {
		return -abi.EPERM
	}
	enough := func() bool { return uint64(mm.FreeFramesNear())*abi.PageSize >= n }
	if enough() {
		return 0 // there is more by now
	}
	if Account.Headroom() >= leastRoom && hog(server) != nil {
		return 0
	}
	if !Relieve(c, server) {
		if enough() { // what was ended before has just gone
			return 0
		}
		return -abi.ENOMEM
	}
	for range reclaimSteps {
		if Account.Headroom() >= leastRoom || !Reclaim(c) {
			break
		}
	}
	return 0
}

// choosing is 1 while a CPU looks for a victim: one is enough. Atomic.
var choosing uint32

// worth is how many frames a program must hold to be ended for them.
const worth = 64

// most returns the program with the highest score of those that hold atLeast so many
// frames, nil if there is none.
func most(atLeast int64) (victim *sched.Process) {
	least := int64(0)
	for i := 0; ; {
		p := sched.Each(&i)
		if p == nil {
			break
		}
		if p.State() == sched.Dying {
			continue
		}
		n, ok := points(p)
		if n = max(n, 1); ok && n > least && holds(p) >= atLeast {
			victim, least = p, n
		}
	}
	return victim
}

// points is how much p holds, in frames, and what its oom_score_adj adds, as Linux
// has it: 1000 is all of memory, and -1000 keeps p from being ended. ok is false if
// that, or its rank, does.
func points(p *sched.Process) (n int64, ok bool) {
	adjust := int64(atomic.LoadInt32(&p.OOMAdjust))
	if p.Rank < abi.RankUser || p.Parent == 0 || adjust == -1000 {
		return 0, false
	}
	return holds(p) + adjust*total/1000, true
}

// Score is p's /proc/PID/oom_score, in Linux's units; 0: it is never ended.
func Score(p *sched.Process) int64 {
	n, ok := points(p)
	if !ok {
		return 0
	}
	return max(0, (1000+1000*n/total)*2/3)
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
