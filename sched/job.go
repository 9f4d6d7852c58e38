package sched

// A job is long work on a process that nobody runs any more, or that is
// stopped for it: teardown at death, exec's reset. It is done in bounded
// steps, one at each choice of a dispatcher, and all at once when the CPU
// would be idle otherwise.

// AddJob makes step, which does a bounded piece of work and says when all is
// done, p's job. A process has one job at a time.
func (c *CPU) AddJob(p *Process, step func(p *Process) (done bool)) {
	if p.job != nil {
		panic("sched: process has a job already")
	}
	p.job = step
	p.nextJob = nil
	if c.jobs == nil {
		c.jobs = p
	} else {
		c.jobsTail.nextJob = p
	}
	c.jobsTail = p
}

// HasJob reports whether work on p is unfinished.
func (p *Process) HasJob() bool { return p.job != nil }

// ReplaceJob changes what is left to do: a process dies while it resets.
func (p *Process) ReplaceJob(step func(p *Process) (done bool)) { p.job = step }

// step does one step of the oldest job. A finished job's process may be gone
// afterwards.
func (c *CPU) step() {
	p := c.jobs
	if p == nil {
		return
	}
	c.jobs = p.nextJob
	p.nextJob = nil
	job := p.job
	p.job = nil
	if !job(p) {
		if p.job == nil {
			p.job = job
		}
		if c.jobs == nil {
			c.jobs = p
		} else {
			c.jobsTail.nextJob = p
		}
		c.jobsTail = p
	}
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
