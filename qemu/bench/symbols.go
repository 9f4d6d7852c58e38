package bench

import (
	"cmp"
	"debug/elf"
	"slices"
	"strconv"
	"strings"
)

// Symbols names addresses.
type Symbols struct {
	list []symbol
}

type symbol struct {
	addr, end uint64 // end 0: not known
	name      string
}

// ELFSymbols reads the functions of an ELF file.
func ELFSymbols(file string) (*Symbols, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	s := &Symbols{}
	for _, y := range all {
		if elf.ST_TYPE(y.Info) == elf.STT_FUNC && y.Value != 0 {
			s.list = append(s.list, symbol{y.Value, y.Value + y.Size, y.Name})
		}
	}
	s.sort()
	return s, nil
}

// Kallsyms reads lines as /proc/kallsyms has them.
func Kallsyms(lines []string) *Symbols {
	s := &Symbols{}
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) < 3 || len(f[1]) != 1 || !strings.Contains("tTwW", f[1]) {
			continue
		}
		a, err := strconv.ParseUint(f[0], 16, 64)
		if err != nil || a == 0 {
			continue
		}
		s.list = append(s.list, symbol{a, 0, f[2]})
	}
	s.sort()
	return s
}

func (s *Symbols) sort() {
	slices.SortStableFunc(s.list, func(a, b symbol) int { return cmp.Compare(a.addr, b.addr) })
}

// Address finds a symbol by name; 0: none.
func (s *Symbols) Address(name string) uint64 {
	for _, y := range s.list {
		if y.name == name {
			return y.addr
		}
	}
	return 0
}

// Name is the symbol at an address, or "" where there is none.
func (s *Symbols) Name(pc uint64) string {
	i, exact := slices.BinarySearchFunc(s.list, pc, func(y symbol, pc uint64) int { return cmp.Compare(y.addr, pc) })
	if !exact {
		i--
	}
	if i < 0 || s.list[i].end != 0 && pc >= max(s.list[i].end, s.list[i].addr+1) {
		return ""
	}
	return s.list[i].name
}

// Who runs instructions.
type Who int

const (
	Kernel Who = iota
	LibOS      // of the program's process
	ServerLibOS
	Server
	VDSO // Linux's; Go42's is part of the libOS
	Program
	numWho
)

func (w Who) String() string {
	return [...]string{"kernel", "libOS", "libOS of servers", "servers", "vDSO", "program"}[w]
}

// libOSLow is the first address that is not the program's: on Go42 the libOS's
// half (ipc/abi), on Linux, whose static programs lie far below, the vDSO.
const libOSLow = 0x7e00_0000_0000

// vdsoSize is more than either system's vDSO has.
const vdsoSize = 16 << 10

// spaces says which address spaces are known to be whose. A server lives as
// long as the machine, so that its CR3 is never another's.
type spaces struct {
	linux bool
	call  uint64 // address of the libOS's Call entry, which only servers are entered at
	// startFork is where a forked child begins in its libOS; 0: not known.
	startFork uint64
	servers   map[uint64]bool // have been entered there
	programs  map[uint64]bool // have executed the bench program's text, before an exec perhaps
	vdso      uint64          // address of the vDSO in the operation's process; 0: not known
	others    Who             // whose all the others are taken to be: Program or Server
}

func newSpaces(linux bool, call uint64) *spaces {
	return &spaces{linux: linux, call: call, servers: map[uint64]bool{}, programs: map[uint64]bool{}, others: Server}
}

// who tells whose instruction a site is.
func (k *spaces) who(s site) Who {
	if s.ring == 0 {
		return Kernel
	}
	if k.vdso != 0 && s.pc >= k.vdso && s.pc < k.vdso+vdsoSize {
		return VDSO
	}
	if k.linux {
		if s.pc >= libOSLow {
			return VDSO
		}
		return Program
	}
	server := k.servers[s.space] || !k.programs[s.space] && k.others == Server
	switch {
	case s.pc >= libOSLow && server:
		return ServerLibOS
	case s.pc >= libOSLow:
		return LibOS
	case server:
		return Server
	}
	return Program
}

// split counts a trace by who ran it.
func (k *spaces) split(t *trace) (n [numWho]uint64) {
	for s, c := range t.sites {
		n[k.who(s)] += c
	}
	return n
}
