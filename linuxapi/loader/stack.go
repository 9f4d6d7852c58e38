package loader

import "go42/linuxapi/errno"

// Auxiliary vector types.
const (
	AT_NULL         = 0
	AT_PHDR         = 3
	AT_PHENT        = 4
	AT_PHNUM        = 5
	AT_PAGESZ       = 6
	AT_BASE         = 7
	AT_FLAGS        = 8
	AT_ENTRY        = 9
	AT_UID          = 11
	AT_EUID         = 12
	AT_GID          = 13
	AT_EGID         = 14
	AT_PLATFORM     = 15
	AT_HWCAP        = 16
	AT_CLKTCK       = 17
	AT_SECURE       = 23
	AT_RANDOM       = 25
	AT_HWCAP2       = 26
	AT_EXECFN       = 31
	AT_SYSINFO_EHDR = 33
	AT_MINSIGSTKSZ  = 51
	maxAux          = 24
)

// Aux is the auxiliary vector under construction.
type Aux struct {
	n int
	v [maxAux][2]uint64
}

// Add appends one pair.
func (a *Aux) Add(typ, val uint64) {
	if a.n < maxAux {
		a.v[a.n] = [2]uint64{typ, val}
		a.n++
	}
}

// Stack is the initial stack of a program: strings at the top, then platform and
// random bytes, then auxv, envp, argv, argc, as the System V ABI has it. Memory
// is written through Put functions so that the layout can be tested.
type Stack struct {
	Top    uint64 // end of the stack region
	Strs   []byte // argc+envc NUL-terminated strings: arguments, then environment
	Argc   int
	Envc   int
	ExecFn []byte // without NUL
	Random [16]byte
	Aux    *Aux

	// Results.
	SP                         uint64
	ArgLo, ArgHi, EnvLo, EnvHi uint64
	AuxLo, AuxHi               uint64
	WordsLo                    uint64
}

const platform = "x86_64"

// Writer puts bytes and words into the new program's memory.
type Writer interface {
	Bytes(addr uint64, b []byte) bool
	Word(addr uint64, v uint64) bool
}

// Size is how many bytes Build needs at most.
func (s *Stack) Size() uint64 {
	return uint64(len(s.Strs)) + uint64(len(s.ExecFn)) + 1 + 16 + 32 + uint64(s.Argc+s.Envc+4)*8 + maxAux*16 + 64
}

// Build writes the stack. EFAULT if memory could not be written.
func (s *Stack) Build(w Writer) errno.Errno {
	p := s.Top - 8
	ok := w.Word(p, 0)
	p -= uint64(len(s.ExecFn)) + 1
	fn := p
	ok = ok && w.Bytes(p, s.ExecFn) && w.Bytes(p+uint64(len(s.ExecFn)), zero[:1])
	p -= uint64(len(s.Strs))
	strs := p
	ok = ok && (len(s.Strs) == 0 || w.Bytes(p, s.Strs))
	p -= uint64(len(platform) + 1)
	plat := p
	ok = ok && w.Bytes(p, platBytes[:])
	p = (p - 16) &^ 15
	rnd := p
	ok = ok && w.Bytes(p, s.Random[:])

	s.Aux.Add(AT_RANDOM, rnd)
	s.Aux.Add(AT_EXECFN, fn)
	s.Aux.Add(AT_PLATFORM, plat)
	s.Aux.Add(AT_NULL, 0)
	words := 1 + s.Argc + 1 + s.Envc + 1 + 2*s.Aux.n
	p = (p - uint64(words)*8) &^ 15
	s.SP = p
	s.WordsLo = p
	ok = ok && w.Word(p, uint64(s.Argc))
	p += 8
	// The pointers: one walk over the strings.
	at, i := strs, 0
	s.ArgLo = at
	for n := 0; n < s.Argc+s.Envc; n++ {
		if n == s.Argc {
			ok = ok && w.Word(p, 0)
			p += 8
			s.ArgHi, s.EnvLo = at, at
		}
		ok = ok && w.Word(p, at)
		p += 8
		for i < len(s.Strs) && s.Strs[i] != 0 {
			i++
		}
		i++
		at = strs + uint64(i)
	}
	if s.Envc == 0 {
		ok = ok && w.Word(p, 0)
		p += 8
		s.ArgHi, s.EnvLo = at, at
	}
	s.EnvHi = at
	ok = ok && w.Word(p, 0)
	p += 8
	s.AuxLo = p
	for i := 0; i < s.Aux.n; i++ {
		ok = ok && w.Word(p, s.Aux.v[i][0]) && w.Word(p+8, s.Aux.v[i][1])
		p += 16
	}
	s.AuxHi = p
	if !ok {
		return errno.EFAULT
	}
	return errno.OK
}

var (
	zero      [1]byte
	platBytes = [7]byte{'x', '8', '6', '_', '6', '4', 0}
)
