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
//     1/forkReserve more than a page.
//
//  2. What the dead hold is freed at once (Reclaim).
//
//  3. Where programs have the memory, nobody is refused anything for want of it:
//     the one that holds most is ended as by SIGKILL, whoever asks, and even if it
//     is the one that asks. Who asked tries again once its memory has come (Relieve;
//     OutOfMemory for a program's page). Many that are small together are many in
//     this, too.
//
//  4. Where servers have it, as when a tmpfs is full, what would need more is
//     refused: a fork, a mapping (ENOMEM), a program's page of a file (SIGBUS), what
//     servers keep for programs (ENOSPC, ENFILE). But a program that maps
//     1/hogShare of memory is ended before others are refused.
//
// Programs that hold little each do not come so far: there is memory for more of them
// than there can be (MaxProcesses), and where there are many already a fork ends
// nobody. Who forks gets EAGAIN.
//
// A server is never ended for memory. It meets its own end of memory only when
// the floor's reserve is used up, too; servers see that coming (InfoPage.MemFree)
// and refuse what would make them grow.
const (
	reserve     = 16
	forkReserve = 16
	// blameShare: programs have the memory if they hold 1/blameShare of all together.
	blameShare = 4
	// hogShare: who holds 1/hogShare of memory may be ended for others' sake in any case.
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
// the program that is to blame, if there is one, which may be p. true: p is to try
// again; memory is on its way.
func Relieve(c *sched.CPU, p *sched.Process) bool { return relieve(p, false) }

func relieve(p *sched.Process, forks bool) bool {
	if !atomic.CompareAndSwapUint32(&choosing, 0, 1) {
		return true
	}
	var victim *sched.Process
	more := atomic.LoadInt32(&victims) > 0 // behind choosing, as above
	if !more {
		if victim = blamed(p, forks); victim != nil {
			end(victim)
		}
	}
	atomic.StoreUint32(&choosing, 0)
	return more || victim != nil
}

// blamed returns the program that relieve would end for p's sake, nil if there is
// none. A fork has none to blame where there are many already: it is their number
// that has the memory, and the largest of them might have nothing to do with it.
func blamed(p *sched.Process, forks bool) *sched.Process {
	if !(forks && many()) && programsHold(p) {
		if h := most(worth); h != nil {
			return h
		}
	}
	if h := most(total / hogShare); h != p {
		return h
	}
	return nil
}

// programsHold says whether programs have the memory that p needs: not servers, of
// which p may be one.
func programsHold(p *sched.Process) bool {
	all, _, _ := Account.Usage()
	if all < total/blameShare {
		return false
	}
	own, _, _ := p.Acct.Usage()
	return p.Rank >= abi.RankUser || all > own
}

// forkMay says whether memory allows p another process.
func forkMay(p *sched.Process) bool {
	room := Account.Headroom()
	return room >= forkRoom || room >= leastRoom && blamed(p, true) != nil
}

// living is how many processes live.
func living() int { return sched.Live() - int(atomic.LoadInt32(&dead)) }

// many says that there are so many processes that a fork waits for nobody's end.
func many() bool { return living() > MaxProcesses*3/8 }

// Again is what a call of p's has come to that memory made fail: EAGAIN, if it is to be
// made again since memory is on its way; else err. What limits refuse, or a pool that
// has come to its bound, stays refused.
func Again(c *sched.CPU, p *sched.Process, err mm.Errno) mm.Errno {
	if err == mm.ENOMEM && (Reclaim(c) || memoryShort() && Relieve(c, p)) {
		return mm.EAGAIN
	}
	return err
}

// memoryShort says whether an allocation of some frames may have failed for want of
// memory.
func memoryShort() bool { return Account.Headroom() < 128 }

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
	if Account.Headroom() >= leastRoom && blamed(server, false) != nil {
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
		if _, resident, _ := p.Space.Usage(); int64(resident/abi.PageSize) > frames {
			return int64(resident / abi.PageSize)
		}
	}
	return frames
}
