package fs

// An epoll instance is a list of items; an item watches one object for one
// (instance, descriptor) pair and is also on that object's list, so that the
// object's last close finds it. There is no ready list: a wait walks the
// items, most of which answer without a call (poll.go).
//
// Edge triggers: edge.go. The events that an item has reported (seen) are forgotten
// when a reply shows that they are gone.
//
// After a fork, parent and child have instances of their own with the same
// items.

const (
	maxEpolls = 256
	maxItems  = 8192
)

type epollItem struct {
	id       uint64 // never used again; 0: free
	file     *File
	data     uint64
	events   uint32 // as given to epoll_ctl
	seen     uint32
	watch    edgeWatch // with EPOLLET
	fd       int32
	disabled bool // one-shot that has fired
	ep       int32
	nextEp   int32 // list of the instance
	prevEp   int32
	nextFile int32 // list of the object
}

type epollInst struct {
	first  int32
	count  int32
	cursor int32 // item that the next wait starts at: fairness when not all fit
	next   int32 // free list
	used   bool
	self   *File
}

// epollMu guards everything here, and File.watch.
var (
	epollMu    mutex
	epolls     [maxEpolls + 1]epollInst
	epollsUsed int32
	epollsFree int32
	items      [maxItems + 1]epollItem
	itemsUsed  int32
	itemsFree  int32
	lastItem   uint64 // the last id given
)

// EpollCreate1 is epoll_create1(2).
func EpollCreate1(flags uint64) int64 {
	if flags&^oCloexec != 0 {
		return -EINVAL
	}
	f := newEpoll()
	if f == nil {
		return -ENFILE
	}
	return install(f, 0, flags&oCloexec != 0)
}

func newEpoll() *File {
	f := newFile(kindEpoll, oRdWr)
	if f == nil {
		return nil
	}
	epollMu.Lock()
	i := epollsFree
	if i != 0 {
		epollsFree = epolls[i].next
	} else if epollsUsed < maxEpolls {
		epollsUsed++
		i = epollsUsed
	}
	if i != 0 {
		epolls[i] = epollInst{used: true, self: f}
	}
	epollMu.Unlock()
	f.aux = i
	if i == 0 {
		f.kind = kindNull
		f.put()
		return nil
	}
	f.setName("anon_inode:[eventpoll]")
	return f
}

// EpollCreate is epoll_create(2).
func EpollCreate(size uint64) int64 {
	if int32(size) <= 0 {
		return -EINVAL
	}
	return EpollCreate1(0)
}

// epollRelease empties and frees f's instance.
func epollRelease(f *File) {
	epollMu.Lock()
	ep := &epolls[f.aux]
	for ep.first != 0 {
		removeItem(ep.first)
	}
	ep.used = false
	ep.self = nil
	ep.next = epollsFree
	epollsFree = f.aux
	epollMu.Unlock()
}

// epollForget removes every item that watches f: its last descriptor is gone.
func epollForget(f *File) {
	epollMu.Lock()
	for f.watch != 0 {
		removeItem(f.watch)
	}
	epollMu.Unlock()
}

// removeItem unlinks and frees item i. epollMu is held.
func removeItem(i int32) {
	it := &items[i]
	ep := &epolls[it.ep]
	if it.prevEp != 0 {
		items[it.prevEp].nextEp = it.nextEp
	} else {
		ep.first = it.nextEp
	}
	if it.nextEp != 0 {
		items[it.nextEp].prevEp = it.prevEp
	}
	if ep.cursor == i {
		ep.cursor = it.nextEp
	}
	ep.count--
	for p := &it.file.watch; *p != 0; p = &items[*p].nextFile {
		if *p == i {
			*p = it.nextFile
			break
		}
	}
	*it = epollItem{nextEp: itemsFree}
	itemsFree = i
}

// findItem returns the item of (instance ep, fd, f), or 0. epollMu is held.
func findItem(ep int32, fd int32, f *File) int32 {
	for i := f.watch; i != 0; i = items[i].nextFile {
		if items[i].ep == ep && items[i].fd == fd {
			return i
		}
	}
	return 0
}

const (
	epollAdd = 1
	epollDel = 2
	epollMod = 3

	epollMaxDepth = 5

	// What EPOLLEXCLUSIVE goes with; the last is EPOLLWAKEUP.
	epollExclusiveOK = pollIn | pollOut | pollErr | pollHup | epollET | epollExclusive | 1<<29
)

// pollable tells whether f has events of its own; epoll refuses others.
func (f *File) pollable() bool {
	switch f.kind {
	case kindPipe, kindTTY, kindSock, kindEvent, kindTimer, kindSignal, kindEpoll, kindRandom, kindPidFD, kindInotify:
		return true
	}
	return false
}

// EpollCtl is epoll_ctl(2).
func EpollCtl(epfd, op, fd, event uint64) int64 {
	var ev [12]byte
	if op != epollDel {
		if !copyIn(ev[:], event) {
			return -EFAULT
		}
	}
	e := getIO(epfd)
	if e == nil {
		return -EBADF
	}
	f := getIO(fd)
	if f == nil {
		e.put()
		return -EBADF
	}
	r := epollCtl(e, op, int32(fd), f, le32(ev[:]), le64(ev[4:]))
	f.put()
	e.put()
	if r == 0 && op != epollDel {
		bumpLocal() // a waiting thread has to look at the new item
	}
	return r
}

func epollCtl(e *File, op uint64, fd int32, f *File, events uint32, data uint64) int64 {
	if f.kind == kindPath {
		return -EBADF
	}
	if !f.pollable() {
		return -EPERM
	}
	if e == f || e.kind != kindEpoll {
		return -EINVAL
	}
	if events&epollExclusive != 0 && op != epollDel {
		if op == epollMod || f.kind == kindEpoll || events&^epollExclusiveOK != 0 {
			return -EINVAL
		}
	}
	epollMu.Lock()
	defer epollMu.Unlock()
	i := findItem(e.aux, fd, f)
	switch op {
	case epollAdd:
		if i != 0 {
			return -EEXIST
		}
		if f.kind == kindEpoll {
			if reaches(f.aux, e.aux, epollMaxDepth) || height(f.aux, epollMaxDepth) >= epollMaxDepth-1 {
				return -ELOOP
			}
		}
		i = itemsFree
		if i != 0 {
			itemsFree = items[i].nextEp
		} else if itemsUsed < maxItems {
			itemsUsed++
			i = itemsUsed
		} else {
			return -ENOSPC
		}
		ep := &epolls[e.aux]
		lastItem++
		items[i] = epollItem{id: lastItem, file: f, data: data, events: events, fd: fd, ep: e.aux, nextEp: ep.first, nextFile: f.watch}
		if ep.first != 0 {
			items[ep.first].prevEp = i
		}
		ep.first = i
		ep.count++
		f.watch = i
	case epollMod:
		if i == 0 {
			return -ENOENT
		}
		it := &items[i]
		if it.events&epollExclusive != 0 {
			return -EINVAL
		}
		it.events, it.data, it.seen, it.disabled = events, data, 0, false
		it.watch = edgeWatch{looks: it.watch.looks + 1}
	case epollDel:
		if i == 0 {
			return -ENOENT
		}
		removeItem(i)
	default:
		return -EINVAL
	}
	return 0
}

// reaches tells whether instance b can be reached from a through nesting.
func reaches(a, b int32, depth int) bool {
	if a == b {
		return true
	}
	if depth == 0 {
		return false
	}
	for i := epolls[a].first; i != 0; i = items[i].nextEp {
		if f := items[i].file; f.kind == kindEpoll && reaches(f.aux, b, depth-1) {
			return true
		}
	}
	return false
}

// height is the number of nested levels below instance a, up to max.
func height(a int32, max int) int {
	h := 0
	if max == 0 {
		return 0
	}
	for i := epolls[a].first; i != 0; i = items[i].nextEp {
		if f := items[i].file; f.kind == kindEpoll {
			if k := 1 + height(f.aux, max-1); k > h {
				h = k
			}
		}
	}
	return h
}

// epollNote forgets reported events of f that a reply showed to be gone.
func epollNote(f *File, state uint32) {
	epollMu.Lock()
	for i := f.watch; i != 0; i = items[i].nextFile {
		items[i].seen &= state
	}
	epollMu.Unlock()
}

// collect looks at the items of e and stores up to max events at addr (0:
// counts up to max only). It returns the number of events and the channels to
// wait on: those of all items, whether looked at or not.
//
// An item is looked at without epollMu, because that may take a server call:
// its object is held meanwhile, and the item is looked up again afterwards.
func collect(e *File, addr uint64, max int) (n int, chans uint32, fault bool) {
	epollMu.Lock()
	ep := &epolls[e.aux]
	chans = 1<<localChan | ep.chans()
	sc := scan{ep: ep}
	i := sc.next()
	for i != 0 && n < max && !fault {
		it := &items[i]
		f, events, looks := it.file, it.events, it.watch.looks
		edge := events&epollET != 0
		if it.disabled || edge && it.watch.quiet(f) || !f.beginLook() {
			i = sc.next()
			continue
		}
		epollMu.Unlock()
		want := events&0xffff | pollErr | pollHup
		var got uint32
		var now edgeWatch
		if edge {
			got, now = f.look(want)
			got &= want
		} else {
			got = f.query(want) & want
		}
		epollMu.Lock()
		// Of two looks at the same time the first to end counts: what came between
		// them, if anything, is announced.
		if it.id == sc.last && it.events == events && !it.disabled && it.watch.looks == looks {
			fresh := got
			if edge {
				fresh = it.fresh(got, &now, addr != 0)
			}
			if fresh != 0 {
				if addr != 0 && !it.report(got, addr+uint64(n)*12, sc.last) {
					fault = true
				} else {
					n++
				}
			}
		}
		epollMu.Unlock()
		f.endLook()
		epollMu.Lock()
		i = sc.next()
	}
	if addr != 0 && i != 0 {
		ep.cursor = i
	}
	epollMu.Unlock()
	return n, chans, fault
}

// fresh is what an edge-triggered item has to report at a look that found got: all
// of it, if there is something new. Unless take is set that stays to be reported.
// epollMu is held.
func (it *epollItem) fresh(got uint32, now *edgeWatch, take bool) uint32 {
	w := &it.watch
	fresh := got &^ it.seen
	if w.news(now, it.events) {
		fresh = got
	}
	it.seen &= got
	if take || fresh == 0 {
		now.looks = w.looks + 1
		*w = *now
	}
	return fresh
}

// report stores the item's event, got, at addr, and notes that it is known;
// false: it could not be stored. epollMu is held, but not meanwhile.
func (it *epollItem) report(got uint32, addr, id uint64) bool {
	var ev [12]byte
	put32b(ev[:], got)
	put64b(ev[4:], it.data)
	if it.events&epollET != 0 {
		it.seen = got
	}
	it.disabled = it.events&epollOneShot != 0
	epollMu.Unlock()
	ok := copyOut(addr, ev[:])
	epollMu.Lock()
	if !ok && it.id == id {
		it.seen, it.disabled = 0, false
		it.watch = edgeWatch{looks: it.watch.looks + 1}
	}
	return ok
}

// epollState is the poll state of an instance: readable when an item is ready.
func epollState(f *File) uint32 {
	n, _, _ := collect(f, 0, 1)
	if n > 0 {
		return pollIn | pollRdNorm
	}
	return 0
}

// epollChans returns the channels of the instance's objects.
func epollChans(f *File) uint32 {
	epollMu.Lock()
	c := epolls[f.aux].chans()
	epollMu.Unlock()
	return c
}

// chans is epollChans under epollMu.
func (ep *epollInst) chans() uint32 {
	var c uint32
	for i := ep.first; i != 0; i = items[i].nextEp {
		if g := items[i].file; g.kind == kindEpoll {
			c |= allChans
		} else {
			c |= g.ownChan()
		}
	}
	return c
}

// epollWait waits until deadline (monotonic ns; 0: does not wait).
func epollWait(epfd, events, maxevents, deadline uint64) int64 {
	max := int(int32(maxevents))
	if max <= 0 || max > 1<<27 {
		return -EINVAL
	}
	e := getIO(epfd)
	if e == nil {
		return -EBADF
	}
	if e.kind != kindEpoll {
		e.put()
		return -EINVAL
	}
	r := epollLoop(e, events, max, deadline)
	e.put()
	return r
}

func epollLoop(e *File, events uint64, max int, deadline uint64) int64 {
	for {
		var s snapshot
		s.take()
		n, chans, fault := collect(e, events, max)
		if fault && n == 0 {
			return -EFAULT
		}
		if n > 0 || deadline == 0 {
			return int64(n)
		}
		if r := s.wait(chans, deadline); r != 0 {
			// What has come beside the signal, or with the timeout, comes first.
			if n, _, _ := collect(e, events, max); n > 0 || r == -ETIMEDOUT {
				return int64(n)
			}
			return noHand(r)
		}
	}
}
