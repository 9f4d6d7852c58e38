package sigcall

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/futex"
	"go42/linuxapi/hook"
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Work does what the thread's work bits about signals ask; user.WorkHook calls
// it, disabled, on the thread's stack, on the way to the program. Returns
// disabled.
func Work(t *thread.Thread) {
	if t.HasWork(user.WorkTrap) {
		t.ClearWork(user.WorkTrap)
		fromTrap(t)
	}
	if t.HasWork(user.WorkFetch) {
		t.ClearWork(user.WorkFetch)
		user.Restore(0)
		fetch(t)
		user.Disable()
	}
	deliver(t)
}

// deliver takes pending signals one by one and then settles how an interrupted
// call goes on.
func deliver(t *thread.Thread) {
	f := t.Frame
	var info signal.Info
	for {
		was := P.lock.Lock()
		t.ClearWork(user.WorkSignal)
		if !take(t, ^t.Sig.Mask, &info) {
			P.lock.Unlock(was)
			break
		}
		s := int(info.Signo)
		continued := P.continued
		act := P.Actions[s-1]
		handler := act.Handler != signal.SIG_DFL && act.Handler != signal.SIG_IGN
		if handler && act.Flags&signal.SA_RESETHAND != 0 {
			P.Actions[s-1].Handler = signal.SIG_DFL
		}
		P.lock.Unlock(was)
		switch {
		case handler:
			settle(t, &act)
			user.Restore(0)
			ok := setup(t, s, &info, &act)
			user.Disable()
			if !ok {
				// No stack for the handler: as Linux, SIGSEGV, fatal if it
				// was that already.
				if s == signal.SIGSEGV {
					exitBySignal(signal.SIGSEGV)
				}
				force(t, signal.Info{Signo: signal.SIGSEGV, Code: signal.SI_KERNEL})
			}
		case act.Handler == signal.SIG_IGN:
		default:
			switch signal.DefaultOf(s) {
			case signal.Terminate, signal.Core:
				user.Restore(0)
				futex.ExitProcess(proc.Me.VforkChild)
				exitBySignal(s)
			case signal.Stop:
				user.Restore(0)
				// A SIGCONT that another thread fetches or has fetched since undoes it.
				proc.FetchLock.Lock()
				if P.continued == continued {
					proc.Server(t).Stopped(uint64(s))
				}
				proc.FetchLock.Unlock()
				user.Disable()
			}
		}
	}
	// No handler runs (or all frames are set up): a call that was interrupted
	// is made again.
	if f.Orig >= 0 {
		switch errno.Errno(-int64(f.RAX)) {
		case errno.RestartSys, errno.RestartNoIntr, errno.RestartNoHand:
			f.RAX = uint64(f.Orig)
			f.RIP -= 2
			f.Orig = -1
			t.Restarted = true
		}
	}
	if t.Sig.HaveSaved {
		t.Sig.HaveSaved = false
		SetMask(t, t.Sig.Saved)
	}
}

// settle decides, before a handler's frame is made, how the interrupted call
// will go on after it.
func settle(t *thread.Thread, act *signal.Action) {
	f := t.Frame
	if f.Orig < 0 {
		return
	}
	switch errno.Errno(-int64(f.RAX)) {
	case errno.RestartNoHand:
		f.RAX = uint64(errno.EINTR.Ret())
	case errno.RestartSys:
		if act.Flags&signal.SA_RESTART == 0 {
			f.RAX = uint64(errno.EINTR.Ret())
			break
		}
		fallthrough
	case errno.RestartNoIntr:
		f.RAX = uint64(f.Orig)
		f.RIP -= 2
	}
	f.Orig = -1
}

func xsaveSize() uint64 {
	if n := native.Info().XSaveSize; n >= 576 {
		return n
	}
	return 512
}

func xsaveArea(t *thread.Thread, n uint64) []byte {
	p := uintptr(t.XSave)
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), n)
}

// setup writes the frame of a handler and sets the registers to its start.
// Enabled: user memory is written. False: it could not be written.
func setup(t *thread.Thread, s int, info *signal.Info, act *signal.Action) bool {
	f := t.Frame
	if act.Flags&signal.SA_RESTORER == 0 {
		return false
	}
	sp := f.RSP - 128
	alt := t.Sig.Alt
	onAlt := alt.Flags&signal.SS_AUTODISARM == 0 && alt.On(f.RSP)
	if act.Flags&signal.SA_ONSTACK != 0 && alt.Size != 0 && !onAlt {
		sp = alt.SP + alt.Size
	}
	n := xsaveSize()
	x := n > 512
	total := n
	if x {
		total += 4
	}
	at, fp := signal.Place(sp, total)
	if onAlt && (at < alt.SP || at > alt.SP+alt.Size) {
		// It has run over the alternative stack.
		return false
	}

	// The XSAVE area may be written again by a preemption, but its contents
	// stay the program's but for X0-X15, which come from the Frame.
	was := user.Disable()
	entry.XSave(uintptr(t.XSave))
	user.Restore(was)
	area := xsaveArea(t, n)
	xmm := (*[256]byte)(unsafe.Pointer(&f.X))
	if usercopy.CopyOut(fp, area[:160]) != errno.OK || usercopy.CopyOut(fp+160, xmm[:]) != errno.OK ||
		usercopy.CopyOut(fp+416, area[416:n]) != errno.OK {
		return false
	}
	if x {
		bv, ok := usercopy.U64(fp + 512)
		if !ok || !usercopy.Put64(fp+512, bv|3) ||
			!usercopy.Put64(fp+signal.SWOffset, signal.Magic1|(n+4)<<32) ||
			!usercopy.Put64(fp+signal.SWOffset+8, native.Info().XCR0) ||
			!usercopy.Put64(fp+signal.SWOffset+16, n) ||
			!usercopy.Put32(fp+n, signal.Magic2) {
			return false
		}
	} else if !usercopy.Put64(fp+signal.SWOffset, 0) {
		return false
	}

	var c signal.Context
	c.Regs = [signal.NumRegs]uint64{
		signal.R8: f.Args[entry.R8], signal.R9: f.Args[entry.R9], signal.R10: f.Args[entry.R10], signal.R11: f.R11,
		signal.R12: f.R12, signal.R13: f.R13, signal.R14: f.R14, signal.R15: f.R15,
		signal.RDI: f.Args[entry.RDI], signal.RSI: f.Args[entry.RSI], signal.RBP: f.RBP, signal.RBX: f.RBX,
		signal.RDX: f.Args[entry.RDX], signal.RAX: f.RAX, signal.RCX: f.RCX, signal.RSP: f.RSP,
		signal.RIP: f.RIP, signal.RFLAGS: f.RFLAGS,
	}
	c.Err, c.Trap, c.CR2, c.FP = t.Trap.Error, t.Trap.Vector, t.Trap.Addr, fp
	c.Mask = t.Sig.Mask
	if t.Sig.HaveSaved {
		c.Mask = t.Sig.Saved
	}
	c.Alt = alt
	if onAlt {
		c.Alt.Flags |= signal.SS_ONSTACK
	}
	var fr signal.Frame
	fr.Encode(act.Restorer, &c, info, x)
	if usercopy.Put(at, &fr) != errno.OK {
		return false
	}

	was = user.Disable()
	t.Sig.HaveSaved = false
	t.Restarted = false // the next call is the handler's
	m := t.Sig.Mask | act.Mask
	if act.Flags&signal.SA_NODEFER == 0 {
		m |= signal.Bit(s)
	}
	SetMask(t, m)
	if alt.Flags&signal.SS_AUTODISARM != 0 {
		t.Sig.Alt = signal.Stack{Flags: signal.SS_DISABLE}
	}
	f.Args[entry.RDI], f.Args[entry.RSI], f.Args[entry.RDX] = uint64(s), at+signal.SigInfo, at+signal.UContext
	f.RAX, f.RIP, f.RSP = 0, act.Handler, at
	f.RFLAGS &^= 1<<8 | 1<<10 | 1<<16 // TF, DF, RF
	f.CS, f.SS, f.Orig = entry.UserCS, entry.UserSS, -1
	// The handler starts with the initial vector state.
	thread.ResetVector(&t.Thread)
	entry.XRestore(uintptr(t.XSave))
	t.VSaved = 0
	user.Restore(was)
	return true
}

// sysSigreturn undoes setup; a frame that cannot be read is SIGSEGV.
func sysSigreturn(t *thread.Thread, _ *[6]uint64) int64 {
	f := t.Frame
	at := f.RSP - 8
	var fr signal.Frame
	var c signal.Context
	if usercopy.Get(&fr, at) != errno.OK {
		force(t, signal.Info{Signo: signal.SIGSEGV, Code: signal.SI_KERNEL})
		return errno.NoReturn.Ret()
	}
	fr.Decode(&c)
	was := user.Disable()
	ok := restoreVector(t, c.FP)
	if ok {
		r := &c.Regs
		f.Args = [6]uint64{r[signal.RDI], r[signal.RSI], r[signal.RDX], r[signal.R10], r[signal.R8], r[signal.R9]}
		f.RAX, f.RBX, f.RBP, f.RCX, f.R11 = r[signal.RAX], r[signal.RBX], r[signal.RBP], r[signal.RCX], r[signal.R11]
		f.R12, f.R13, f.R14, f.R15 = r[signal.R12], r[signal.R13], r[signal.R14], r[signal.R15]
		f.RIP, f.RSP = r[signal.RIP], r[signal.RSP]
		f.RFLAGS = f.RFLAGS&^signal.FlagsMask | r[signal.RFLAGS]&signal.FlagsMask
		f.CS, f.SS, f.Orig = entry.UserCS, entry.UserSS, -1
		SetMask(t, c.Mask)
		setAlt(t, &c.Alt)
	} else {
		force(t, signal.Info{Signo: signal.SIGSEGV, Code: signal.SI_KERNEL})
	}
	user.Restore(was)
	return errno.NoReturn.Ret()
}

// setAlt restores the alternative stack; what is malformed is left alone, as
// Linux does.
func setAlt(t *thread.Thread, s *signal.Stack) {
	if s.Flags&signal.SS_DISABLE != 0 {
		t.Sig.Alt = signal.Stack{Flags: signal.SS_DISABLE}
	} else if s.Size >= signal.MINSIGSTKSZ {
		t.Sig.Alt = signal.Stack{SP: s.SP, Size: s.Size, Flags: s.Flags & signal.SS_AUTODISARM}
	}
}

// restoreVector loads the vector state from a frame, made harmless first: a bad
// image would fault in XRSTOR. Disabled.
func restoreVector(t *thread.Thread, fp uint64) bool {
	n := xsaveSize()
	if fp == 0 {
		thread.ResetVector(&t.Thread)
		entry.XRestore(uintptr(t.XSave))
		t.VSaved = 0
		return true
	}
	area := xsaveArea(t, n)
	if usercopy.CopyIn(area[:512], fp) != errno.OK {
		return false
	}
	if n > 512 {
		word := func(off int) *uint64 { return (*uint64)(unsafe.Pointer(&area[off])) }
		full := uint32(*word(signal.SWOffset)) == signal.Magic1 && *word(signal.SWOffset + 16) == n
		if full {
			m, ok := usercopy.U32(fp + n)
			full = ok && m == signal.Magic2
		}
		if full {
			if usercopy.CopyIn(area[512:], fp+512) != errno.OK {
				return false
			}
			*word(512) &= native.Info().XCR0
		} else {
			*word(512) = 3
		}
		for off := 520; off < 576; off += 8 {
			*word(off) = 0
		}
	}
	mx := (*uint32)(unsafe.Pointer(&area[24]))
	*mx &= 0xffff
	copy((*[256]byte)(unsafe.Pointer(&t.Frame.X))[:], area[160:416])
	entry.XRestore(uintptr(t.XSave))
	t.VSaved = 0
	return true
}

// force delivers a synchronous signal: one that is blocked or ignored kills.
func force(t *thread.Thread, info signal.Info) {
	s := int(info.Signo)
	was := P.lock.Lock()
	a := &P.Actions[s-1]
	if t.Sig.Mask.Has(s) || a.Handler == signal.SIG_IGN {
		a.Handler = signal.SIG_DFL
		t.Sig.Mask &^= signal.Bit(s)
	}
	t.Sig.Pending.Add(&P.pool, &info)
	t.AddWork(user.WorkSignal)
	P.lock.Unlock(was)
}

// fromTrap turns the exception in t.Trap into a signal.
func fromTrap(t *thread.Thread) {
	ts := &t.Trap
	rip := ts.RIP
	switch ts.Vector {
	case 0:
		force(t, signal.Fault(signal.SIGFPE, signal.FPE_INTDIV, rip))
	case 1:
		force(t, signal.Fault(signal.SIGTRAP, signal.TRAP_TRACE, rip))
	case 3:
		force(t, signal.Info{Signo: signal.SIGTRAP, Code: signal.SI_KERNEL})
	case 6:
		force(t, signal.Fault(signal.SIGILL, signal.ILL_ILLOPN, rip))
	case 14:
		switch ts.Why {
		case abi.TrapAccErr:
			force(t, signal.Fault(signal.SIGSEGV, signal.SEGV_ACCERR, ts.Addr))
		case abi.TrapBus:
			force(t, signal.Fault(signal.SIGBUS, signal.BUS_ADRERR, ts.Addr))
		case abi.TrapOOM:
			native.LogString("libOS: out of memory\n")
			exitBySignal(signal.SIGKILL)
		default:
			force(t, signal.Fault(signal.SIGSEGV, signal.SEGV_MAPERR, ts.Addr))
		}
	case 16, 19:
		force(t, signal.Fault(signal.SIGFPE, floatCode(t, ts.Vector), rip))
	case 17:
		force(t, signal.Fault(signal.SIGBUS, signal.BUS_ADRALN, 0))
	case 11, 12:
		force(t, signal.Info{Signo: signal.SIGBUS, Code: signal.SI_KERNEL})
	case 13:
		if !umip(t) {
			force(t, signal.Info{Signo: signal.SIGSEGV, Code: signal.SI_KERNEL})
		}
	default:
		force(t, signal.Info{Signo: signal.SIGSEGV, Code: signal.SI_KERNEL})
	}
}

// umip answers an instruction that UMIP forbids as Linux does.
func umip(t *thread.Thread) bool {
	f := t.Frame
	var b [15]byte
	n := usercopy.CopyInPart(b[:], f.RIP)
	reg := [16]uint64{f.RAX, f.RCX, f.Args[entry.RDX], f.RBX, f.RSP, f.RBP, f.Args[entry.RSI], f.Args[entry.RDI],
		f.Args[entry.R8], f.Args[entry.R9], f.Args[entry.R10], f.R11, f.R12, f.R13, f.R14, f.R15}
	d := signal.DecodeDescriptor(b[:n], f.RIP, &reg, entry.FSBase())
	if d.Op == signal.NotUMIP {
		return false
	}
	v := d.Value()
	if !d.IsReg {
		if usercopy.CopyOut(d.Addr, v[:d.Size]) != errno.OK {
			force(t, signal.Fault(signal.SIGSEGV, signal.SEGV_MAPERR, d.Addr))
			return true
		}
	} else {
		w := uint64(0)
		for i := 7; i >= 0; i-- {
			w = w<<8 | uint64(v[i])
		}
		r := [16]*uint64{&f.RAX, &f.RCX, &f.Args[entry.RDX], &f.RBX, &f.RSP, &f.RBP, &f.Args[entry.RSI], &f.Args[entry.RDI],
			&f.Args[entry.R8], &f.Args[entry.R9], &f.Args[entry.R10], &f.R11, &f.R12, &f.R13, &f.R14, &f.R15}[d.Reg]
		switch d.Size {
		case 2:
			*r = *r&^0xffff | w&0xffff
		case 4:
			*r = uint64(uint32(w))
		default:
			*r = w
		}
	}
	f.RIP += uint64(d.Len)
	return true
}

// floatCode finds out which unmasked floating-point exception it was.
func floatCode(t *thread.Thread, vector uint64) int {
	entry.XSave(uintptr(t.XSave))
	area := xsaveArea(t, 512)
	var e uint32
	if vector == 16 {
		cw, sw := uint32(area[0])|uint32(area[1])<<8, uint32(area[2])
		e = sw &^ cw
	} else {
		mx := uint32(area[24]) | uint32(area[25])<<8
		e = mx &^ (mx >> 7)
	}
	switch {
	case e&1 != 0:
		return signal.FPE_FLTINV
	case e&4 != 0:
		return signal.FPE_FLTDIV
	case e&8 != 0:
		return signal.FPE_FLTOVF
	case e&0x12 != 0:
		return signal.FPE_FLTUND
	case e&0x20 != 0:
		return signal.FPE_FLTRES
	}
	return 0
}

// fetch moves signals from the process server into the pending sets, and takes
// over what changed about this process.
func fetch(t *thread.Thread) {
	proc.FetchLock.Lock()
	news := fetchAll(t)
	proc.FetchLock.Unlock()
	if news {
		proc.RefreshIdentity(t)
	}
}

// fetchAll does the first part, and says whether the server has news besides.
func fetchAll(t *thread.Thread) (news bool) {
	for {
		n, more, batch, st := proc.Server(t).FetchSignals()
		if st < 0 {
			return news
		}
		for i := uint64(0); i < n && i < proto.FetchMax; i++ {
			si := &batch.Info[i]
			if si.Signo < 1 || si.Signo > signal.NumSig {
				continue
			}
			info := signal.Sent(int(si.Signo), int(si.Code), si.Pid, si.UID, si.Value)
			if si.Signo == signal.SIGCHLD && si.Code > 0 {
				info = signal.Child(int(si.Code), si.Pid, si.UID, si.Status, int64(si.UTime), int64(si.STime))
			}
			SendProcess(&info)
		}
		hook.Info.Fetched = more >> proto.FetchSeq
		news = news || more&proto.FetchSelf != 0
		if more&proto.FetchMore == 0 {
			return news
		}
	}
}
