package abi

// Native calls as an ordinary program makes them (SysNative+n): its libOS
// blocks the thread, and hands out what the dispatcher page would hold.
//
//	NInvoke (handle, method, *Message, *ReturnMessage) -> 0: the reply is in
//	        *ReturnMessage (Status and all); -errno: the call was not made.
//	NReply  (record, status, *Message or 0, flags, *CallMessage): replies if
//	        record is not 0 (a caller that has died meanwhile is no error); with
//	        ReplyReceive the thread then parks until there is something to
//	        receive, which is in *CallMessage when the call returns 0.
//
// What is received is a call (Record != 0), or an event: Record 0, Method
// CallEvent, Args[0] the Event bits that have come (EventLasts, EventExits,
// EventNotify), Args[1] the notification channels (with EventNotify; ChanIRQ
// bits and all those that the libOS does not use itself), Args[2] the index of
// the dispatcher that they came to, which NNextLast asks for. Events that come
// while no receiver is parked wait for the next one. One receiver gets an
// event; it pulls until EAGAIN.
const CallEvent = 0xffff_ffff

// HandleInfo is NHandleInfo's answer in memory (second argument, 0: not
// wanted). Server and Object are filled in only for the server of the object.
type HandleInfo struct {
	Leaves uint64 // leaf instances that hold the slot; 1: exclusive
	Mine   uint64 // 1: the caller is the object's server
	Object uint64 // then: its id
}
