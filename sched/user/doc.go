// Package user is the libOS's scheduler of user-level threads: Linux threads are
// these, the kernel sees dispatchers only.
//
// Objects:
//   - Thread: a libOS stack, register save areas and one call's message space.
//   - Dispatcher: this process's presence on one CPU (its page, to which GS points,
//     is shared with the kernel), with a run queue and a heap of timers. Most
//     processes have one. Another is added when threads have waited while a CPU
//     had none, or a thread's affinity asks for it; idle ones steal.
//   - Queue: threads that wait for one thing. Seq: a sequence counter with waiters,
//     for "something may have changed, look again". Mutex: blocks the thread only.
//   - Timer: a time in a dispatcher's heap with a function.
//
// Which of the ready threads runs: turn.go.
//
// Two modes. Disabled: no upcall but Trap comes, and the code stays on its
// dispatcher; at most some 2,000 instructions, no user memory that may have to be
// fetched, no blocking but through Park and Invoke. Enabled: preemptible, and
// perhaps on another dispatcher at the next instruction: what current answered
// holds while disabled only. SpinLock disables while held; a Mutex may be held
// enabled and across blocking calls.
//
// Lock order: Mutex -> Queue or Seq lock -> the lock of one dispatcher's timers or
// of one run queue. Spin locks of one kind are not nested. A spin lock's holder
// never blocks. A thread's state has no lock: see Thread.word and park.go.
//
// Dispatchers write only their own records, but for the words said to be shared.
// One makes another look by a poke (NPoke), at most one at a time: after pushing a
// thread to its queue, setting a work bit of the thread that it runs, or raising
// the barrier of fork. A dispatcher that goes idle says so before it looks at the
// others' queues a last time; who makes a thread ready queues it before looking
// for idle ones.
//
// A server call (Invoke) blocks the thread, not the process. Servers never wait:
// to wait for one's state, watch the channel's Seq, call (which arms the
// notification), and WaitWatched if the answer was "not yet".
package user
