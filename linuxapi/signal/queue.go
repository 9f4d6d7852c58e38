package signal

// Pending signals. A standard signal (1..31) is pending once, with the siginfo of
// its first instance; real-time ones queue in order. Nodes come from one pool of
// the process; when it is empty a standard signal is pending without siginfo
// and a real-time one is refused (EAGAIN).

// MaxQueued is the pool's size (RLIMIT_SIGPENDING).
const MaxQueued = 1024

type node struct {
	info  Info
	next  int16
	inUse bool
}

// Pool holds the nodes. Whoever has the Pending's lock has the pool's: one lock
// for all of a process's signal state.
type Pool struct {
	nodes [MaxQueued]node
	free  int16 // index+1 of the first returned node; 0: none
	fresh int16 // nodes that were never used begin here
	used  int
}

func (p *Pool) get() int16 {
	if p.free != 0 {
		i := p.free
		p.free = p.nodes[i-1].next
		p.used++
		return i
	}
	if int(p.fresh) < MaxQueued {
		p.fresh++
		p.used++
		return p.fresh
	}
	return 0
}

func (p *Pool) put(i int16) {
	p.nodes[i-1].next = p.free
	p.free = i
	p.used--
}

// Used is the number of queued signals.
func (p *Pool) Used() int { return p.used }

// Pending is a set of pending signals with their siginfo: one per thread and one
// per process.
type Pending struct {
	Set        Set
	head, tail [NumSig]int16
}

// overrun counts one more expiration of a timer whose signal is pending, as info
// says it; info becomes what is pending. False: it is not.
func (q *Pending) overrun(p *Pool, info *Info) bool {
	for n := q.head[info.Signo-1]; n != 0; n = p.nodes[n-1].next {
		i := &p.nodes[n-1].info
		if i.Code == SI_TIMER && uint32(i.F[0]) == uint32(info.F[0]) {
			over := min(i.F[0]>>32+1+info.F[0]>>32, 1<<31-1)
			i.F[0] = uint64(uint32(i.F[0])) | over<<32
			*info = *i
			return true
		}
	}
	return false
}

// Add makes info.Signo pending; a timer's is pending once, with a count of overruns
// (which info then has). False: a real-time signal and no room.
func (q *Pending) Add(p *Pool, info *Info) bool {
	s := int(info.Signo)
	if info.Code == SI_TIMER && q.overrun(p, info) {
		return true
	}
	if s < SIGRTMIN && q.Set.Has(s) {
		return true
	}
	n := p.get()
	if n == 0 {
		if s >= SIGRTMIN && info.Code != SI_USER {
			return false
		}
		q.Set |= Bit(s)
		return true
	}
	p.nodes[n-1].info = *info
	p.nodes[n-1].next = 0
	if t := q.tail[s-1]; t != 0 {
		p.nodes[t-1].next = n
	} else {
		q.head[s-1] = n
	}
	q.tail[s-1] = n
	q.Set |= Bit(s)
	return true
}

// Take removes one instance of s into info.
func (q *Pending) Take(p *Pool, s int, info *Info) {
	n := q.head[s-1]
	if n == 0 {
		*info = Info{Signo: int32(s), Code: SI_USER}
		q.Set &^= Bit(s)
		return
	}
	*info = p.nodes[n-1].info
	q.head[s-1] = p.nodes[n-1].next
	p.put(n)
	if q.head[s-1] == 0 {
		q.tail[s-1] = 0
		q.Set &^= Bit(s)
	}
}

// Next is the signal to take among those in allowed: synchronous ones first,
// then the lowest number; 0: none.
func (q *Pending) Next(allowed Set) int {
	m := q.Set & allowed
	if s := (m & Synchronous).First(); s != 0 {
		return s
	}
	return m.First()
}

// Discard forgets all instances of the signals in m.
func (q *Pending) Discard(p *Pool, m Set) {
	for m &= q.Set; m != 0; m &= m - 1 {
		s := m.First()
		for n := q.head[s-1]; n != 0; {
			next := p.nodes[n-1].next
			p.put(n)
			n = next
		}
		q.head[s-1], q.tail[s-1] = 0, 0
		q.Set &^= Bit(s)
	}
}

// Reset empties the pool: nothing refers to its nodes any more.
func (p *Pool) Reset() { p.free, p.fresh, p.used = 0, 0, 0 }
