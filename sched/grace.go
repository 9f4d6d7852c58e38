package sched

// Grace is a grace period: it is over when every other CPU has been outside the
// kernel since it began. Kernel entries keep pointers to what they found, and
// are short; so what nobody can find any more, and nobody who found it uses
// any more, can be given back (K42 deleted its objects so: k42-background.txt).
type Grace struct {
	began bool
	seen  epochs
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
