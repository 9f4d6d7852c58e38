// Package ppc is the kernel's side of IPC: the protected procedure call.
//
// A call goes through a slot of the caller's handle set, carries the caller's
// badge as the kernel knows it, and crosses by hand-off on the same CPU when
// the callee can take it; otherwise its record waits. Nobody waits in the
// kernel: the caller's dispatcher is clean from the moment of the call, and a
// server never waits for a client (DESIGN section 7; k42-background.txt on
// badges and on not blocking).
//
// Invariants: a record is reachable from its caller until the reply has been
// seen or the caller is dead, and from its callee until it has been replied
// to or the callee is dead; whichever comes last frees it. Calls go downward
// in rank only, so no cycle of servers can wait for itself.
//
//	message.go  what is taken from the sender's memory, handles in flight
//	call.go     NInvoke, and how a call and a reply reach their dispatchers
//	reply.go    NReply, the copies of bulk data
//	abandon.go  the calls of one that dies or resets
//	store.go    the pools; handles that the kernel makes
//	revoke.go   the grants of an object
//
// Locking: package call has the rule for records. Invoke and Reply hold the
// callee's endpoint, for a moment the caller's too, and below them a process's
// lock for its handles.
package ppc
