package bench

import "bytes"

// site is one instruction in one address space.
type site struct {
	space uint64 // CR3; 0: before the first change that was logged
	pc    uint64
	ring  uint8
}

// trace is what QEMU's log says was executed. Between the first and the last
// mark it counts each site; without a mark address it counts everything.
type trace struct {
	mark    uint64 // address of the marking instruction, or 0
	marks   int
	sites   map[site]uint64 // between marks
	total   uint64
	pending map[site]uint64 // since the last mark
	npend   uint64
	known   *spaces
	call    uint64     // address of the libOS's Call entry, or 0
	watch   func(site) // sees each step, if not nil

	space uint64
	last  site
}

func newTrace(mark uint64, known *spaces) *trace {
	return &trace{mark: mark, sites: map[site]uint64{}, pending: map[site]uint64{}, known: known, call: known.call}
}

// write takes whole lines of QEMU's log:
//
//	Trace 0: 0x7f... [CSBASE/PC/FLAGS/CFLAGS] SYMBOL
//	Stopped execution of TB chain before 0x7f... [PC] SYMBOL   (the Trace before did not happen)
//	CR3 update: CR3=...
func (t *trace) write(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n') + 1
		if i > 1 {
			t.line(b[:i])
		}
		b = b[i:]
	}
}

func (t *trace) line(l []byte) {
	switch l[0] {
	case 'T':
		i := bytes.IndexByte(l, '[')
		if i < 0 {
			return
		}
		l = l[i+1:]
		i = bytes.IndexByte(l, '/')
		if i < 0 {
			return
		}
		pc, rest := hex(l[i+1:])
		if len(rest) == 0 || rest[0] != '/' {
			return
		}
		flags, _ := hex(rest[1:])
		t.step(site{t.space, pc, uint8(flags & 3)}) // HF_CPL
	case 'S':
		if bytes.HasPrefix(l, []byte("Stopped")) {
			t.undo()
		}
	case 'C':
		if i := bytes.Index(l, []byte("CR3=")); i >= 0 {
			t.space, _ = hex(l[i+4:])
		}
	}
}

func hex(l []byte) (v uint64, rest []byte) {
	for i, c := range l {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return v, l[i:]
		}
	}
	return v, nil
}

// step counts one instruction.
func (t *trace) step(s site) {
	t.last = s
	if s.ring == 3 && s.space != 0 {
		if s.pc == t.call && t.call != 0 {
			t.known.servers[s.space] = true
		} else if s.pc >= textLow && s.pc < textHigh || s.pc == t.known.startFork {
			t.known.programs[s.space] = true
		}
	}
	if t.watch != nil {
		t.watch(s)
	}
	if t.mark == 0 {
		t.sites[s]++
		t.total++
		return
	}
	if s.pc == t.mark && s.ring == 3 {
		if t.marks++; t.marks > 1 {
			for k, n := range t.pending {
				t.sites[k] += n
			}
			t.total += t.npend
		}
		clear(t.pending)
		t.npend = 0
	}
	if t.marks > 0 {
		t.pending[s]++
		t.npend++
	}
}

// undo takes back the last step: QEMU stopped before it.
func (t *trace) undo() {
	if t.mark != 0 {
		if t.pending[t.last] > 0 {
			t.pending[t.last]--
			t.npend--
			if t.last.pc == t.mark && t.marks > 0 {
				t.marks--
			}
		}
	} else if t.sites[t.last] > 0 {
		t.sites[t.last]--
		t.total--
	}
}
