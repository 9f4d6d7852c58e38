package abi

// DispatcherPage is the page shared by the kernel and one dispatcher's libOS.
// The kernel reaches it through the direct map and trusts nothing in it.
// Offsets are fixed (the Off constants below are used by assembly; a test
// checks them against unsafe.Offsetof).
type DispatcherPage struct {
	Self     uint64    // 0x000 own user address
	Disabled uint32    // 0x008 1: no upcall but Trap
	Index    uint32    // 0x00c dispatcher number in the process
	Pending  uint64    // 0x010 Event bits, set by the kernel (atomic OR), cleared by the libOS
	SvcSP    uint64    // 0x018 stack pointer that SVC starts on (the current thread's libOS stack)
	SchedSP  uint64    // 0x020 stack pointer that Run, Event, Fault, Call, Return start on
	TrapSP   uint64    // 0x028 stack pointer that Trap starts on
	Notify   uint64    // 0x030 notification channels, set by the kernel, cleared by the libOS
	Accept   uint32    // 0x038 number of parked receivers (server): a Call upcall may be made
	InTrap   uint32    // 0x03c set by the kernel at Trap, cleared by the libOS when Trap is done
	Deadline uint64    // 0x040 monotonic ns of the earliest libOS timer, 0: none; read at SetTimer and at yield, invoke and reply with receive, refused ones too
	CPU      uint32    // 0x048 CPU this dispatcher runs on, written at each upcall
	Runnable uint32    // 0x04c nonzero: other user threads can run (read when the dispatcher becomes clean)
	KPid     uint64    // 0x050 kernel process id (badge id), written by the kernel
	CPUTime  Stopwatch // 0x058 what this dispatcher has used of the CPU; written by the kernel
	Lag      uint32    // 0x060 nice steps by which the thread that runs is behind its process: what runs now is charged so much more. Written by the libOS
	_        uint32
	_        [3]uint64
	Private  [16]uint64 // 0x080 the libOS's own

	Svc   SvcSave // 0x100
	_     [4]uint64
	Event SaveArea // 0x140 interrupted context at Event and Fault
	_     [6]uint64
	Trap  TrapSave // 0x200
	_     [8]uint64

	Call   CallMessage   // 0x300 filled by the kernel before Call (or TakeCall returns 0)
	Return ReturnMessage // filled by the kernel before Return (or NextReturn returns 0)

	// Out is a place for the message of a call or reply: given its address, the
	// kernel reads it without a walk of page tables, and copies it once.
	Out Message
}

// Offsets within DispatcherPage for assembly.
const (
	OffSelf     = 0x000
	OffDisabled = 0x008
	OffPending  = 0x010
	OffSvcSP    = 0x018
	OffSchedSP  = 0x020
	OffTrapSP   = 0x028
	OffNotify   = 0x030
	OffAccept   = 0x038
	OffInTrap   = 0x03c
	OffCPU      = 0x048
	OffPrivate  = 0x080
	OffSvc      = 0x100
	OffEvent    = 0x140
	OffTrap     = 0x200
	OffCall     = 0x300
	OffReturn   = 0x300 + 0x1c8
	OffOut      = OffReturn + 0x168
)

// SvcSave is what the kernel's reflection path saves; all other registers
// reach SVC as the program left them (RCX and R11 are clobbered, as the
// syscall instruction does).
type SvcSave struct {
	RIP, RFLAGS, RSP, RAX uint64
}

// SaveArea is a ring-3 register context (no vector state, no FS base: those
// stay in the processor).
type SaveArea struct {
	R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8, RAX, RCX, RDX, RSI, RDI uint64
	RIP, RFLAGS, RSP                                                        uint64
} // 0x90 bytes

// TrapSave is the context and the reason of a Trap upcall.
type TrapSave struct {
	SaveArea
	Vector      uint64 // processor exception vector
	Error       uint64 // error code
	Addr        uint64 // CR2 for page faults
	Why         uint64 // TrapMapErr, TrapAccErr, TrapBus, TrapOOM for page faults
	WasDisabled uint64 // DispatcherPage.Disabled before the trap
	WasInExit   uint64 // reserved
}

// TrapSave.Why for vector 14.
const (
	TrapMapErr = 1 // no region there: SEGV_MAPERR
	TrapAccErr = 2 // the region forbids it: SEGV_ACCERR
	TrapBus    = 3 // beyond the end of the FCM: SIGBUS, BUS_ADRERR
	TrapOOM    = 4 // no frame within the account
)

// Upcall entries. mkimage finds the symbols go42/linuxapi/entry.<name> in
// the libOS image: Svc, Event, Run, Call, Return, Fault, Trap; and the
// restartable exit range go42/linuxapi/entry.ExitLo / ExitHi.
const (
	EntrySvc = iota
	EntryEvent
	EntryRun
	EntryCall
	EntryReturn
	EntryFault
	EntryTrap
	NumEntries
)

// RDI at the Run upcall says why; RSI is its argument.
const (
	RunResume = iota // scheduled again from the clean state
	RunModule        // first run of a boot module: RSI = module size; ELF at ModuleVA, StartInfo parcel at ParcelVA
	RunExec          // after Reset: RSI = parcel length
	RunFork          // first run of a forked child: RSI = argument of ProcessStart
	RunThread        // first run of a further dispatcher of the process
	RunExecID        // as RunExec, after a Reset that changed the credentials (NExecCred): nothing that the parcel says of who this is, what it runs or where names begin is to be believed
)

// Event bits in DispatcherPage.Pending.
const (
	EventTimer   = 1 << 0  // Deadline passed
	EventNotify  = 1 << 1  // a bit in Notify is set
	EventYield   = 1 << 2  // soft preemption: yield in a clean state soon
	EventCall    = 1 << 3  // a call record waits: TakeCall
	EventReturn  = 1 << 4  // a reply waits: NextReturn
	EventFault   = 1 << 5  // a page has come
	EventStopped = 1 << 6  // resumed after a suspend (SIGCONT)
	EventExits   = 1 << 7  // process manager: NextExit has something
	EventLasts   = 1 << 8  // server: NextLast has something
	EventPages   = 1 << 10 // server: NNextPage has something
	EventPoke    = 1 << 9  // another dispatcher of the process has work, or a word, for this one
)

// Notification channels (bits of DispatcherPage.Notify). A server is told the
// channel with the call that arms it; these are the libOS's assignments.
const (
	ChanProc  = 0 // process server: signals, children, stops
	ChanPipe  = 1
	ChanTTY   = 2
	ChanSock  = 3
	ChanFile  = 4
	ChanDev   = 5
	ChanVfork = 6 // kernel: the child that shares this program half has reset or died
	ChanIRQ   = 8 // 8..15: interrupts attached by drivers (IRQAttach)
	ChanMount = 7
	ChanFutex = 16 // process server: somebody who waits for a shared word is woken
)
