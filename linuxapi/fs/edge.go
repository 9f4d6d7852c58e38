package fs

import (
	"sync/atomic"

	"go42/ipc/proto"
	"go42/sched/user"
)

// Edge triggers. Linux reports an edge-triggered item when its object has woken its
// watchers since the last report, and has some of the item's events. Objects count
// those wake-ups as edges, of input and of output (proto.PollState; ipc.Waiters for
// those of servers): what has come, though there was something already, is another
// edge; a read that leaves something is none. An item remembers the counts at its last
// look. What it also remembers, the events that it saw then, finds those that have gone
// and come without an edge.
//
// A look at a server's object arms it: the channel moves with the next edge, and
// until then no call is needed.

// edgeWatch is what an edge-triggered item knows of its object.
type edgeWatch struct {
	edges uint64 // counts at the last look
	seq   uint32 // armed: the channel's count before the look
	looks uint32
	known bool // there has been a look
	armed bool // the server announces what comes after edges
}

// quiet reports that nothing has come since the last look.
func (w *edgeWatch) quiet(f *File) bool { return w.armed && unchanged(f.ch, w.seq) }

// news reports whether there has been an edge of an item's events since w.
func (w *edgeWatch) news(now *edgeWatch, events uint32) bool {
	return !w.known || (w.edges^now.edges)&edgeMask(events) != 0
}

// edgeMask selects the counts that concern events; both, if only errors do.
func edgeMask(events uint32) uint64 {
	const in, out = 1<<24 - 1, (1<<24 - 1) << 24
	var m uint64
	if events&(pollIn|pollPri|pollRdNorm|pollRdBand|pollRdHup) != 0 {
		m |= in
	}
	if events&(pollOut|pollWrNorm|pollWrBand) != 0 {
		m |= out
	}
	if m == 0 {
		m = in | out
	}
	return m
}

// edgeCounts packs counts as PollState does, above the bits.
func edgeCounts(in, out uint32) uint64 { return proto.PollState(0, in, out) >> 16 }

// look is query for an edge-triggered item: it also says where the edges are.
func (f *File) look(want uint32) (state uint32, w edgeWatch) {
	w.known = true
	local := true
	switch f.kind {
	case kindPipe, kindTTY, kindSock, kindPidFD, kindInotify:
		local = false
	case kindEvent:
		state, w.edges, local = eventState(f)
	case kindTimer:
		state, w.edges, local = timerState(f)
	case kindSignal:
		w.edges = edgeCounts(atomic.LoadUint32(&signalsCame), 0)
		state = signalState(f)
	case kindEpoll:
		w.edges = epollEdges(f.aux)
		state = epollState(f)
	default:
		state = f.query(want)
	}
	if local {
		return state, w
	}
	w.seq = chanSeq(f.ch)
	v, st := filePoll(f.handle, uint64(wire(want))|proto.PollEdges, proto.Wait(uint64(f.ch)))
	if st < 0 {
		return pollErr | pollHup, w
	}
	w.edges, w.armed = v>>16, true
	state = widen(uint32(v) & proto.PollBits)
	f.note(w.seq, state, 0)
	return state, w
}

// epollEdges is a number that another edge of an item of instance ep, or of those
// nested in it, makes another one.
func epollEdges(ep int32) uint64 {
	var sum uint64
	epollMu.Lock()
	sc := scan{ep: &epolls[ep], whole: true}
	for i := sc.next(); i != 0; i = sc.next() {
		it := &items[i]
		f, events := it.file, it.events
		if it.disabled || !f.beginLook() {
			continue
		}
		w := it.watch
		epollMu.Unlock()
		if !w.quiet(f) {
			_, w = f.look(events | pollErr | pollHup)
		}
		f.endLook()
		sum += w.edges & edgeMask(events)
		epollMu.Lock()
	}
	epollMu.Unlock()
	return sum
}

// signalsCame counts what signalfds may show.
var signalsCame uint32

// signalCame: a signal has become pending.
func signalCame() {
	atomic.AddUint32(&signalsCame, 1)
	bumpLocal()
}

// unchanged reports that nothing has been announced on channel ch since its count
// was seq.
func unchanged(ch uint8, seq uint32) bool { return !user.Notified(int(ch)) && chanSeq(ch) == seq }
