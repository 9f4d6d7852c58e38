package ipc

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"go42/ipc/abi"
)

// Server receives calls and hands them to its functions. Handle is required;
// an event with no function for it is ignored.
type Server struct {
	Name   string
	Kernel Kernel
	// Handle serves one call: it sets c.Status and what the reply needs.
	Handle func(c *Call)
	// Last is told of an object whose last handle has gone.
	Last func(object uint64)
	// Exits is told that NNextExit has something (process manager).
	Exits func()
	// Notified is told of notification channels (bits), such as interrupts.
	Notified func(channels uint64)
	// Pages is told that NNextPage has something (pagers).
	Pages func()
	// Waiting is how many calls it serves at a time, if its handlers wait for
	// something slow: so many more goroutines receive. 0: they do not wait.
	Waiting int
	// Log takes a line for the kernel log.
	Log func(line string)
	// Ordered: a call is served when Last has been told of all that was given up
	// before it was made. For servers whose objects show others who is there.
	Ordered bool

	telling  [abi.MaxDispatchers + 1]tellers // by dispatcher; those of AnyLasts last
	settling sync.Mutex                      // held in SettleLasts
	turn     atomic.Uint32                   // which of tellers.n those who begin count in

	pulling atomic.Int32 // receivers in pullLasts
	pull    sync.Mutex   // held from NextLast to the end of Last, if Ordered
}

// Receivers is the number of goroutines that wait for calls on each CPU. Each
// holds a thread while it waits, but no P.
const Receivers = 8

// Run serves until receiving fails; it returns that error. A server that
// cannot receive has nothing left to do: its main function ends the process,
// and the kernel answers its callers.
//
// A call is served on its caller's CPU, by the threads that are pinned there.
func (s *Server) Run() error {
	cpus := runtime.NumCPU()
	if n := cpus*Receivers + 2; runtime.GOMAXPROCS(0) < n {
		runtime.GOMAXPROCS(n)
	}
	n := Receivers + s.Waiting
	errs := make(chan error, cpus*n)
	for cpu := range cpus {
		for range n {
			go func() {
				if cpus > 1 {
					runtime.LockOSThread()
					if err := pin(cpu); err != nil {
						errs <- fmt.Errorf("%s: CPU %d: %w", s.Name, cpu, err)
						return
					}
				}
				errs <- s.receive()
			}()
		}
	}
	return <-errs
}

// pin keeps the calling thread on one CPU.
func pin(cpu int) error {
	mask := uint64(1) << cpu
	if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); e != 0 {
		return e
	}
	return nil
}

func (s *Server) receive() error {
	// Memory shared with others can be out of frames, or shrunk: such a fault
	// fails the call, not the server.
	debug.SetPanicOnFault(true)
	var reply *Call
	calls := [2]*Call{new(Call), new(Call)}
	y := yielder{when: time.Now()}
	for i := 0; ; i ^= 1 {
		c := calls[i]
		if err := s.Kernel.Receive(reply, &c.CallMessage); err != nil {
			return fmt.Errorf("%s: receive: %w", s.Name, err)
		}
		if c.Record == 0 {
			s.guarded(func() { s.event(c) })
			reply = nil
			continue
		}
		if s.Ordered && (c.Flags&abi.CallLasts != 0 || s.pulling.Load() != 0) {
			s.guarded(func() { s.pullLasts(AnyLasts) })
		}
		s.Serve(c)
		reply = c
		y.served()
		if len(c.after) > 0 {
			if err := s.Kernel.Receive(reply, nil); err != nil {
				return fmt.Errorf("%s: reply: %w", s.Name, err)
			}
			c.AfterReply(s.Kernel)
			reply = nil
		}
	}
}

// A yielder yields the P of a receiver every few milliseconds. A goroutine that
// only makes system calls never counts as newly scheduled: after 10 ms of it the
// runtime's monitor takes its P away and starts another thread, at each of its
// 20 us ticks, which costs more than the calls.
type yielder struct {
	n    int
	when time.Time // of the last yield
}

const (
	yieldAfter = 3 * time.Millisecond
	lookEvery  = 32 // calls after which it looks at the clock
)

// served is told of a call that was served.
func (y *yielder) served() {
	if y.n++; y.n%lookEvery != 0 {
		return
	}
	if now := time.Now(); now.Sub(y.when) > yieldAfter {
		y.when = now
		runtime.Gosched()
	}
}

// Serve runs the handler on a received call and leaves the reply in it. A
// handler that panics fails that call (EIO); locks that it took with defer
// are free again.
func (s *Server) Serve(c *Call) {
	c.k = s.Kernel
	c.Status = -int64(syscall.ENOSYS)
	c.Reply.Len, c.Reply.NRanges, c.Reply.NGrants = 0, 0, 0
	c.Reply.Args = [abi.MaxArgs]uint64{}
	c.taken = [abi.MaxGrants]bool{}
	func() {
		defer func() {
			if r := recover(); r != nil {
				c.Status = -int64(syscall.EIO)
				c.Reply.NGrants = 0
				s.log(fmt.Sprintf("%s: method %#x: %v\n%s", s.Name, c.Method, r, debug.Stack()))
			}
		}()
		s.Handle(c)
	}()
	for i, h := range c.Handles {
		if h != 0 && !c.taken[i] {
			s.Kernel.Drop(h)
		}
	}
}

// guarded runs f; a panic in it is logged, and no more.
func (s *Server) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			s.log(fmt.Sprintf("%s: event: %v\n%s", s.Name, r, debug.Stack()))
		}
	}()
	f()
}

func (s *Server) event(c *Call) {
	bits := c.Args[0]
	if bits&abi.EventLasts != 0 {
		s.pullLasts(c.Args[2])
	}
	if bits&abi.EventExits != 0 && s.Exits != nil {
		s.Exits()
	}
	if bits&abi.EventPages != 0 && s.Pages != nil {
		s.Pages()
	}
	if bits&abi.EventNotify != 0 && s.Notified != nil {
		s.Notified(c.Args[1])
	}
}

// AnyLasts makes NextLast pull what any dispatcher was told of.
const AnyLasts = ^uint64(0)

// tellers counts the receivers that tell Last what one dispatcher was told of, in
// one of two numbers, by turns: so SettleLasts can wait for those that are at it while
// others keep coming.
type tellers struct {
	n [2]atomic.Int32
	_ [56]byte // CPUs do not share it
}

// SettleLasts returns when Last has been told of what was given up before, by whomever:
// for a server that is not Ordered and is about to answer that somebody has something.
// What Last takes must not be held.
func (s *Server) SettleLasts() {
	s.pullLasts(AnyLasts)
	s.settling.Lock()
	defer s.settling.Unlock()
	for range 2 { // who is at it counts in either number
		old := (s.turn.Add(1) - 1) & 1
		for i := range s.telling {
			for s.telling[i].n[old].Load() != 0 {
				time.Sleep(settleStep)
			}
		}
	}
}

const settleStep = 50 * time.Microsecond

// PullLasts hands every pending last to Last.
func (s *Server) PullLasts() { s.pullLasts(AnyLasts) }

// pullLasts hands over those that dispatcher at was told of: receivers on other
// CPUs see to theirs.
func (s *Server) pullLasts(at uint64) {
	tell := &s.telling[min(at, abi.MaxDispatchers)].n[s.turn.Load()&1]
	tell.Add(1)
	defer tell.Add(-1)
	if s.Ordered {
		// First say so, then take: who serves a call sees one or the other.
		s.pulling.Add(1)
		defer s.pulling.Add(-1)
		s.pull.Lock()
		defer s.pull.Unlock()
	}
	n := int64(0)
	for ; ; n++ {
		o, ok := s.Kernel.NextLast(at)
		if !ok {
			giveBack(n)
			return
		}
		if s.Last != nil {
			s.Last(o)
		}
	}
}

func (s *Server) log(line string) {
	if s.Log != nil {
		s.Log(line)
	}
}
