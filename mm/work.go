package mm

import (
	"sync/atomic"

	"go42/mm/spin"
)

// The work list holds FCMs that something is to be done about: dead ones, whose
// pages are freed, and hidden nodes with one child, which are collapsed. It is
// taken from in steps, by Work. Each CPU has a list of its own; where memory is
// short, the first to work takes over the others'.
var work [maxCPU]workList

type workList struct {
	lock       spin.Lock
	head, tail *FCM
	n          int64  // written with the lock, read without
	taken      uint32 // 1 while its CPU works on what it has taken off a list; atomic
	_          [60]byte
}

// enqueue puts f on the list unless it is there; f is locked, so that a state
// that needs work cannot be missed (see workOn).
func (f *FCM) enqueue() {
	if f.queued {
		return
	}
	f.queued = true
	pushWork(f)
}

func pushWork(f *FCM) {
	f.work = nil
	work[cpuID()].push(f, f, 1)
}

// push appends n FCMs, from first to last.
func (l *workList) push(first, last *FCM, n int64) {
	l.lock.Acquire()
	if l.tail != nil {
		l.tail.work = first
	} else {
		l.head = first
	}
	l.tail = last
	atomic.StoreInt64(&l.n, l.n+n)
	l.lock.Release()
}

func (l *workList) pop() *FCM {
	if l.empty() {
		return nil
	}
	l.lock.Acquire()
	f := l.head
	if f != nil {
		l.head = f.work
		if l.head == nil {
			l.tail = nil
		}
		atomic.StoreInt64(&l.n, l.n-1)
	}
	l.lock.Release()
	return f
}

func (l *workList) empty() bool { return atomic.LoadInt64(&l.n) == 0 }

// memoryShort says that what waits on other CPUs' lists should not wait for them.
func memoryShort() bool { return FreeFramesNear() < int64(frames.managed/8) }

// workWaits says whether there is something for Work to do.
func workWaits() bool { return !work[cpuID()].empty() || memoryShort() && workAnywhere() }

func workAnywhere() bool {
	for i := range work {
		if !work[i].empty() {
			return true
		}
	}
	return false
}

// takeOver moves the lists of other CPUs to l.
func (l *workList) takeOver() {
	for i := range work {
		o := &work[i]
		if o == l || o.empty() {
			continue
		}
		o.lock.Acquire()
		first, last, n := o.head, o.tail, o.n
		o.head, o.tail = nil, nil
		atomic.StoreInt64(&o.n, 0)
		o.lock.Release()
		if n > 0 {
			l.push(first, last, n)
		}
	}
}

// Work does deferred freeing and fork-chain collapses, at most budget units
// (see Budget): what this CPU has left to be done; where memory is short,
// also what others have. It is called by every operation that drops something, by
// Destroy, and from the idle loop. more says that something is left and that
// this call got on with it: without memory for index nodes nothing may.
func Work(budget int) (more bool) {
	l := &work[cpuID()]
	short := memoryShort()
	if !short && l.empty() {
		return false
	}
	atomic.StoreUint32(&l.taken, 1)
	if short {
		l.takeOver()
	}
	idle := int64(0) // nodes in a row that nothing could be done about
	for budget > 0 && !l.empty() && idle <= atomic.LoadInt64(&l.n) {
		f := l.pop()
		if f == nil { // another CPU has taken over
			break
		}
		before := budget
		f.workOn(&budget)
		if idle++; budget != before {
			idle = 0
		}
	}
	atomic.StoreUint32(&l.taken, 0)
	return !l.empty() && idle == 0
}

// Working says that another CPU is about to free something that is on no list
// meanwhile: what was there when memory ended is not all that there is.
func Working() bool {
	for i := range work {
		if i != cpuID() && atomic.LoadUint32(&work[i].taken) != 0 {
			return true
		}
	}
	return false
}

// workOn does what f needs, puts it back if the budget ends first, or takes its
// mark away when nothing needs doing.
// The budget is untouched only if nothing could be done.
func (f *FCM) workOn(budget *int) {
	f.lock.Acquire()
	switch {
	case f.dead && f.paging != nil && f.paging.waiters != nil:
		f.queued = false // the last of them to be told puts it back
		f.paging.stir()
		f.lock.Release()
		*budget--
	case f.dead:
		f.leaveParent()
		done := f.drain(budget)
		f.lock.Release()
		*budget--
		if done {
			freeFCM(f)
		} else {
			pushWork(f)
		}
	case f.kind == fcmPrivate && f.nchild == 1:
		f.lock.Release()
		if f.collapse(budget) {
			*budget--
		} else { // the budget ended, a node was lacking, or things changed
			pushWork(f)
		}
	default:
		f.queued = false
		f.lock.Release()
		*budget--
	}
}

// drain frees the pages of a dead FCM; true when none is left.
func (f *FCM) drain(budget *int) bool {
	if f.phys() {
		for f.freeOnLast && f.size > 0 {
			if *budget <= 0 {
				return false
			}
			f.size = (f.size - 1) &^ pageMask
			FreeFrame(nil, KindKernel, f.base+f.size)
			*budget -= costFree
		}
		return true
	}
	kind := f.frameKind()
	for i := uint64(0); ; {
		at, e, ok := f.index.next(i, 1<<indexBits)
		if !ok {
			return true
		}
		if *budget <= 0 {
			return false
		}
		f.index.remove(at, f.acct)
		if f.paging != nil {
			f.paging.forget(e)
		}
		if e&entPage != 0 {
			FreeFrame(f.acct, kind, e&pteAddr)
		}
		*budget -= costFree
		i = at
	}
}
