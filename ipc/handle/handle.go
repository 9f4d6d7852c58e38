// Package handle keeps what each process holds: its handle set, a radix of
// 64-slot leaves that fork shares and the first change copies (DESIGN
// section 8, "exact lazy authentication"; the paper's k42-fork.txt names the
// cost this avoids: one server call a descriptor at every fork).
//
// Objects:
//
//	Grant  one act of granting: an object of a server, an FCM or a process.
//	       It counts the leaf instances that hold it; at zero its owner is
//	       told (Last) and the record goes.
//	Leaf   64 slots; shared by sets until one of them changes it.
//	Root   the leaves of a set; shared by parent and child after fork.
//	Set    a process's reference to a root.
//
// Who pays: a root or leaf is charged to the account of the set that made it, a
// grant to that of the process for which it was made (ipc/ppc). Who inherits by
// fork pays for nothing before it changes something: then for its own copy. What
// the other has made stays charged to that one's account, which lives as long,
// even if the process has ended.
//
// A slot that a call has filled in a server's set counts for the process that
// made the call (Returned), so that one client cannot fill it.
//
// Invariants: Grant.leaves is the number of leaf instances, each counted
// once however many sets reach it, whose slots name the grant, and of messages
// in flight that carry it. A slot exists
// exactly when Linux would have the descriptor open somewhere in the holder.
//
// Locking: a Set is its process's: the caller holds that process's lock. Roots
// and leaves that several sets share are never changed while they are shared,
// and all counts are atomic: whoever lets go of one last gives it back. A set
// that copies a shared root or leaf may find itself the last holder of the old
// one, when the others copied it at the same time.
//
// The package touches no machine state and is tested on the host.
package handle

import (
	"math/bits"
	"sync/atomic"

	"go42/mm"
)

const (
	leafSlots = 64
	rootWidth = 128
	// MaxHandles bounds a set: slot numbers are below it.
	MaxHandles = leafSlots * rootWidth
)

// Kind says what a grant names.
type Kind uint8

// Kinds of grants.
const (
	KindObject  Kind = iota + 1 // an object of a server
	KindFCM                     // a memory object
	KindProcess                 // an embryo of the holder's own
)

// Grant is one granted object. Fields are set once by the granter; leaves is
// the store's.
type Grant struct {
	Kind     Kind
	ReadOnly bool   // KindFCM: not to be written through this grant
	revoked  uint32 // KindObject: the server has taken it back; slots stay until they are dropped; atomic
	leaves   int32
	Server   uint64  // kernel process id of the serving process (KindObject)
	Payer    uint64  // kernel process id of the process for which it was made, 0: nobody in particular
	Object   uint64  // the server's object id, a kernel process id, or 0
	Ptr      uintptr // the FCM (KindFCM)
	Next     *Grant  // link of the owner's list of gone grants (sched.Process)

	// HashNext and HashPrev are the granter's links, by which it finds the
	// grants of an object.
	HashNext, HashPrev *Grant
}

// Leaves returns the number of leaf instances that hold g.
func (g *Grant) Leaves() int32 { return atomic.LoadInt32(&g.leaves) }

// IsRevoked reports whether the server has taken g back.
func (g *Grant) IsRevoked() bool { return atomic.LoadUint32(&g.revoked) != 0 }

// Revoke marks g as taken back.
func (g *Grant) Revoke() { atomic.StoreUint32(&g.revoked, 1) }

// Slot is one handle.
type slot struct {
	g     *Grant
	owner uint64 // kernel process id that was granted the slot; another holder inherited it
	// lender is the kernel process id whose call filled the slot of a server, 0:
	// none. A copy of the slot has none.
	lender uint64
}

// Leaf is 64 slots.
type Leaf struct {
	refs  int32
	used  uint64 // bit i: slots[i].g != nil
	slots [leafSlots]slot
}

// Root is the first level of a set.
type Root struct {
	refs   int32
	leaves [rootWidth]*Leaf
}

// Allocator hands out zeroed records of one type, charged to payer (nil: to
// nobody) until they are put back; Get returns nil when the pool or the account
// is exhausted.
type Allocator[T any] interface {
	Get(payer *mm.Account) *T
	Put(*T)
}

// Store is where sets live: the pools, and the word that a grant is gone.
type Store struct {
	Roots  Allocator[Root]
	Leaves Allocator[Leaf]
	Grants Allocator[Grant]
	// Gone is called when no leaf holds g any more. It takes g over and
	// gives it back by Grants.Put.
	Gone func(g *Grant)
	// Returned is called when a slot that lender's call has filled is empty.
	Returned func(lender uint64)
}

// Set is a process's handle set. The zero Set is empty and usable.
type Set struct {
	// Payer is charged for the set's own roots and leaves; set before the first.
	Payer  *mm.Account
	root   *Root
	hint   int // no free slot below it
	leaves int // progress of Release
}

// Lookup returns the grant in slot h of s and the process that was granted
// it, or nil.
func (s *Set) Lookup(h uint64) (g *Grant, owner uint64) {
	if s.root == nil || h >= MaxHandles {
		return nil, 0
	}
	l := s.root.leaves[h/leafSlots]
	if l == nil {
		return nil, 0
	}
	sl := &l.slots[h%leafSlots]
	return sl.g, sl.owner
}

// Exclusive reports whether slot h is the only one, in any process, that
// names its grant.
func (s *Set) Exclusive(h uint64) bool {
	g, _ := s.Lookup(h)
	return g != nil && g.Leaves() == 1 && atomic.LoadInt32(&s.root.refs) == 1 && atomic.LoadInt32(&s.root.leaves[h/leafSlots].refs) == 1
}

// own makes the leaf that holds slot h the set's own, copying what is
// shared, charged to payer. It returns nil when a pool is exhausted; nothing has
// changed then that anyone could see.
func (st *Store) own(s *Set, h uint64, payer *mm.Account) *Leaf {
	if s.root == nil {
		r := st.Roots.Get(payer)
		if r == nil {
			return nil
		}
		r.refs = 1
		s.root = r
	}
	if atomic.LoadInt32(&s.root.refs) > 1 {
		r := st.Roots.Get(payer)
		if r == nil {
			return nil
		}
		r.refs = 1
		r.leaves = s.root.leaves
		for _, l := range r.leaves {
			if l != nil {
				atomic.AddInt32(&l.refs, 1)
			}
		}
		old := s.root
		s.root = r
		st.leaveRoot(old)
	}
	at := &s.root.leaves[h/leafSlots]
	if *at == nil {
		l := st.Leaves.Get(payer)
		if l == nil {
			return nil
		}
		l.refs = 1
		*at = l
	} else if old := *at; atomic.LoadInt32(&old.refs) > 1 {
		l := st.Leaves.Get(payer)
		if l == nil {
			return nil
		}
		l.refs = 1
		l.used = old.used
		l.slots = old.slots
		for m := l.used; m != 0; m &= m - 1 {
			sl := &l.slots[bits.TrailingZeros64(m)]
			sl.lender = 0 // counted once: by the slot that the call filled
			atomic.AddInt32(&sl.g.leaves, 1)
		}
		*at = l
		st.leaveLeaf(old)
	}
	return *at
}

// leaveRoot drops a reference to r; the last one gives it back, with its
// references to leaves: the other sets that had it have copied it meanwhile.
func (st *Store) leaveRoot(r *Root) {
	if atomic.AddInt32(&r.refs, -1) != 0 {
		return
	}
	for i, l := range r.leaves {
		if l != nil {
			r.leaves[i] = nil
			st.leaveLeaf(l)
		}
	}
	st.Roots.Put(r)
}

// leaveLeaf is leaveRoot for a leaf.
func (st *Store) leaveLeaf(l *Leaf) {
	if atomic.AddInt32(&l.refs, -1) != 0 {
		return
	}
	for m := l.used; m != 0; m &= m - 1 {
		st.empty(&l.slots[bits.TrailingZeros64(m)])
	}
	st.Leaves.Put(l)
}

// Insert puts g into the lowest free slot of s at or above min and returns
// its number. owner is the kernel process id of the holder, lender that of the
// process whose call brings g to a server, else 0. ok is false when the set is
// Full, or a pool or its payer exhausted.
func (st *Store) Insert(s *Set, g *Grant, owner, lender uint64, min int) (h uint64, ok bool) {
	from := min
	if s.hint > from {
		from = s.hint
	}
	for i := from / leafSlots; i < rootWidth; i++ {
		free := ^uint64(0)
		if s.root != nil && s.root.leaves[i] != nil {
			free = ^s.root.leaves[i].used
		}
		if i == from/leafSlots {
			free &= ^uint64(0) << (uint(from) % leafSlots)
		}
		if free == 0 {
			continue
		}
		h = uint64(i*leafSlots + bits.TrailingZeros64(free))
		if !st.InsertAt(s, g, owner, lender, h) {
			return 0, false
		}
		if int(h) >= s.hint && from == s.hint {
			s.hint = int(h) + 1
		}
		return h, true
	}
	return 0, false
}

// Full reports whether no slot at or above min is free.
func (s *Set) Full(min int) bool {
	for i := min / leafSlots; i < rootWidth; i++ {
		if s.root == nil || s.root.leaves[i] == nil {
			return false
		}
		used := s.root.leaves[i].used
		if i == min/leafSlots {
			used |= 1<<(uint(min)%leafSlots) - 1
		}
		if used != ^uint64(0) {
			return false
		}
	}
	return true
}

// InsertAt is Insert for slot h, which must be free.
func (st *Store) InsertAt(s *Set, g *Grant, owner, lender, h uint64) bool {
	l := st.own(s, h, s.Payer)
	if l == nil {
		return false
	}
	l.slots[h%leafSlots] = slot{g, owner, lender}
	l.used |= 1 << (h % leafSlots)
	atomic.AddInt32(&g.leaves, 1)
	return true
}

// Drop empties slot h. found is false if it was empty; ok is false when a
// shared leaf could not be copied: the slot is still there then.
func (st *Store) Drop(s *Set, h uint64) (found, ok bool) {
	g, _ := s.Lookup(h)
	if g == nil {
		return false, true
	}
	l := st.own(s, h, s.Payer)
	if l == nil {
		// To let go of something must not fail because its payer has too much.
		if l = st.own(s, h, nil); l == nil {
			return true, false
		}
	}
	gone := l.slots[h%leafSlots]
	l.slots[h%leafSlots] = slot{}
	l.used &^= 1 << (h % leafSlots)
	if int(h) < s.hint {
		s.hint = int(h)
	}
	if l.used == 0 {
		s.root.leaves[h/leafSlots] = nil
		st.Leaves.Put(l)
	}
	st.empty(&gone)
	return true, true
}

// Hold counts g, which the caller has in a slot, once more: a message that
// carries it is in flight. Unhold ends that.
func (st *Store) Hold(g *Grant) { atomic.AddInt32(&g.leaves, 1) }

// Unhold undoes Hold.
func (st *Store) Unhold(g *Grant) { st.unref(g) }

// empty lets go of what a slot held that has gone.
func (st *Store) empty(sl *slot) {
	if sl.lender != 0 {
		st.Returned(sl.lender)
	}
	st.unref(sl.g)
}

func (st *Store) unref(g *Grant) {
	if atomic.AddInt32(&g.leaves, -1) == 0 {
		st.Gone(g)
	}
}

// Share makes child, which must be empty, a sharer of s's root: fork, O(1).
func (st *Store) Share(s, child *Set) {
	child.hint = s.hint
	child.root = s.root
	if s.root != nil {
		atomic.AddInt32(&s.root.refs, 1)
	}
}

// Release lets go of at most n leaves and reports whether the set is empty.
// It is called until it is, when the process dies.
func (st *Store) Release(s *Set, n int) (done bool) {
	r := s.root
	if r == nil {
		return true
	}
	if s.leaves == 0 && atomic.LoadInt32(&r.refs) > 1 {
		s.root = nil
		st.leaveRoot(r)
		return true
	}
	// Nobody else can come to it any more: it is this set's alone.
	for ; s.leaves < rootWidth; s.leaves++ {
		l := r.leaves[s.leaves]
		if l == nil {
			continue
		}
		if n == 0 {
			return false
		}
		n--
		r.leaves[s.leaves] = nil
		st.leaveLeaf(l)
	}
	st.Roots.Put(r)
	*s = Set{Payer: s.Payer}
	return true
}
