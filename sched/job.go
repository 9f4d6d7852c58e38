package sched

// A job is long work on a process that nobody runs any more, or that is
// stopped for it: teardown at death, exec's reset. It is done in bounded
// steps: one at each choice of a dispatcher, some at a fixed pace while one
// dispatcher keeps the CPU, and all at once when the CPU would be idle.

// addJob lets p's job, which StopAll has set, begin on this CPU.
func (c *CPU) addJob(p *Process) {
	if c.jobs == nil {
		c.jobAt = Now() + jobPace
	}
	c.pushJob(p)
}

// Begin begins a job for p, which is dead and has no other.
func (c *CPU) Begin(p *Process, job func(p *Process) (done bool)) {
	p.job = job
	c.addJob(p)
}

func (c *CPU) pushJob(p *Process) {
	p.nextJob = nil
	c.njobs++
	c.stale = true // the timer, for jobAt
	if c.jobs == nil {
		c.jobs = p
	} else {
		c.jobsTail.nextJob = p
	}
	c.jobsTail = p
}

// HasJob reports whether p is being taken apart or reset. p.Lock is held.
func (p *Process) HasJob() bool { return p.job != nil }

// SetJob changes what is left to do of p's job, from within it: a process dies
// while it resets. nil: the reset is done, and returns true next. p.Lock is
// held.
func (p *Process) SetJob(step func(p *Process) (done bool)) { p.job = step }

// step does one step of the oldest job. A finished job's process may be gone
// afterwards.
func (c *CPU) step() {
	p := c.jobs
	if p == nil {
		return
	}
	c.jobs = p.nextJob
	p.nextJob = nil
	c.njobs--
	if !p.job(p) {
		c.pushJob(p)
	}
}

// steps does what jobs get at a choice of a dispatcher: a step, and more when
// many have gathered, so that what dies does not outgrow what is taken apart.
func (c *CPU) steps() {
	for n := 1 + min(c.njobs/4, 32); n > 0 && c.jobs != nil; n-- {
		c.step()
	}
}

// Times in ns: jobs get jobTurn of every jobPace while a dispatcher keeps the
// CPU, so that nothing that ends waits for it to block.
const (
	jobPace = 2_000_000
	jobTurn = 500_000
)

// jobsTurn lets the jobs go on although a dispatcher runs, if it is time.
func (c *CPU) jobsTurn() {
	if c.jobs == nil || c.Current == nil {
		return
	}
	now := Now()
	if now < c.jobAt {
		return
	}
	for i := 0; i < 64 && c.jobs != nil && c.queue[ClassServer].head == nil && !interruptPending(); i++ {
		c.step()
		if Now()-now >= jobTurn {
			break
		}
	}
	c.jobAt = Now() + jobPace
}

// Step lets a caller that met an exhausted pool finish some job first. It
// reports whether there was one.
func (c *CPU) Step() bool {
	if c.jobs == nil {
		return false
	}
	c.step()
	return true
}
