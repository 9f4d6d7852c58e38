// Package loop runs servers and their clients in one Go process, for tests on
// a host: the handle sets, badges, grants, lasts, copies and notifications of
// the kernel, without a kernel.
//
// Objects: Net (the machine), Proc (a process with its handle set). One lock,
// Net.mu, guards all handle sets; it is not held while a handler runs. Memory
// ranges are addresses in this very process.
package loop

import (
	"sync"
	"syscall"
	"unsafe"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
)

// Net is a machine.
type Net struct {
	mu     sync.Mutex
	procs  map[uint64]*Proc
	next   uint64
	refs   map[slot]int // holders of an object, over all live processes
	Calls  uint64       // calls made, for tests that count them
	Copies uint64       // copies from and to ranges
	// ShortCopies makes every copy move at most this many bytes; 0: all.
	ShortCopies int
}

type slot struct {
	server *Proc
	object uint64
}

type held struct {
	slot
	inherited bool
}

// Proc is a process.
type Proc struct {
	net     *Net
	KPid    uint64
	Cred    uint64
	Rank    int
	handles map[uint64]held
	free    uint64
	dead    bool
	srv     *ipc.Server
	record  map[uint64]*callRecord
	nextRec uint64

	nmu    sync.Mutex
	notify uint64
	ncond  *sync.Cond
	counts [64]int
}

type callRecord struct {
	caller *Proc
	ranges [abi.MaxRanges]abi.Range
}

// New makes a machine without processes.
func New() *Net {
	return &Net{procs: map[uint64]*Proc{}, refs: map[slot]int{}, next: 100}
}

// Spawn makes a process with no handles.
func (n *Net) Spawn(cred uint64, rank int) *Proc {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	p := &Proc{net: n, KPid: n.next, Cred: cred, Rank: rank, handles: map[uint64]held{}, free: abi.HandleFree, record: map[uint64]*callRecord{}}
	p.ncond = sync.NewCond(&p.nmu)
	n.procs[p.KPid] = p
	return p
}

// Serve makes p the server that s is; its Kernel must be p.
func (p *Proc) Serve(s *ipc.Server) { p.srv = s }

// Put gives p slot h (0: any) on object of server, and returns the slot.
func (p *Proc) Put(h uint64, server *Proc, object uint64) uint64 {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	return p.put(h, slot{server, object}, false)
}

func (p *Proc) put(h uint64, s slot, inherited bool) uint64 {
	if h == 0 {
		h = p.free
		p.free++
	}
	p.handles[h] = held{s, inherited}
	p.net.refs[s]++
	return h
}

// Fork makes a child with p's handles.
func (p *Proc) Fork() *Proc {
	c := p.net.Spawn(p.Cred, p.Rank)
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	for h, x := range p.handles {
		c.put(h, x.slot, true)
	}
	c.free = p.free
	return c
}

// Die ends the process: its slots go.
func (p *Proc) Die() {
	p.net.mu.Lock()
	p.dead = true
	var lasts []slot
	for h := range p.handles {
		lasts = append(lasts, p.drop(h)...)
	}
	delete(p.net.procs, p.KPid)
	p.net.mu.Unlock()
	tellLasts(lasts)
}

func (p *Proc) drop(h uint64) []slot {
	x, ok := p.handles[h]
	if !ok {
		return nil
	}
	delete(p.handles, h)
	p.net.refs[x.slot]--
	if p.net.refs[x.slot] == 0 {
		delete(p.net.refs, x.slot)
		return []slot{x.slot}
	}
	return nil
}

func tellLasts(ls []slot) {
	for _, l := range ls {
		if l.server.srv != nil && l.server.srv.Last != nil && l.object != 0 && !l.server.dead {
			l.server.srv.Last(l.object)
		}
	}
}

// Conn makes a message page for calls as p.
func (p *Proc) Conn() *client.Conn {
	return &client.Conn{
		Do:    func(c *client.Conn, h uint64, method uint32) int64 { return p.invoke(c, h, method) },
		Fetch: func(dst []byte, addr uint64) bool { return copy(dst, memory(addr, len(dst))) == len(dst) },
		Store: func(addr uint64, src []byte) bool { return copy(memory(addr, len(src)), src) == len(src) },
	}
}

func (p *Proc) invoke(c *client.Conn, h uint64, method uint32) int64 {
	n := p.net
	n.mu.Lock()
	n.Calls++
	x, ok := p.handles[h]
	if !ok {
		n.mu.Unlock()
		return -int64(syscall.EBADF)
	}
	s := x.server
	if s.dead || s.srv == nil {
		n.mu.Unlock()
		return -int64(syscall.EOWNERDEAD)
	}
	if s.Rank >= p.Rank {
		n.mu.Unlock()
		return -int64(syscall.EDEADLK)
	}
	call := new(ipc.Call)
	for i := range call.Reply.Data {
		call.Reply.Data[i] = 0xa5 // a real one is used again and again
	}
	s.nextRec++
	call.Record = s.nextRec
	call.BadgePid, call.BadgeCred = p.KPid, p.Cred
	call.Object, call.Method = x.object, method
	if x.inherited {
		call.Flags = abi.CallInherited
		x.inherited = false
		p.handles[h] = x
	}
	call.Args, call.Len, call.NRanges, call.Data = c.M.Args, c.M.Len, c.M.NRanges, c.M.Data
	rec := &callRecord{caller: p, ranges: c.M.Ranges}
	for i := uint32(0); i < c.M.NRanges; i++ {
		call.RangeLen[i] = c.M.Ranges[i].Len
	}
	if c.M.NRanges > 0 && c.M.Ranges[0].Flags&abi.RangeInline != 0 {
		call.Flags |= abi.CallInline
	}
	for i := uint32(0); i < c.M.NGrants; i++ {
		call.Handles[i] = s.receive(p, c.M.Grants[i])
	}
	s.record[call.Record] = rec
	n.mu.Unlock()

	s.srv.Serve(call)

	n.mu.Lock()
	delete(s.record, call.Record)
	if s.dead {
		n.mu.Unlock()
		return -int64(syscall.EOWNERDEAD)
	}
	c.R.Status = call.Status
	c.R.Args, c.R.Len, c.R.NGrants, c.R.Data = call.Reply.Args, call.Reply.Len, call.Reply.NGrants, call.Reply.Data
	for i := uint32(0); i < call.Reply.NGrants; i++ {
		c.R.Handles[i] = p.receive(s, call.Reply.Grants[i])
	}
	n.mu.Unlock()
	call.AfterReply(s)
	return 0
}

// receive puts what giver grants into p's handle set.
func (p *Proc) receive(giver *Proc, g abi.Grant) uint64 {
	switch g.Kind {
	case abi.GrantObject:
		return p.put(0, slot{giver, g.Value}, false)
	case abi.GrantCopy:
		if x, ok := giver.handles[g.Value]; ok {
			return p.put(0, x.slot, false)
		}
	}
	return 0
}

// Receive implements ipc.Kernel; a server of a Net is called, it does not
// receive.
func (p *Proc) Receive(*ipc.Call, *abi.CallMessage) error { return syscall.ENOSYS }

func (p *Proc) copyRange(record uint64, rng int, off uint64, n int, flag uint64) ([]byte, error) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	rec := p.record[record]
	if rec == nil || rec.caller.dead {
		return nil, syscall.ESRCH
	}
	r := rec.ranges[rng]
	if r.Flags&flag == 0 || r.Addr == 0 || off > r.Len {
		return nil, syscall.EFAULT
	}
	p.net.Copies++
	if uint64(n) > r.Len-off {
		n = int(r.Len - off)
	}
	if s := p.net.ShortCopies; s != 0 && n > s {
		n = s
	}
	addr := uintptr(r.Addr + off)
	// The caller keeps the memory in place until its call returns.
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), n), nil
}

// CopyFrom implements ipc.Kernel.
func (p *Proc) CopyFrom(record uint64, rng int, off uint64, dst []byte) (int, error) {
	m, err := p.copyRange(record, rng, off, len(dst), abi.RangeIn)
	return copy(dst, m), err
}

// CopyTo implements ipc.Kernel.
func (p *Proc) CopyTo(record uint64, rng int, off uint64, src []byte) (int, error) {
	m, err := p.copyRange(record, rng, off, len(src), abi.RangeOut)
	return copy(m, src), err
}

// Notify implements ipc.Kernel.
func (p *Proc) Notify(kpid, channel uint64) {
	p.net.mu.Lock()
	q := p.net.procs[kpid]
	p.net.mu.Unlock()
	if q == nil {
		return
	}
	q.nmu.Lock()
	q.notify |= 1 << channel
	q.counts[channel]++
	q.nmu.Unlock()
	q.ncond.Broadcast()
}

// Await waits until channel is set for p, and clears it.
func (p *Proc) Await(channel uint64) {
	p.nmu.Lock()
	defer p.nmu.Unlock()
	for p.notify&(1<<channel) == 0 {
		p.ncond.Wait()
	}
	p.notify &^= 1 << channel
}

// Notified says whether channel is set for p, clears it, and how many
// notifications have been sent there.
func (p *Proc) Notified(channel uint64) (set bool, count int) {
	p.nmu.Lock()
	defer p.nmu.Unlock()
	set = p.notify&(1<<channel) != 0
	p.notify &^= 1 << channel
	return set, p.counts[channel]
}

// Drop implements ipc.Kernel.
func (p *Proc) Drop(handles ...uint64) {
	p.net.mu.Lock()
	var lasts []slot
	for _, h := range handles {
		lasts = append(lasts, p.drop(h)...)
	}
	p.net.mu.Unlock()
	tellLasts(lasts)
}

// HandleInfo implements ipc.Kernel.
func (p *Proc) HandleInfo(h uint64) (abi.HandleInfo, error) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	x, ok := p.handles[h]
	if !ok {
		return abi.HandleInfo{}, syscall.EBADF
	}
	info := abi.HandleInfo{Leaves: uint64(p.net.refs[x.slot])}
	if x.server == p {
		info.Mine, info.Object = 1, x.object
	}
	return info, nil
}

// Handles is the number of slots that p has.
func (p *Proc) Handles() int {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	return len(p.handles)
}

// NextLast implements ipc.Kernel: lasts are handed over at once.
func (p *Proc) NextLast(uint64) (uint64, bool) { return 0, false }

// memory is n bytes of this very process.
func memory(addr uint64, n int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), n)
}
