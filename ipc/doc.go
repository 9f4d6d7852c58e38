// Package ipc is what a server is built on: receiving calls, copying from and
// to the caller, granting handles, object ids, notifications that are sent
// once. Servers are ordinary programs; this package makes their native calls.
//
// Objects: Server (the receive loop), Call (one incoming call), Objects (ids
// of what handles name), Waiters (callers to be notified of a change). The
// machine is reached through Kernel: Native in a server, package ipc/loop in
// tests on a host.
//
// Locks: none is held by this package while a handler runs. Waiters belongs
// to the object it is part of and is guarded by that object's lock; notifying
// does not block.
//
// A handler must not wait: what would have to wait answers EAGAIN and arms a
// notification. It may call servers of lower rank.
package ipc
