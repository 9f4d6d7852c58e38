package mm

import "go42/mm/spin"

// PhysRange is a range of physical memory in bytes.
type PhysRange struct{ Base, Size uint64 }

// Hooks reach the processor. All but ShootDown are called on the CPU that they
// concern; nil means nothing to do (host tests).
type Hooks struct {
	InvalidatePage func(va uint64) // invlpg
	FlushAll       func()          // drop all user translations of this CPU
	LoadRoot       func(pa uint64) // CR3
	// ShootDown makes the CPUs of a mask (without this one) forget the pages at
	// va, or their user half if va is nil, before they next run in ring 3. It
	// may wait for CPUs that run in ring 3, never for one in the kernel. It is
	// called with no lock of this package held, and not with two on one CPU.
	ShootDown func(cpus uint64, va []uint64)
}

// Config is what Init needs to know.
type Config struct {
	Usable   []PhysRange // RAM; need not be page aligned, must not overlap
	Reserved []PhysRange // kernel image, boot modules, tables in use: never allocated
	// PhysToVirt is the kernel's address of physical address 0. It must map
	// all Usable memory already (boot tables) when Init runs.
	PhysToVirt uintptr
	Hooks      Hooks

	// Bounds of the pools; 0: derived from the amount of memory.
	MaxSpaces, MaxRegions, MaxFCMs, MaxNodes, MaxAccounts int
}

// mem is the state of the package that no finer object owns. All but the pools,
// which have locks, and cpus is set before the second CPU starts.
var mem struct {
	hooks    Hooks
	zero     uint64 // physical address of the shared zero frame
	rootTmpl uint64 // root table whose upper half every address space gets

	accounts Pool[Account]
	fcms     Pool[FCM]
	nodes    Pool[node]
	regions  Pool[Region]
	halves   Pool[Half]
	spaces   Pool[AddressSpace]
	shards   Pool[shards]

	root *Account
	cpus [maxCPU]perCPU
}

// Init takes over memory. It is called once, before anything else here, with
// all Usable memory mapped at PhysToVirt. It returns ENOMEM when there is too
// little memory for the frame table.
func Init(cfg *Config) Errno {
	setPhysBase(cfg.PhysToVirt)
	mem.hooks = cfg.Hooks
	if e := initFrames(cfg.Usable, cfg.Reserved); e != OK {
		return e
	}
	total := int(frames.managed)
	bound := func(n, def int) int {
		if n > 0 {
			return n
		}
		return def
	}
	mem.fcms.Raw = true         // their locks outlive them
	mem.nodes.Raw = true        // they are empty when they are freed
	mem.nodes.Hoard = 128 << 10 // a fork takes some tens, and a few of the dead wait
	mem.regions.Hoard = 64 << 10
	mem.halves.Raw = true
	mem.rootTmpl, mem.cpus = 0, [maxCPU]perCPU{}
	for i := range work {
		work[i] = workList{}
		work[i].lock.Init(spin.Work)
	}
	pools.n = 0
	mem.accounts.Init("accounts", bound(cfg.MaxAccounts, 64+total/32))
	mem.fcms.Init("FCMs", bound(cfg.MaxFCMs, 256+total/4))
	mem.nodes.Init("page index nodes", bound(cfg.MaxNodes, 256+total/2))
	mem.regions.Init("regions", bound(cfg.MaxRegions, 1024+total/2))
	mem.halves.Init("halves", bound(cfg.MaxSpaces, 64+total/16)*2)
	mem.spaces.Init("address spaces", bound(cfg.MaxSpaces, 64+total/16))
	mem.shards.Init("mapper lists", bound(cfg.MaxFCMs, 64+total/64))
	initPaging(total)
	root, _, ok := mem.accounts.Alloc(nil)
	if !ok {
		return ENOMEM
	}
	root.init(nil)
	mem.root = root
	if mem.zero, ok = AllocFrame(nil, KindKernel); !ok {
		return ENOMEM
	}
	return OK
}

// RootAccount is the account above all others; it has no limits but memory.
func RootAccount() *Account { return mem.root }
