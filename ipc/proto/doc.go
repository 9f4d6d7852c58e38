// Package proto declares what servers can be asked: one Go interface a kind
// of object. Both sides' stubs are generated from these declarations
// (go generate ./ipc/proto): ipc/client for callers, ipc/server for servers.
// The package holds interfaces, constants and plain structs only; the libOS,
// which is freestanding, compiles it too.
//
// # How a method travels
//
//   - integers (uint64, int64, uint32, int32): argument words, in order, at most
//     abi.MaxArgs of them;
//   - a pointer to a struct of fixed layout: copied into Data (8-aligned) first;
//   - string: inline in Data after the struct, as a 16-bit length and the
//     bytes; one that does not fit has length 0xffff and travels as an In
//     range behind the declared ones;
//   - In, Out: memory of the caller that the server copies from or to while
//     the call lasts;
//   - Give: a handle that the caller hands to the server (client side:
//     abi.Grant; server side: the new handle).
//
// Results: integers in order in Args; one pointer to a struct: Data; Handle:
// a grant; and last of all the Status. Results are sent whatever the status.
//
// A method's number is the interface's base (the //ipc:base line) << 8 plus
// its place in the declaration, from 1. New methods go at the end.
//
// # Status
//
// Negative: -errno of Linux. Zero or positive: success; FileSystem methods
// answer the Redirect values when the walk leaves the file system.
//
// # Waiting
//
// No method blocks. One that has a parameter wait answers -EAGAIN when it
// would have to; with wait != 0 the server then notifies the caller once on
// channel wait-1 when asking again makes sense.
package proto

//go:generate go run go42/ipc/stubgen

// Status is the outcome of a method: >= 0, or -errno.
type Status = int64

// In is a range of the caller's memory that the server copies from.
type In struct {
	Addr, Len uint64
	// Near: if it is short and the method's only range, it travels in the message.
	// The memory is there.
	Near bool
}

// Out is a range of the caller's memory that the server copies to.
type Out struct {
	Addr, Len uint64
	Near      bool // see In
}

// Handle is a handle granted with a reply: a slot of the caller; 0: none.
type Handle = uint64

// Give is a handle that goes with a call.
type Give struct{ Kind, Value uint64 }

// Wait makes a wait argument of a notification channel.
func Wait(channel uint64) uint64 { return channel + 1 }

// WaitOver is File.SetLock's wait of a caller that does not wait any more.
const WaitOver = 1<<64 - 1

// Method bases.
const (
	BaseProc       = 1
	BaseMount      = 2
	BaseFileSystem = 3
	BaseFile       = 4
	BasePipe       = 5
	BaseTTY        = 6
	BaseSock       = 7
	BasePipeEnd    = 8
	BaseSockEnd    = 9
	BaseFileServer = 10
	BasePidFD      = 11
	BaseInotify    = 12
	BaseCounter    = 13
)
