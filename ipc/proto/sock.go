package proto

// Sock is the root object of the socket server (service "sock"): local
// (AF_UNIX) sockets, and AF_INET and AF_INET6 ones over the loopback interface.
// Sockets answer File (Read and Write are recv and send without flags) and
// SockEnd. typ: SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5, plus the address
// family times 256 (0: AF_UNIX).
//
//ipc:base 7
type Sock interface {
	Socket(typ uint64, flags uint64) (ino uint64, obj Handle, st Status)
	Pair(typ uint64, flags uint64) (ino uint64, a Handle, b Handle, st Status)
}

// SockEnd is what a socket answers beyond File. A local name is what follows the
// family in struct sockaddr_un: a path, or bytes that begin with zero. For a
// path, node is an O_PATH handle of the socket's inode: it, not the path, is
// the address. An internet name is the port (two bytes, high one first) and the
// address (4 or 16 bytes).
//
//ipc:base 9
type SockEnd interface {
	// Bind gives the socket a name; an empty one asks for an abstract name of
	// the server's choice.
	Bind(name string, node Give) (st Status)
	Listen(backlog uint64) (st Status)
	Connect(name string, wait uint64, node Give) (st Status)
	Accept(flags uint64, wait uint64) (ino uint64, obj Handle, st Status)
	// Name writes the socket's own name, or its peer's.
	Name(peer uint64, buf Out) (n uint64, st Status)
	// Shutdown; how: SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2.
	Shutdown(how uint64) (st Status)
	// Option reads, and with set != 0 sets, an option of one word: the option's
	// number plus 65536 times its level, which for SOL_SOCKET counts as 0.
	Option(option uint64, set uint64, value uint64) (res uint64, st Status)
	// PeerCred: who connected, listened or made the pair.
	PeerCred() (pid uint64, uid uint64, gid uint64, st Status)
	// Send sends to the peer, or to name. aux.N files travel: h0, h1, h2 are their
	// handles. flags: MSG_ flags.
	Send(name string, flags uint64, wait uint64, aux *SockAux, buf In, node Give, h0 Give, h1 Give, h2 Give) (size uint64, state uint64, st Status)
	// Recv receives; full is the message's length (more than size: cut).
	Recv(flags uint64, wait uint64, buf Out, name Out) (size uint64, state uint64, full uint64, nameLen uint64, aux *SockAux, h0 Handle, h1 Handle, h2 Handle, st Status)
}

// SockFiles is how many files one message can carry.
const SockFiles = 3

// SockAux travels beside the bytes of a message. Pid, UID, GID are the
// server's word (receiving, valid if HasCred); File is the sender's: what its
// libOS knows of each file, checked by the receiver's.
type SockAux struct {
	N, HasCred    uint32
	Pid, UID, GID uint32
	EOR           uint32
	File          [SockFiles]SockFile
}

// SockFile describes a file in flight.
type SockFile struct {
	Kind, Flags, Mode, HasHandle uint32
	Rdev, Mount                  uint64
}
