package abi

const (
	MaxData   = 256 // bytes of inline data in a message
	MaxArgs   = 6
	MaxRanges = 4
	MaxGrants = 4
)

// Range flags.
const (
	RangeIn     = 1 // the callee may CopyFrom it
	RangeOut    = 2 // the callee may CopyTo it
	RangeInline = 4 // of the first range: CallInline
)

// Range is a piece of the caller's memory that the callee may copy from or to
// while the call record lives.
type Range struct {
	Addr, Len uint64
	Flags     uint64
}

// Grant kinds, in a call (caller gives to callee) and in a reply.
const (
	GrantNone   = 0
	GrantObject = 1 // a slot for Value, an object id of the granting server's own
	GrantCopy   = 2 // a copy of the granter's own handle Value
	GrantRead   = 3 // a handle on the FCM that the granter's own handle Value names, through which nobody can write or resize it
)

// Grant asks the kernel to fill one slot in the receiver's handle set.
type Grant struct {
	Kind  uint64
	Value uint64
}

// Message is what Invoke and Reply read from the sender's memory.
type Message struct {
	Args    [MaxArgs]uint64 // arguments of a call, results of a reply
	Len     uint32          // bytes used in Data
	NRanges uint32          // calls only
	NGrants uint32
	_       uint32
	Ranges  [MaxRanges]Range
	Grants  [MaxGrants]Grant
	Data    [MaxData]byte
}

// CallMessage is an incoming call as the callee sees it.
type CallMessage struct {
	CallHead
	Data [MaxData]byte
} // 0x1c8 bytes

// CallHead is what comes before the data.
type CallHead struct {
	Record    uint64 // names the call record until it is replied to
	BadgePid  uint64 // kernel process id of the caller, never reused
	BadgeCred uint64 // credential token of the caller (set by the process manager)
	Object    uint64 // the server's own object id
	Method    uint32
	Flags     uint32 // CallInherited, CallInline, CallLasts
	Args      [MaxArgs]uint64
	Len       uint32
	NRanges   uint32
	RangeLen  [MaxRanges]uint64
	Handles   [MaxGrants]uint64 // handles that the caller gave, in the callee's set; 0: none
	_         [5]uint64
}

// CallMessage.Flags.
const (
	// CallInherited: the caller's slot came by fork. It is set at every such
	// call: the server knows whether this badge has rights already.
	CallInherited = 1
	// CallInline: what the first range holds lies at the end of Data; or, if the
	// callee is to fill it, may come back in the reply's Data. It saves the copy's
	// native call and the walks of two page tables.
	CallInline = 2
	// CallLasts: NNextLast has something. Who wants to see what was given up
	// before this call was made pulls first.
	CallLasts = 4
)

// ReturnMessage is a reply as the caller sees it.
type ReturnMessage struct {
	ReturnHead
	Data [MaxData]byte
}

// ReturnHead is what comes before the data.
type ReturnHead struct {
	Tag     uint64 // as given to Invoke
	Status  int64  // >= 0, or -errno
	Args    [MaxArgs]uint64
	Len     uint32
	NGrants uint32
	Handles [MaxGrants]uint64
}
