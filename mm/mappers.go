package mm

import (
	"sync/atomic"

	"go42/mm/spin"
)

// The regions that map an object, for those who take pages from it. Those that the
// pass in progress (Resize, or a pager's) need not visit any more are at the tail,
// with its zapEpoch.
//
// A file without a pager, which all who run the same program map, has such a list
// for each CPU, so that forks and exits do not meet there; an entry goes to the
// list of the CPU that maps and stays there. So has shared memory once it has
// several mappers: what servers publish, all processes map. The others have one,
// guarded by the FCM's lock, where the first mappers stay.
//
// Regions hold a reference to their object each, those on a CPU's list one
// together.
type shards struct{ lists [maxCPU]shard }

type shard struct {
	lock       spin.Lock // an FCM's, after the FCM's own
	head, tail *Region
	n          int64
	_          [32]byte
}

func (f *FCM) sharded() *shards {
	return (*shards)(loadPointer(&f.shards))
}

// shardFrom is how many mappers shared memory has before CPUs get lists of their
// own.
const shardFrom = 4

// shard returns the lists of an object that is to have them; nil: one will do.
func (f *FCM) shard() *shards {
	s := f.sharded()
	if s != nil || f.kind != FCMFile && (f.kind != FCMAnon || atomic.LoadInt64(&f.nmappers) < shardFrom) {
		return s
	}
	f.lock.Acquire()
	if f.shards == nil && f.paging == nil {
		if n, _, ok := mem.shards.Alloc(f.acct); ok {
			for i := range n.lists {
				l := &n.lists[i]
				l.lock.Init(spin.FCM)
				l.head, l.tail, l.n = nil, nil, 0
			}
			storePointer(&f.shards, n)
		}
	}
	f.lock.Release()
	return f.sharded()
}

// count is exact in a quiet moment.
func (s *shards) count() (n uint64) {
	for i := range s.lists {
		n += uint64(atomic.LoadInt64(&s.lists[i].n))
	}
	return n
}

// addMapper enters r. held: the caller has a reference, which becomes r's; else
// one is taken, if need be, and the caller sees to it that f lives until then.
func (f *FCM) addMapper(r *Region, held bool) {
	if f.fixed() {
		return
	}
	if s := f.shard(); s != nil {
		r.shard = uint8(cpuID()) + 1
		l := &s.lists[r.shard-1]
		l.lock.Acquire()
		first := l.n == 0
		if first && !held {
			f.Get()
		}
		link(&l.head, &l.tail, r, r.zapEpoch == atomic.LoadUint32(&f.zapEpoch))
		atomic.StoreInt64(&l.n, l.n+1)
		l.lock.Release()
		if !first && held {
			f.Put()
		}
		return
	}
	r.shard = 0
	if !held {
		f.Get()
	}
	f.lock.Acquire()
	link(&f.mappers, &f.mapTail, r, r.zapEpoch == f.zapEpoch)
	atomic.StoreInt64(&f.nmappers, f.nmappers+1)
	f.lock.Release()
}

// dropMapper takes r out; the caller puts back a reference if held says so.
func (f *FCM) dropMapper(r *Region) (held bool) {
	if f.fixed() {
		return false
	}
	if r.shard != 0 {
		l := &f.sharded().lists[r.shard-1]
		l.lock.Acquire()
		unlink(&l.head, &l.tail, r)
		atomic.StoreInt64(&l.n, l.n-1)
		held = l.n == 0
		l.lock.Release()
		return held
	}
	f.lock.Acquire()
	unlink(&f.mappers, &f.mapTail, r)
	atomic.StoreInt64(&f.nmappers, f.nmappers-1)
	if f.nmappers == 0 && f.paging != nil {
		f.paging.unused = true
		f.paging.news()
	}
	f.lock.Release()
	return true
}

// unvisited returns a region that the pass in progress has yet to visit, and its
// half, nil if there is none. f is locked. One that is added behind a list that
// has been looked at already has nothing of an older time mapped, or comes
// of a region that is found here before it.
func (f *FCM) unvisited() (r *Region, h *Half, ref Ref) {
	if r = f.mappers; r != nil && r.zapEpoch != f.zapEpoch {
		return r, r.half, mem.regions.Ref(r)
	}
	s := f.sharded()
	if s == nil {
		return nil, nil, ref
	}
	for i := range s.lists {
		l := &s.lists[i]
		l.lock.AcquireSecond()
		if r = l.head; r != nil && r.zapEpoch != f.zapEpoch {
			h, ref = r.half, mem.regions.Ref(r)
			l.lock.Release()
			return r, h, ref
		}
		l.lock.Release()
	}
	return nil, nil, ref
}

// visited moves r, which this pass has seen to, to the tail. Its half and f are
// locked.
func (f *FCM) visited(r *Region) {
	r.shrunk = 0
	if r.shard == 0 {
		unlink(&f.mappers, &f.mapTail, r)
		r.zapEpoch = f.zapEpoch
		link(&f.mappers, &f.mapTail, r, true)
		return
	}
	l := &f.sharded().lists[r.shard-1]
	l.lock.AcquireSecond()
	unlink(&l.head, &l.tail, r)
	r.zapEpoch = f.zapEpoch
	link(&l.head, &l.tail, r, true)
	l.lock.Release()
}

// sharedWriters counts regions through which the object can be written. f is
// locked.
func (f *FCM) sharedWriters() (n uint64) {
	count := func(r *Region) {
		for ; r != nil; r = r.mnext {
			if r.shared() && r.maxProt&2 != 0 {
				n++
			}
		}
	}
	count(f.mappers)
	if s := f.sharded(); s != nil {
		for i := range s.lists {
			s.lists[i].lock.AcquireSecond()
			count(s.lists[i].head)
			s.lists[i].lock.Release()
		}
	}
	return n
}

// link puts r at the tail of a list, or at its head.
func link(head, tail **Region, r *Region, last bool) {
	if last || *head == nil {
		r.mnext, r.mprev = nil, *tail
		if *tail != nil {
			(*tail).mnext = r
		} else {
			*head = r
		}
		*tail = r
		return
	}
	r.mnext, r.mprev = *head, nil
	(*head).mprev = r
	*head = r
}

func unlink(head, tail **Region, r *Region) {
	if r.mprev != nil {
		r.mprev.mnext = r.mnext
	} else {
		*head = r.mnext
	}
	if r.mnext != nil {
		r.mnext.mprev = r.mprev
	} else {
		*tail = r.mprev
	}
	r.mnext, r.mprev = nil, nil
}
