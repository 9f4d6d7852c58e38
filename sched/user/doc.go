// Package user is the libOS's scheduler of user-level threads: Linux threads are
// these, the kernel sees dispatchers only.
//
// Objects:
//   - Thread: a libOS stack, register save areas and one call's message space.
//   - Dispatcher: this process's presence on one CPU (its page is shared with the
//     kernel). Threads run on any dispatcher; there is one run queue.
//   - Queue: threads that wait for one thing. Seq: a sequence counter with waiters,
//     for "something may have changed, look again". Mutex: blocks the thread only.
//   - Timer: a time in the dispatcher's heap with a function.
//
// Two modes. Disabled: no upcall but Trap comes; at most some 2,000 instructions,
// no user memory that may have to be fetched, no blocking but through Park and
// Invoke. Enabled: preemptible. SpinLock disables while held; a Mutex may be held
// enabled and across blocking calls.
//
// Lock order: Mutex -> Queue or Seq lock -> timer lock -> scheduler lock. Spin
// locks of one kind are not nested. A spin lock's holder never blocks.
//
// A server call (Invoke) blocks the thread, not the process. Servers never wait:
// to wait for one's state, watch the channel's Seq, call (which arms the
// notification), and WaitWatched if the answer was "not yet".
package user
