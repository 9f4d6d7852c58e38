package proc

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/linuxapi/entry"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/mm"
	"go42/linuxapi/native"
	"go42/linuxapi/signal"
	"go42/linuxapi/thread"
	"go42/sched/user"
)

// Start serves the first upcall of a process (user.BootHook), on the scheduler
// stack; the scheduler then finds the first thread ready.
func Start(reason, arg uint64) {
	switch reason {
	case abi.RunModule:
		startModule(arg)
	case abi.RunExec:
		startExec(arg)
	case abi.RunExecID:
		startExecID(arg)
	case abi.RunFork:
		startFork(arg)
	default:
		Die("libOS: entered for no known reason\n")
	}
}

// Die ends a process that cannot be started.
func Die(why string) {
	native.LogString(why)
	native.Exit(signal.SIGKILL)
}

func at[T any](va uint64) *T {
	p := uintptr(va)
	return *(**T)(unsafe.Pointer(&p))
}

// moduleStrings is the argv and environment of a boot module.
var moduleStrings [512]byte

// serverFreeLeast is mm.FreeLeast of servers: pieces of some pages come and go with
// each collection, and CPUs would meet over them at their address space.
const serverFreeLeast = 16 * abi.PageSize

// startModule starts a server from its ELF. GOMAXPROCS is at least the number of
// receivers (DESIGN 13), whatever the CPU count; the memory limit keeps the
// collector of a process that serves everybody modest.
func startModule(size uint64) {
	si := at[abi.StartInfo](abi.ParcelVA)
	Me.Server = si.Rank < abi.RankApp
	if Me.Server {
		thread.DefaultSlack = thread.ServerSlack
	}
	n := 0
	for n < len(si.Name) && si.Name[n] != 0 {
		n++
	}
	copy(Me.Comm[:15], si.Name[:n])
	w := copy(moduleStrings[:], si.Name[:n])
	w++
	stack.Argc = 1
	args := 0
	for i := uint64(0); i < si.NArgs && args < len(si.Args); i++ {
		for args < len(si.Args) && si.Args[args] != 0 {
			moduleStrings[w] = si.Args[args]
			w++
			args++
		}
		args++
		w++
		stack.Argc++
	}
	w += copy(moduleStrings[w:], serverEnv)
	stack.Envc = serverEnvN
	if Me.Server {
		w += copy(moduleStrings[w:], serverMore)
		stack.Envc++
		mm.FreeLeast = serverFreeLeast
	}
	stack.Strs = moduleStrings[:w]
	stack.ExecFn = si.Name[:n]

	name := moduleName
	r, fsize := native.Call2(abi.NModule, uint64(uintptr(unsafe.Pointer(unsafe.StringData(name)))), uint64(len(name)), 0, 0, 0, 0)
	if r < 0 {
		Die("libOS: no boot module\n")
	}
	Me.KPid = at[abi.DispatcherPage](uint64(entry.Page())).KPid
	// Until the process server has said which (to itself it says nothing).
	Me.Pid = int64(uint32(Me.KPid)) + 2
	if Me.Server {
		Limits[rlimitNoFile] = [2]uint64{4096, 4096}
	}
	if e := prog.open(uint64(r), fsize); e != errno.OK {
		Die("libOS: boot module cannot be mapped\n")
	}
	t := thread.First(uint32(Me.Pid))
	t.Name = Me.Comm
	if e := load(t, 0, 0, false); e != errno.OK {
		Die("libOS: boot module cannot be loaded\n")
	}
	native.DropOne(uint64(r))
	if hook.StartServer != nil {
		hook.StartServer()
	}
	installLeaves()
	user.Lazy = !Me.Server
	begin(t)
	t.AddWork(user.WorkBegin)
}

// Begin is what a boot module's first thread does before its program: it asks
// the process server who it is (which cannot ask itself), and init says where it
// describes itself to /proc (its descendants do so at the same place).
func Begin(t *thread.Thread) {
	if wary != 0 {
		beginExecID(t)
		return
	}
	e := RefreshIdentity(t)
	if Me.Server {
		return
	}
	if e != errno.OK {
		Die("libOS: no process server\n")
	}
	t.TID = uint32(Me.Pid)
	t.Publish()
	published()
	if ProcInfo != 0 {
		Server(t).Publish(ProcInfo, uint64(unsafe.Sizeof(*hook.Info)))
	}
}

// ProcInfo is hook.Info's address; the files half sets it.
var ProcInfo uint64

const (
	moduleName = "go42srv"
	serverEnv  = "GOMAXPROCS=10\x00GOTRACEBACK=all\x00GOGC=50\x00PATH=/bbin:/bin:/usr/bin:/usr/sbin:/sbin\x00HOME=/\x00"
	serverEnvN = 5
	// A server's Go runtime says what it can do without (MADV_FREE), rather than have
	// it taken at once and take it again.
	serverMore = "GODEBUG=madvdontneed=0\x00"
)

// begin makes the first thread ready.
func begin(t *thread.Thread) {
	if BeginHook != nil {
		BeginHook(t)
	}
	user.MoveAll(t.CPUs())
	t.StartProgram()
}

// BeginHook lets the signal layer set up the first thread.
var BeginHook func(t *thread.Thread)

// unpack takes from a parcel of n bytes what every exec does, and makes the first
// thread.
func unpack(n uint64) (*Parcel, *thread.Thread) {
	p := at[Parcel](abi.ParcelVA)
	if CheckParcel(p, n) != errno.OK {
		Die("libOS: bad parcel\n")
	}
	Me.KPid = at[abi.DispatcherPage](uint64(entry.Page())).KPid
	setIdentity(&p.Rec)
	Me.Comm = p.Comm
	Limits = p.Limits
	t := thread.First(uint32(Me.Pid))
	t.Name = Me.Comm
	t.Publish()
	t.InheritCPUs(p.Affinity)
	share = min(p.Rec.Share, proto.IdleShare)
	t.Nice, t.Policy = int8(max(min(p.Nice, 19), -20)), uint8(p.Policy)
	setLag(t)
	t.Publish()
	if RestoreSignals != nil {
		RestoreSignals(t, p)
	}
	stack.Argc, stack.Envc = int(p.Argc), int(p.Envc)
	stack.Strs = p.part(p.StrOff, p.StrLen)
	stack.ExecFn = p.part(p.FnOff, p.FnLen)
	return p, t
}

// startExec starts the program that the parcel names.
func startExec(n uint64) {
	p, t := unpack(n)
	Me.Secure = p.Secure != 0
	Me.Personality = p.Personality
	Me.NoNewPrivs = p.NoNewPrivs != 0
	if e := prog.open(p.FCM, p.Size); e != errno.OK {
		native.Exit(signal.SIGKILL)
	}
	if e := load(t, p.InterpFCM, p.InterpSize, Me.Secure); e != errno.OK {
		// The old program is gone: as on Linux, there is only the end.
		native.Exit(signal.SIGSEGV)
	}
	native.DropOne(p.FCM)
	if p.InterpFCM != 0 {
		native.DropOne(p.InterpFCM)
	}
	if hook.SetExe != nil {
		hook.SetExe(p.part(p.ExeOff, p.ExeLen))
	}
	if hook.DecodeParcel != nil {
		hook.DecodeParcel(p.part(p.FilesOff, p.FilesLen), false)
	}
	published()
	native.Unmap(abi.ParcelVA, pageUp(n))
	user.Lazy = true
	installLeaves()
	begin(t)
}

// RestoreSignals and SaveSignals move the signal layer's part of a parcel.
var (
	RestoreSignals func(t *thread.Thread, p *Parcel)
	SaveSignals    func(t *thread.Thread, p *Parcel)
)
