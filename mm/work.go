package mm

import "go42/mm/spin"

// The work list holds FCMs that something is to be done about: dead ones, whose
// pages are freed, and hidden nodes with one child, which are collapsed. It is
// taken from in steps, by Work.
var work struct {
	lock       spin.Lock
	head, tail *FCM
	n          int64
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
	work.lock.Acquire()
	f.work = nil
	if work.tail != nil {
		work.tail.work = f
	} else {
		work.head = f
	}
	work.tail = f
	work.n++
	work.lock.Release()
}

func popWork() *FCM {
	if work.head == nil {
		return nil
	}
	work.lock.Acquire()
	f := work.head
	if f != nil {
		work.head = f.work
		if work.head == nil {
			work.tail = nil
		}
		work.n--
	}
	work.lock.Release()
	return f
}

// Work does deferred freeing and fork-chain collapses, at most budget units
// (see Budget). It is called by every operation that drops something, by
// Destroy, and from the idle loop. more says that something is left and that
// this call got on with it: without memory for index nodes nothing may.
func Work(budget int) (more bool) {
	idle := int64(0) // nodes in a row that nothing could be done about
	for budget > 0 && idle <= work.n {
		f := popWork()
		if f == nil {
			return false
		}
		before := budget
		f.workOn(&budget)
		if idle++; budget != before {
			idle = 0
		}
	}
	return work.head != nil && idle == 0
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

// workWaits says whether there is something for Work to do.
func workWaits() bool { return work.head != nil }
