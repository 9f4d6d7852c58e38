package sched

// A job is long work on a process that nobody runs any more, or that is
// stopped for it: teardown at death, exec's reset. It is done in bounded
// steps: one at each choice of a dispatcher, some at a fixed pace while one
// dispatcher keeps the CPU, and all at once when the CPU would be idle.

// AddJob makes step, which does a bounded piece of work and says when all is
// done, p's job. A process has one job at a time.
func (c *CPU) AddJob(p *Process, step func(p *Process) (done bool)) {
	if p.job != nil {
		panic("sched: process has a job already")
	}
	p.job = step
	if p == c.stepping {
		return // step puts it back
	}
	if c.jobs == nil {
		c.jobAt = Now() + jobPace
	}
	c.pushJob(p)
}

func (c *CPU) pushJob(p *Process) {
	p.nextJob = nil
	c.stale = true // the timer, for jobAt
	if c.jobs == nil {
		c.jobs = p
	} else {
		c.jobsTail.nextJob = p
	}
	c.jobsTail = p
}

// HasJob reports whether work on p is unfinished (other than by the step that
// asks).
func (p *Process) HasJob() bool { return p.job != nil }

// ReplaceJob changes what is left to do: a process dies while it resets.
func (p *Process) ReplaceJob(step func(p *Process) (done bool)) { p.job = step }

// step does one step of the oldest job. A finished job's process may be gone
// afterwards. A step may give its own process another job: exec that fails
// becomes teardown.
func (c *CPU) step() {
	p := c.jobs
	if p == nil {
		return
	}
	c.jobs = p.nextJob
	p.nextJob = nil
	job := p.job
	p.job = nil
	outer := c.stepping
	c.stepping = p
	done := job(p)
	c.stepping = outer
	if p.job == nil { // memory of a process is type-stable: nil when it is gone
		if done {
			return
		}
		p.job = job
	}
	c.pushJob(p)
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
