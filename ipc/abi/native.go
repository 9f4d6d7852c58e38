package abi

// Native calls: the syscall instruction executed inside the libOS's text.
// RAX = number; arguments RDI, RSI, RDX, R10, R8, R9. Result RAX (>= 0 or
// -errno), second result RDX where noted. RCX, R11 and the vector registers
// are clobbered. Handles are slots of the caller's handle set.
//
// A program or server that wants a native call makes the reflected call
// SysNative+number, and its libOS makes the native one (blocking the thread,
// not the process, where the call waits).
const (
	SysNative = 0x4200

	// --- dispatcher ---
	NYield    = 1 // (flags YieldRunnable|0, or YieldKeep or YieldGiveWay): becomes clean. Refused with EAGAIN if Pending != 0. Otherwise does not return.
	NSetTimer = 2 // (): reads DispatcherPage.Deadline

	// --- PPC ---
	NInvoke     = 4  // (handle, method, *Message, tag): an error returns; success leaves the dispatcher clean; the answer comes by Return or EventReturn
	NReply      = 5  // (record, status, *Message or 0, flags ReplyReceive): with ReplyReceive, success leaves the dispatcher clean
	NTakeCall   = 6  // (): moves a waiting call into DispatcherPage.Call; EAGAIN: none
	NNextReturn = 7  // (): moves a waiting reply into DispatcherPage.Return; EAGAIN: none
	NCopyFrom   = 8  // (record, range, offset, dst, len) -> bytes (short: try again at that offset; 0 < want: caller must touch its memory: EFAULT)
	NCopyTo     = 9  // (record, range, offset, src, len) -> bytes
	NNotify     = 10 // (kpid, channel): servers only
	NDrop       = 11 // (*[n]uint64 handles, n)
	NNextLast   = 12 // (index of the dispatcher that had EventLasts; beyond all: of any) -> RDX = object whose last handle has gone; EAGAIN: none
	NHandleInfo = 13 // (handle, *HandleInfo or 0) -> 0 if valid, RDX = leaf count (1: exclusive); the object's server learns the object (HandleInfo)
	NRevoke     = 14 // (object): all slots for this object of the calling server become stale: ESTALE to everything but NDrop. EAGAIN: call again

	// --- process ---
	NFork        = 20 // (flags ForkVfork|0) -> RDX = kpid of a new suspended child; RAX = its process handle. EAGAIN: call again (bounded work); ENFILE: there are as many processes as there can be
	NStart       = 21 // (process handle, argument): lets a forked child run (RunFork, argument)
	NExit        = 22 // (status as in wait(2)): destroys the caller; does not return
	NKill        = 23 // (kpid, status as in wait(2)): process manager, or kpid of an own not yet started child
	NSuspend     = 24 // (kpid): process manager
	NResume      = 25 // (kpid): process manager
	NReset       = 26 // (parcel address, length): exec. Unmaps everything, maps the pristine libOS, RunExec. An error returns with nothing changed. Does not otherwise return
	NProcessInfo = 27 // (kpid, *ProcessInfo)
	NNextExit    = 28 // (*ExitNotice): process manager; EAGAIN: none
	NSetCred     = 29 // (kpid, credential token): process manager
	NReadMemory  = 30 // (kpid, address, dst, len) -> bytes: RoleProc or RoleSee; reads another process's memory
	NSetLimit    = 31 // (which LimitX, value): the calling process's account; raising needs RoleProc or being at start
	NSpawnDisp   = 32 // (cpu, argument) -> index: another dispatcher for this process, on that CPU, begins with RunThread. EINVAL: no such CPU; EAGAIN: abi.MaxDispatchers exist; ENOMEM
	NPoke        = 33 // (index): EventPoke for that dispatcher of this process. ESRCH: none
	NSetRole     = 35 // (kpid): process manager; the process may serve (RoleServer) from now on, with RankUser. EBUSY: it has a rank already
	NExecCred    = 37 // (kpid, credential token + 1; 0: none): process manager; what the process's next NReset makes its credentials (RunExecID)
	NSetNice     = 36 // (kpid, nice value + 20; 40: SCHED_IDLE): process manager; the process's share of the CPU among programs
	NSetOOM      = 38 // (kpid, oom_score_adj + 1000): RoleSee; how readily the process is ended when memory is short
	NRelieve     = 39 // (bytes): servers; what a client asks for is about to be refused, since less is free than that. 0: it need not be, a program is ended or there is room yet; ENOMEM: servers have the memory
	NSetCPU      = 34 // (index, cpu, mask): moves a dispatcher of this process to another CPU; the kernel may move it on to those in mask if the process has no other, 0: it stays. EINVAL: no such CPU, or not in mask; ESRCH: no such dispatcher

	// --- memory ---
	NMap       = 40 // (*MapArgs) -> address
	NUnmap     = 41 // (addr, len)
	NProtect   = 42 // (addr, len, prot)
	NAdvise    = 43 // (addr, len, AdviseX)
	NMove      = 44 // (addr, oldlen, newlen, flags MoveX, newaddr) -> address: mremap
	NQuery     = 45 // (kpid or 0, addr, *RegionInfo): first region that ends above addr; ENOENT: none. Another process's: RoleProc or RoleSee
	NFCMCreate = 46 // (size, FCMX) -> handle
	NFCMResize = 47 // (handle, size)
	NFCMInfo   = 48 // (handle, *FCMInfo)
	NModule    = 49 // (name address, length) -> FCM handle of a boot module ("initramfs", "go42srv"), RDX = size in bytes; servers and init only
	NMincore   = 50 // (addr, len, *byte vector)
	NFCMNext   = 58 // (handle, offset) -> RDX = offset of its first page at or above that is in memory. ENOENT: none

	// --- pagers: servers, on paged objects of their own (FCMPaged) ---
	NNextPage = 51 // (*PageNews): the oldest news of an object of this pager's; EAGAIN: none
	NPageIn   = 52 // (handle, offset, address, len) -> bytes: gives it pages; short: go on there; EAGAIN: memory for them is on its way. Address 0: they cannot be had (SIGBUS)
	NFCMRead  = 53 // (handle, offset, dst, len) -> bytes: short at a page that is not there; EFAULT: dst cannot be accessed
	NFCMWrite = 54 // (handle, offset, src, len) -> bytes: as NFCMRead; the pages become dirty
	NDirty    = 55 // (handle, offset) -> RAX = bytes, RDX = offset: the next dirty pages at or above offset, which are clean from now on; they stay until the next call. 0: none below RDX (DirtyEnd: none at all). EAGAIN: call again
	NSynced   = 56 // (handle, seq, 0 or -errno): the dirty pages are written back, as PageSync of PageNews asked
	NSync     = 57 // (address, ticket) -> 0, or a ticket: anyone; has the pager of what is mapped shared there write it back. With a ticket (0 at first): EventFault comes, then call again with it

	// --- machine ---
	NLog       = 60 // (buf, len): kernel log; EAGAIN: applications have written too much of late
	NDevRead   = 61 // (DevX, buf, len) -> bytes, 0: nothing there: RoleDevice
	NDevWrite  = 62 // (DevX, buf, len) -> bytes
	NIRQAttach = 63 // (DevX, channel): notify the calling process on input, once until NDevRead finds none: RoleDevice
	NPower     = 64 // (PowerX, status): RoleProc
	NRandom    = 65 // (buf, len): kernel's generator
	NSysInfo   = 66 // (*SysInfo)
	NSetWall   = 67 // (offset ns): RoleProc
	NDebug     = 68 // (op, arg): DebugX; ENOSYS unless the kernel is a debug build
	NCPUInfo   = 69 // (number, *CPUInfo); EINVAL: no such CPU
	NumNative  = 72
)

// Flags and small enumerations of native calls.
const (
	YieldRunnable = 1 // other threads can run: back of the run queue instead of idle
	YieldGiveWay  = 4 // as YieldKeep, but behind the next one of its class whatever their shares, and at once if there is none
	YieldKeep     = 2 // back of the run queue with its registers, as if preempted: returns 0 when its turn comes

	ReplyReceive = 1

	ForkVfork = 1 // share the program half with the child

	ProtRead  = 1
	ProtWrite = 2
	ProtExec  = 4

	// MapArgs.Flags
	MapFixed     = 1 << 0 // replace what is there
	MapNoReplace = 1 << 1 // EEXIST if something is there
	MapShared    = 1 << 2 // writes go to the FCM; else private copy-on-write
	MapLibOS     = 1 << 3 // in the libOS half (address 0: kernel chooses there)
	MapPopulate  = 1 << 4
	MapGrowsDown = 1 << 5
	MapNoReserve = 1 << 6
	MapLow       = 1 << 7 // MAP_32BIT
	MapLocked    = 1 << 8 // mlock

	// Inheritance of a region over fork.
	InheritCopy  = 0
	InheritShare = 1
	InheritNone  = 2 // MADV_DONTFORK
	InheritZero  = 3 // MADV_WIPEONFORK
	InheritSfork = 4 // VM_SFORK

	AdviseDontNeed   = 4 // Linux numbers
	AdviseWillNeed   = 3
	AdviseFree       = 8
	AdviseDontFork   = 10
	AdviseDoFork     = 11
	AdviseWipeOnFork = 18
	AdviseKeepOnFork = 19

	AdviseDontNeedLocked = 24    // AdviseDontNeed where pages are locked, too (EINVAL)
	AdviseLock           = 0x100 // clean pages of files stay; counted (ProcessInfo.Locked)
	AdviseUnlock         = 0x101

	MoveMayMove   = 1 // MREMAP_MAYMOVE
	MoveFixed     = 2 // MREMAP_FIXED
	MoveDontUnmap = 4 // MREMAP_DONTUNMAP

	FCMAnon  = 0         // zero-filled, reclaimed never
	FCMFile  = 1         // pages of the calling server's
	FCMPaged = 2         // FCMFile whose pages the server supplies when they are touched (NNextPage); NFCMCreate's third argument is the server's name for it
	DirtyEnd = 1<<64 - 1 // NDirty: there are no further dirty pages

	DevConsole = 0 // COM1: the terminal
	DevControl = 1 // COM2: frames from the host tool
	DevLog     = 2 // debugcon 0xe9: kernel log (write)
	DevOut     = 3 // debugcon 0xea: standard output of `go42 run PROGRAM` (write)
	DevErr     = 4 // debugcon 0xeb: standard error (write)
	DevStatus  = 5 // debugcon 0xec: status reports to the host tool (write)

	PowerOff    = 0 // ends QEMU; status through DevStatus beforehand
	PowerReboot = 1

	LimitAS    = 0 // bytes of address space
	LimitProcs = 1
	LimitData  = 2

	RoleServer = 1 // may receive calls, notify, have rank < RankApp
	RoleProc   = 2 // process manager
	RoleDevice = 4 // may use devices
	RoleSee    = 8 // may look into other processes: their memory and regions
)

// Ranks: a call to an equal or higher rank is EDEADLK.
const (
	RankProc  = 1
	RankMount = 2
	RankFile  = 3
	RankPipe  = 4  // and tty, sockets
	RankDev   = 5  // and proc
	RankUser  = 50 // programs that serve (NSetRole)
	RankApp   = 100
)

// Handles every process starts with.
const (
	HandleProc  = 1 // object 0 of the process server
	HandleMount = 2 // object 0 of the mount-point server
	HandleFree  = 8 // grants fill slots from here on
)

// MapArgs is NMap's argument.
type MapArgs struct {
	Addr    uint64
	Len     uint64
	Prot    uint32
	Flags   uint32
	FCM     uint64 // handle of an FCM; 0: anonymous
	Offset  uint64 // in the FCM, page-aligned
	Inherit uint32
	Pad     uint32
	Name    uint64 // libOS's tag for /proc/PID/maps: shown back by NQuery
}

// RegionInfo is NQuery's answer.
type RegionInfo struct {
	Addr, Len, Offset uint64
	Prot, Flags       uint32
	Inherit, Kind     uint32 // Kind: 0 anonymous, 1 file, 2 shared area, 3 device, 4 libOS image
	Name              uint64
	Resident          uint64 // bytes mapped
	FCMID             uint64
	Shared            uint64 // number of regions of this FCM
}

// FCMInfo is NFCMInfo's answer. Dirty (bytes) and Asked (requests that the pager
// has not answered) are those of a paged object.
type FCMInfo struct {
	Size, Resident, Mappers, Writers uint64
	Dirty, Asked                     uint64
}

// PageNews is NNextPage's answer. A request has Len != 0: the pager answers it
// with NPageIn, for all of it, in one piece or several.
type PageNews struct {
	Object      uint64 // as given to NFCMCreate
	Offset, Len uint64 // pages wanted, in bytes; the first was touched, the others are read ahead. PageSync: Offset is the seq for NSynced
	Flags       uint64 // PageX
}

// PageNews.Flags.
const (
	PageWrite  = 1 // the first page is about to be written
	PageUnused = 2 // the last mapping of the object has gone
	PageSync   = 4 // somebody waits for the dirty pages to be written back: NSynced
)

// StateDying is ProcessInfo.State of a process that has ended: its parent may know,
// while the kernel still works at taking it apart.
const StateDying = 3

// ProcessInfo is NProcessInfo's answer.
type ProcessInfo struct {
	KPid, Parent, Cred     uint64
	State                  uint64 // 0 embryo, 1 running, 2 suspended, 3 dying (StateDying)
	UserNS, SysNS, StartNS uint64
	Resident, Virtual      uint64 // bytes
	Locked                 uint64 // bytes (mlock)
	MinFaults, MajFaults   uint64
	Switches               uint64
	Calls                  uint64 // PPCs made
	Rank                   uint64
	MaxResident            uint64
	OOMAdjust              int64  // -1000 to 1000: see NSetOOM
	OOMScore               int64  // as /proc/PID/oom_score has it
	VforkParent            uint64 // whose program half it shares, and who waits for its end; 0: its own
}

// ExitNotice tells the process manager of a death.
type ExitNotice struct {
	KPid, Parent  uint64
	Status        uint64 // as in wait(2)
	UserNS, SysNS uint64
	MaxResident   uint64
	MinFaults     uint64
	MajFaults     uint64
	Switches      uint64
}

// SysInfo is NSysInfo's answer; sizes in bytes.
type SysInfo struct {
	MemTotal, MemFree, MemKernel, MemAnon, MemFile, MemTables uint64
	Processes, Dispatchers, Records, Leaves                   uint64
	IdleNS, UserNS, SysNS, BootNS                             uint64
	Switches, Interrupts, PPCs, Faults, Forks                 uint64
	MemMapped, MemShared                                      uint64
}

// CPUInfo is NCPUInfo's answer: what one CPU has done since start.
type CPUInfo struct {
	IdleNS, UserNS, SysNS uint64
	Switches, Interrupts  uint64
	PPCs, Faults          uint64
	Runnable              uint64     // dispatchers that run or could
	APIC                  uint64     // the id of its local APIC, which says where it is
	Waited                [16]uint64 // acquisitions of kernel locks that had to wait, by rank - 1 (LockRanks)
}

// Add adds what another CPU has done to i.
func (i *CPUInfo) Add(o *CPUInfo) {
	i.IdleNS += o.IdleNS
	i.UserNS += o.UserNS
	i.SysNS += o.SysNS
	i.Switches += o.Switches
	i.Interrupts += o.Interrupts
	i.PPCs += o.PPCs
	i.Faults += o.Faults
	i.Runnable += o.Runnable
	for r := range i.Waited {
		i.Waited[r] += o.Waited[r]
	}
}

// LockRanks names the ranks of the kernel's locks (mm/spin), outermost first.
var LockRanks = [...]string{"endpoint", "process", "grants", "half", "fcm", "work", "pool", "frame", "device"}

// StartInfo is the parcel of a boot module (RunModule).
type StartInfo struct {
	Name  [32]byte // server name: argv[0]
	NArgs uint64
	Args  [256]byte // NUL-separated
	Role  uint64
	Rank  uint64
}

// Ways for the kernel to end (DebugPanic).
const (
	DebugPanicBounds = iota // a Go panic
	DebugPanicFault         // a page fault in ring 0
	DebugPanicHang          // a loop with interrupts off
	DebugPanicTriple        // a triple fault
)

// Debug operations (NDebug).
const (
	DebugCheck     = 1 // walk all memory structures; 0 or -EUCLEAN
	DebugFree      = 2 // all deferred work is done; RDX = free frames
	DebugProcesses = 3 // RDX = live processes
	DebugPool      = 4 // (index, *[32]byte name): RDX = live entries of that pool; EINVAL: no such pool
	DebugServer    = 5 // (index) RDX = kpid of that process of the boot table; EINVAL: none
	DebugKill      = 6 // (kpid): as by SIGKILL, servers too
	DebugContended = 7 // (rank) RDX = acquisitions of locks of that rank that had to wait; EINVAL: no such rank. 0: the log says where locks were waited for, or changed hands, since the last time
	DebugPanic     = 8 // (DebugPanicX): the kernel's end, for the tests of how it is reported
)
