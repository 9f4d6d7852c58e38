package sched

import "sync/atomic"

// Dump prints every CPU and process. It takes no lock: for a machine that is
// stuck, not for one that works.
func Dump() {
	for i := range cpus {
		c := &cpus[i]
		if c.switches == 0 {
			continue
		}
		print("cpu ", i, ": switches ", c.switches, " armed ", c.armed, " due ", c.due, " until ", c.until, " jobs ", c.jobs != nil, " mail ", c.hasMail(), " idle ", c.idle)
		if d := c.Current; d != nil {
			print(" current ", d.Proc.KPid)
		}
		for k := range c.queue {
			print(" class ", k, ":")
			n := 0
			for d := c.queue[k].head; d != nil && n < 32; d, n = d.next, n+1 {
				print(" ", d.Proc.KPid)
			}
		}
		println()
	}
	for i, n := 0, 0; n < 100; n++ {
		p := Each(&i)
		if p == nil {
			break
		}
		print("process ", p.KPid, " parent ", p.Parent, " rank ", p.Rank, " state ", p.State(), " job ", p.job != nil, " stage ", p.Stage)
		if p.Space != nil {
			print(" cr3 ", uintptr(p.Space.Root))
		}
		println()
		for i, d := range p.Disp {
			if d != nil {
				d.dump(i)
			}
		}
	}
}

func (d *Dispatcher) dump(i int) {
	print("  dispatcher ", i, ": cpu ", d.cpu, " mail ", d.mail, " calls ", d.Calls.N, " waiting ", !d.Calls.Waiting.Empty(), " state ", d.State, " queued ", d.queued, " wants ", d.wantRun, " reason ", d.Reason,
		" deadline ", d.deadline, " replies ", !d.Calls.Replies.Empty(), " rip ", uintptr(d.Ctx.Regs.RIP), " rsp ", uintptr(d.Ctx.Regs.RSP))
	if p := d.Page; p != nil {
		print(" page: disabled ", atomic.LoadUint32(&p.Disabled), " pending ", uintptr(atomic.LoadUint64(&p.Pending)),
			" notify ", uintptr(atomic.LoadUint64(&p.Notify)), " accept ", atomic.LoadUint32(&p.Accept),
			" deadline ", p.Deadline, " runnable ", p.Runnable, " trap ", p.InTrap,
			" last system call ", p.Svc.RAX, " before ", uintptr(p.Svc.RIP))
	}
	println()
}
