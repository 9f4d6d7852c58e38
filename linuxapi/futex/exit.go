package futex

import (
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
)

// What a thread that ends leaves: its robust mutexes are marked, its tid word is
// cleared, and who waits for either is woken.

// ExitThread is for a thread whose process goes on.
func ExitThread(t *thread.Thread) { exit(t, true) }

// ExitProcess lets go of what all threads hold in memory that other processes have,
// too. What is this process's alone ends with it: a thread that waits for another
// one's end, or for its mutex, must not run again, or the process could end
// otherwise than it was told to. borrowed: all memory is another process's (vfork).
func ExitProcess(borrowed bool) {
	for {
		was := thread.Lock()
		t := thread.Newest()
		for t != nil && t.RobustList == 0 && t.ClearChildTID == 0 {
			t = t.Next()
		}
		thread.Unlock(was)
		if t == nil {
			return
		}
		exit(t, borrowed)
	}
}

// exit lets go of t's words, or, unless all is set, of those that other processes
// have: first the mutexes, then, when nobody can find them held, its tid.
func exit(t *thread.Thread, all bool) {
	exitRobust(t, all)
	addr := t.ClearChildTID
	t.ClearChildTID = 0
	if addr != 0 && (all || shared(addr)) {
		usercopy.Put32(addr, 0)
		wakeWord(thread.Current(), addr, 1, matchAny, false)
	}
}

// exitRobust marks the mutexes that a dying thread holds and wakes a waiter of
// each. The list is the program's memory: any error ends the walk.
func exitRobust(t *thread.Thread, all bool) {
	head := t.RobustList
	if head == 0 {
		return
	}
	t.RobustList = 0
	next, ok := usercopy.U64(head)
	off, ok2 := usercopy.U64(head + 8)
	pending, ok3 := usercopy.U64(head + 16)
	if !ok || !ok2 || !ok3 {
		return
	}
	for n := 0; next != head && n < robustMax; n++ {
		entry := next &^ 1
		after, ok := usercopy.U64(entry)
		if entry != pending&^1 && (all || shared(entry+off)) {
			died(t, entry+off, false)
		}
		if !ok {
			return
		}
		next = after
	}
	if p := pending &^ 1; p != 0 && (all || shared(p+off)) {
		died(t, p+off, true)
	}
}

// died marks the mutex whose word is at addr. pending: t was about to lock or to
// unlock it; if it is free, t may have freed it and not yet woken anybody.
func died(t *thread.Thread, addr uint64, pending bool) {
	for addr&3 == 0 {
		v, ok := usercopy.U32(addr)
		if pending && ok && v == 0 {
			wakeWord(thread.Current(), addr, 1, matchAny, false)
		}
		if !ok || v&tidMask != t.TID {
			return
		}
		prev, ok := usercopy.Cas32(addr, v, v&waiters|ownerDied)
		if !ok {
			return
		}
		if prev == v {
			if v&waiters != 0 {
				wakeWord(thread.Current(), addr, 1, matchAny, false)
			}
			return
		}
	}
}
