package vfs

import (
	"go42/ipc"
	"go42/ipc/proto"
	"go42/servers/cred"
)

// Ctx is who asks.
type Ctx struct {
	C    *ipc.Call
	Cred *cred.Cred

	fence Dir // of the object that is asked, which those that come of it inherit
}

// Node is a file of any type. Nodes are compared with ==.
type Node interface {
	// Stat describes it; Dev is filled in by vfs.
	Stat(x *Ctx) proto.Stat
	// Place is where the node is: a directory and the name in it. ok is
	// false when it has no name (any more); parent is nil for the root.
	Place() (parent Dir, name string, ok bool)
}

// Dir is a directory. FS.Lock is held (shared at least).
type Dir interface {
	Node
	// Lookup finds a name that is neither "." nor ".."; ENOENT.
	Lookup(x *Ctx, name string) (Node, error)
	// List emits entries with a cookie greater than after, in order, until
	// emit returns false. Cookies 1 and 2 are "." and ".." (made by vfs).
	List(x *Ctx, after uint64, emit func(e Entry) bool) error
}

// Entry is one name in a directory.
type Entry struct {
	Name   string
	Cookie uint64
	Ino    uint64
	Mode   uint32 // type bits
}

// Link is a symbolic link.
type Link interface {
	Node
	Readlink(x *Ctx) (string, error)
}

// MagicLink is a link that is not followed by its text.
type MagicLink interface {
	Link
	// Follow answers a redirect, or a node of the same file system.
	Follow(x *Ctx) (Node, *Redirect, error)
}

// Deferrer is a link whose text the caller may know better: reading it
// answers the redirect, if there is one.
type Deferrer interface {
	Link
	Defer(x *Ctx) *Redirect
}

// Regular is a node with data.
type Regular interface {
	Node
	// Open makes the open file's data; flags are Linux's. Permissions have
	// been checked by the mode bits.
	Open(x *Ctx, flags uint64) (Data, error)
}

// Data is an open file's content.
type Data interface {
	// ReadTo copies bytes at off to out; 0: end of file.
	ReadTo(x *Ctx, off int64, out ipc.Out) (int, error)
	// WriteFrom copies bytes from in to off, or to the end (atEnd); limit is
	// the largest size allowed. end is the offset behind what was written.
	WriteFrom(x *Ctx, off int64, atEnd bool, limit uint64, in ipc.In) (n int, end int64, err error)
}

// Optional interfaces of Data.
type (
	// Mapper has pages to share. writable: who asks may write them.
	Mapper interface {
		Map(writable bool) (size int64, fcm uint64, err error)
	}
	// Allocator is fallocate.
	Allocator interface {
		Allocate(mode uint64, off, n int64, limit uint64) error
	}
	// Holer finds data and holes.
	Holer interface {
		SeekHole(off int64, data bool) (int64, error)
	}
	// Syncer has something behind it that what was written is to reach.
	Syncer interface{ Sync(dataOnly bool) error }
	// Closer hears of the last handle going.
	Closer interface{ Close() }
	// Controller answers ioctl.
	Controller interface {
		Control(x *Ctx, request, arg uint64, in ipc.In, out ipc.Out) (uint64, error)
	}
)

// Change is a change of attributes; nil: as it is.
type Change struct {
	Mode       *uint32
	UID, GID   *uint32
	Atim, Mtim *proto.Time
	Size       *int64
}

// Changer is a node whose attributes can change. Permissions have been
// checked; errors are those of the file system (ENOSPC, EROFS, EPERM).
type Changer interface {
	Change(ch *Change) error
}

// Editor is a directory whose names can change. FS.Lock is held exclusively;
// permissions, and that the name is (not) there, have been checked.
type Editor interface {
	Dir
	// Make makes a node of the type in mode.
	Make(name string, mode uint32, uid, gid uint32, rdev uint64, target string) (Node, error)
	// Temp makes a regular file without a name (O_TMPFILE).
	Temp(mode uint32, uid, gid uint32) (Node, error)
	// Attach gives an existing node a (further) name.
	Attach(name string, n Node) error
	// Detach takes a name away.
	Detach(name string) error
	// Empty: there are no names but "." and "..".
	Empty() bool
	// Move renames within the file system, replacing what to names; exchange
	// swaps the two.
	Move(name string, to Editor, toName string, exchange bool) error
}

// Redirect says that a walk has left the file system (proto.Redirect values).
type Redirect struct {
	Kind int64
	Path string
}
