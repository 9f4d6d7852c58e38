package ipc

import "go42/ipc/proto"

// Waiters is who wants to hear of a change of an object: for each process a
// mask of conditions, and channels. A process is notified once and has to ask
// again: one that ignores notifications costs nothing. The zero value is
// ready; guarded by the lock of the object it is part of.
type Waiters struct {
	m map[uint64]waiter
	// in and out count edges of PollIn and of PollOut.
	in, out uint32
}

type waiter struct {
	mask     uint64
	channels uint64
}

// Conditions of those who wait for edges, beside the bits of poll.
const (
	edgeShift = 40
	edgeIn    = proto.PollIn << edgeShift
	edgeOut   = proto.PollOut << edgeShift
)

// Arm remembers process kpid for the conditions in mask. wait is a method's
// argument: channel+1; 0 does nothing.
func (w *Waiters) Arm(kpid, wait, mask uint64) {
	if wait == 0 || wait > 64 {
		return
	}
	if w.m == nil {
		w.m = map[uint64]waiter{}
	}
	x := w.m[kpid]
	x.mask |= mask
	x.channels |= 1 << (wait - 1)
	w.m[kpid] = x
}

// Wake notifies everyone who waits for a condition in mask, once.
func (w *Waiters) Wake(k Kernel, mask uint64) {
	for pid, x := range w.m {
		if x.mask&mask == 0 {
			continue
		}
		delete(w.m, pid)
		for ch := uint64(0); x.channels != 0; ch++ {
			if x.channels&1 != 0 {
				k.Notify(pid, ch)
			}
			x.channels >>= 1
		}
	}
}

// Edge is Wake where Linux wakes the watchers of epoll: something has come, or room
// has, which is news to edge-triggered ones even if there was some before.
func (w *Waiters) Edge(k Kernel, mask uint64) {
	if mask&proto.PollIn != 0 {
		w.in++
	}
	if mask&proto.PollOut != 0 {
		w.out++
	}
	w.Wake(k, mask|mask&(proto.PollIn|proto.PollOut)<<edgeShift)
}

// Poll is what the object, in that state, answers to File.Poll; the caller is armed as
// that method says.
func (w *Waiters) Poll(kpid, state, mask, wait uint64) uint64 {
	ends := uint64(proto.PollErr | proto.PollHup)
	if mask&proto.PollEdges == 0 {
		if state&(mask|ends) == 0 {
			w.Arm(kpid, wait, mask|ends)
		}
		return state
	}
	edges := mask & (proto.PollIn | proto.PollOut) << edgeShift
	if edges == 0 {
		edges = edgeIn | edgeOut
	}
	w.Arm(kpid, wait, edges|(mask&proto.PollBits|ends)&^state)
	return proto.PollState(state, w.in, w.out)
}

// Empty: nobody waits.
func (w *Waiters) Empty() bool { return len(w.m) == 0 }
