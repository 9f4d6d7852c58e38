package fs

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"go42/ipc/proto"
	"go42/linuxapi/fs/fdtable"
	"go42/sched/user"
)

// Poll state is decided here, from what servers' replies brought. An object
// whose server has promised to announce an event that has not come yet needs
// no call: its channel's sequence counter would have moved. A ready state is
// asked for again, because another process may have taken the data away.

const (
	pollAlways = pollErr | pollHup | pollNval
	fileReady  = pollIn | pollOut | pollRdNorm | pollWrNorm
)

// query returns which of want (poll bits; POLLERR and POLLHUP are implied) are
// the case now. The events of want that are not the case are announced on the
// object's channel (or the local one) when they come: also to a caller that does
// not wait, because then the next one needs no call to know.
func (f *File) query(want uint32) uint32 {
	switch f.kind {
	case kindPipe, kindTTY, kindSock, kindPidFD, kindInotify:
		return f.queryServer(want)
	case kindEvent:
		if s, _, ok := eventState(f); ok {
			return s
		}
		return f.queryServer(want)
	case kindTimer:
		if s, _, ok := timerState(f); ok {
			return s
		}
		return f.queryServer(want)
	case kindSignal:
		return signalState(f)
	case kindEpoll:
		return epollState(f)
	case kindPath:
		return pollNval
	}
	return fileReady
}

func (f *File) queryServer(want uint32) uint32 {
	need := want | pollErr | pollHup
	announced := user.Notified(int(f.ch)) // before its count
	seq := chanSeq(f.ch)
	if h := f.hint.load(); !announced && h.valid(seq) && need&^h.armed() == 0 {
		return 0
	}
	state, st := filePoll(f.handle, uint64(wire(need)), proto.Wait(uint64(f.ch)))
	if st < 0 {
		return pollErr | pollHup
	}
	s := widen(uint32(state) & proto.PollBits)
	// The server arms only when nothing that was asked for is there.
	if s&(need|pollErr|pollHup) == 0 {
		f.note(seq, s, need)
	} else {
		f.note(seq, s, 0)
	}
	return s
}

// hint is what is known of an object's poll state: one word, so that threads which
// ask at the same time cannot leave the armed events of one reply beside the
// channel sequence of another. From the low end: the state, hintKnown, the events
// whose coming the server will announce, and the channel sequence before the call
// that brought them. Zero: nothing is known.
type hint uint64

const (
	hintBits  = 0x7fff // poll bits
	hintKnown = 1 << 15
)

func makeHint(seq, state, armed uint32) hint {
	return hint(seq)<<32 | hint(armed&hintBits)<<16 | hintKnown | hint(state&hintBits)
}

func (h *hint) load() hint           { return hint(atomic.LoadUint64((*uint64)(h))) }
func (h hint) state() uint32         { return uint32(h) & hintBits }
func (h hint) armed() uint32         { return uint32(h>>16) & hintBits }
func (h hint) valid(seq uint32) bool { return h&hintKnown != 0 && uint32(h>>32) == seq }

// note keeps what a reply to a call made at channel sequence seq said. What an
// older reply says is of no use any more.
func (f *File) note(seq, state, armed uint32) {
	for {
		h := f.hint.load()
		on := armed
		switch {
		case h.valid(seq):
			on |= h.armed()
		case h&hintKnown != 0 && int32(seq-uint32(h>>32)) < 0:
			return
		}
		if atomic.CompareAndSwapUint64((*uint64)(&f.hint), uint64(h), uint64(makeHint(seq, state, on&^state))) {
			break
		}
	}
	if f.watch != 0 {
		epollNote(f, state)
	}
}

// widen adds the normal-priority twins of POLLIN and POLLOUT.
func widen(s uint32) uint32 {
	s &= pollIn | pollPri | pollOut | pollErr | pollHup | pollNval | pollRdHup
	if s&pollIn != 0 {
		s |= pollRdNorm
	}
	if s&pollOut != 0 {
		s |= pollWrNorm
	}
	return s
}

// wire maps poll bits to those that servers know. Nothing has data of other priority
// bands.
func wire(w uint32) uint32 {
	if w&pollRdNorm != 0 {
		w |= pollIn
	}
	if w&pollWrNorm != 0 {
		w |= pollOut
	}
	return w & (pollIn | pollPri | pollOut | pollErr | pollHup | pollRdHup)
}

const pollBatch = 32

// pollfd is struct pollfd.
type pollfd struct {
	fd              int32
	events, revents uint16
}

const pollfdSize = uint64(unsafe.Sizeof(pollfd{}))

// pollScan writes revents of the n pollfds at addr and returns how many are
// nonzero, and, for a caller that waits if none is, the channels that their objects
// announce changes on. -EFAULT.
func pollScan(addr uint64, n int, waits bool) (ready int64, chans uint32) {
	var buf [pollBatch]pollfd
	for i := 0; i < n; i += pollBatch {
		fds := buf[:min(n-i, pollBatch)]
		b := unsafe.Slice((*byte)(unsafe.Pointer(&buf)), uint64(len(fds))*pollfdSize)
		at := addr + uint64(i)*pollfdSize
		if !copyIn(b, at) {
			return -EFAULT, 0
		}
		for j := range fds {
			e := &fds[j]
			want := uint32(e.events)
			var got uint32
			if e.fd >= 0 {
				f := get(uint64(e.fd))
				if f == nil {
					got = pollNval
				} else {
					if waits && ready == 0 {
						chans |= f.chans()
					}
					got = f.query(want) & (want | pollAlways)
					f.put()
				}
			}
			e.revents = uint16(got)
			if got != 0 {
				ready++
			}
		}
		if !copyOut(at, b) {
			return -EFAULT, 0
		}
	}
	return ready, chans
}

// chans returns the set of channels on which f's changes are announced.
func (f *File) chans() uint32 {
	if f.kind == kindEpoll {
		return epollChans(f) | 1<<localChan
	}
	return f.ownChan()
}

// ownChan is chans for what is no epoll instance.
func (f *File) ownChan() uint32 {
	switch f.kind {
	case kindEvent, kindTimer:
		if !f.moved() {
			break
		}
		fallthrough
	case kindPipe, kindTTY, kindSock, kindPidFD, kindInotify:
		return 1 << f.ch
	}
	return 1 << localChan
}

// pollLoop is poll(2) and ppoll(2) once the deadline (monotonic ns, 0: now,
// forever: none) and the signal mask are set.
func pollLoop(addr, nfds, deadline uint64) int64 {
	if nfds > nofile() {
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		n, chans := pollScan(addr, int(nfds), deadline != 0)
		if n != 0 || deadline == 0 {
			return n
		}
		if e := s.wait(chans, deadline); e != 0 {
			// What has come beside the signal, or with the timeout, comes first.
			if n, _ := pollScan(addr, int(nfds), false); n != 0 || e == -ETIMEDOUT {
				return n
			}
			return noHand(e)
		}
	}
}

// noHand: poll and select go on after a signal without a handler only.
func noHand(e int64) int64 {
	if e == -restartSys {
		return -restartNoHand
	}
	return e
}

// selectWords is how many words of 64 descriptors a set can have.
const selectWords = fdtable.Max / 64

// selectSets are the results of a select, in a pathBuf's memory.
type selectSets = [3][selectWords]uint64

// selectScan computes the result sets from the request sets and returns the
// number of bits set, and, for a caller that waits if there are none, the channels
// to wait for. The sets are n bits long at the program's addresses in (0: none), in
// words of 64 bits.
func selectScan(n int, in *[3]uint64, out *selectSets, waits bool) (ready int64, chans uint32) {
	for w := 0; w*64 < n; w++ {
		var req, res [3]uint64
		for i := range req {
			if in[i] == 0 {
				continue
			}
			v, ok := get64(in[i] + uint64(w)*8)
			if !ok {
				return -EFAULT, 0
			}
			if left := n - w*64; left < 64 {
				v &= 1<<uint(left) - 1
			}
			req[i] = v
		}
		for any := req[0] | req[1] | req[2]; any != 0; any &= any - 1 {
			b := bits.TrailingZeros64(any)
			bit := uint64(1) << uint(b)
			f := get(uint64(w*64 + b))
			if f == nil {
				return -EBADF, 0
			}
			var want uint32
			if req[0]&bit != 0 {
				want |= selectIn
			}
			if req[1]&bit != 0 {
				want |= selectOut
			}
			if req[2]&bit != 0 {
				want |= pollPri
			}
			if waits && ready == 0 {
				chans |= f.chans()
			}
			got := f.query(want)
			f.put()
			if req[0]&bit != 0 && got&selectIn != 0 {
				res[0] |= bit
				ready++
			}
			if req[1]&bit != 0 && got&selectOut != 0 {
				res[1] |= bit
				ready++
			}
			if req[2]&bit != 0 && got&(pollPri|pollNval) != 0 {
				res[2] |= bit
				ready++
			}
		}
		for i := range res {
			out[i][w] = res[i]
		}
	}
	return ready, chans
}

const (
	selectIn  = pollIn | pollRdNorm | pollRdBand | pollHup | pollErr | pollNval // POLLNVAL: a descriptor with O_PATH
	selectOut = pollOut | pollWrNorm | pollWrBand | pollErr | pollNval
)

// selectLoop is select(2) and pselect6(2). The sets are written at the end.
func selectLoop(n uint64, sets *[3]uint64, deadline uint64) int64 {
	if int32(n) < 0 {
		return -EINVAL
	}
	max := int(n)
	if uint64(max) > nofile() {
		max = int(nofile())
	}
	b := takeBuf()
	r := selectWait(&b.words, max, sets, deadline)
	b.give()
	return r
}

func selectWait(out *selectSets, n int, sets *[3]uint64, deadline uint64) int64 {
	for {
		var s snapshot
		s.take()
		r, chans := selectScan(n, sets, out, deadline != 0)
		if r < 0 {
			return r
		}
		if r > 0 || deadline == 0 {
			return selectResult(n, sets, out, r)
		}
		if e := s.wait(chans, deadline); e != 0 {
			r, _ := selectScan(n, sets, out, false)
			switch {
			case r > 0, r == 0 && e == -ETIMEDOUT:
				return selectResult(n, sets, out, r)
			case r < 0:
				return r
			}
			return noHand(e)
		}
	}
}

func selectResult(n int, sets *[3]uint64, out *selectSets, r int64) int64 {
	for i := range out {
		if sets[i] == 0 {
			continue
		}
		for w := 0; w*64 < n; w++ {
			if !put64(sets[i]+uint64(w)*8, out[i][w]) {
				return -EFAULT
			}
		}
	}
	return r
}
