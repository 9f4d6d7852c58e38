package sched

import "sync/atomic"

// Grace is a grace period: it is over when every other CPU has been outside the
// kernel since it began. Kernel entries keep pointers to what they found, and
// are short; so what nobody can find any more, and nobody who found it uses
// any more, can be given back (K42 deleted its objects so: k42-background.txt).
type Grace struct {
	began  bool
	rounds int
	seen   epochs
}

// Over begins the period at the first call and says at this or a later one that
// it is over; the Grace is ready for another one then.
func (g *Grace) Over() bool {
	if !g.began {
		g.began = true
		snapshot(&g.seen)
	}
	if !passed(&g.seen) {
		return false
	}
	g.began = false
	return true
}

// Drained is Over for dispatchers that are to be given back, which nobody can
// find any more: no word for them is on its way either, and no CPU looks at one.
// Interrupts come late, so a CPU may have been outside the kernel with its mailbox
// unread. Who has found one sends in the first period; where it lay in the
// mailbox of the CPU that it has left, that CPU sends it on in the second; its own
// looks at it in the third. ds may have nil entries.
func (g *Grace) Drained(ds []*Dispatcher) bool {
	for g.rounds < 3 {
		for _, d := range ds {
			if !g.began && d != nil && atomic.LoadUint32(&d.mail) != 0 {
				return false
			}
		}
		if !g.Over() {
			return false
		}
		g.rounds++
	}
	g.rounds = 0
	return true
}
