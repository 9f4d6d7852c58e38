package tty

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

var update = flag.Bool("update", false, "record what the host's pseudo-terminals do in testdata/linux.json")

// ldCase is typed input and program output under some settings.
type ldCase struct {
	Name string
	Set  func(t *termios)
	Ops  []ldOp
	Read int // bytes a read asks for; 0: 100
}

// ldOp types (T), writes as a program (W), or changes settings (S).
type ldOp struct {
	T, W string
	S    func(t *termios)
}

// ldResult is what came of it: what the device got, and what each read got
// until there was nothing (or nothing but ends of file).
type ldResult struct {
	Out     string
	Reads   []string
	Pending int // FIONREAD before the reads
}

func typed(s string) []ldOp   { return []ldOp{{T: s}} }
func written(s string) []ldOp { return []ldOp{{W: s}} }

func raw(t *termios) {
	t.iflag, t.oflag, t.lflag = 0, 0, 0
}

func ldCases() []ldCase {
	none := func(t *termios) {}
	lf := func(on, off uint32) func(t *termios) {
		return func(t *termios) { t.lflag = t.lflag&^off | on }
	}
	inf := func(on, off uint32) func(t *termios) {
		return func(t *termios) { t.iflag = t.iflag&^off | on }
	}
	of := func(on, off uint32) func(t *termios) {
		return func(t *termios) { t.oflag = t.oflag&^off | on }
	}
	long := strings.Repeat("x", 4090)
	cs := []ldCase{
		{"line", none, typed("hello\n"), 0},
		{"two lines", none, typed("one\ntwo\n"), 0},
		{"unfinished", none, typed("abc"), 0},
		{"short reads", none, typed("abcdef\n"), 3},
		{"carriage return", none, typed("ab\rcd\r"), 0},
		{"erase", none, typed("abx\x7fc\n"), 0},
		{"erase at start", none, typed("\x7f\x7fa\n"), 0},
		{"erase control", none, typed("a\x01\x7fb\n"), 0},
		{"erase no echoctl", lf(0, lECHOCTL), typed("a\x01\x7fb\n"), 0},
		{"erase tab", none, typed("ab\tc\x7f\x7fd\n"), 0},
		{"erase tab after prompt", none, []ldOp{{W: "$ "}, {T: "a\t\x7fb\n"}}, 0},
		{"erase tab after tab", none, typed("\t1\t\x7f\x7f\x7f2\n"), 0},
		{"erase tab after control", none, typed("\x02\t\x7fz\n"), 0},
		{"erase without echoe", lf(0, lECHOE), typed("abc\x7fd\n"), 0},
		{"erase utf8", inf(iIUTF8, 0), typed("aé\x7f→\x7fb\n"), 0},
		{"erase bytes", none, typed("aé\x7fb\n"), 0},
		{"werase", none, typed("foo bar  baz\x17\x17new\n"), 0},
		{"werase punct", none, typed("a.b_c!!\x17d\n"), 0},
		{"kill", none, typed("abc\x15def\n"), 0},
		{"kill without echoke", lf(0, lECHOKE), typed("abc\x15def\n"), 0},
		{"kill without echok", lf(0, lECHOK), typed("abc\x15def\n"), 0},
		{"kill no echo", lf(0, lECHO), typed("abc\x15def\n"), 0},
		{"echoprt", lf(lECHOPRT, 0), typed("abc\x7f\x7fde\x17f\n"), 0},
		{"echoprt all", lf(lECHOPRT, 0), typed("ab\x7f\x7f\n"), 0},
		{"lnext", none, typed("a\x16\x03b\x16\nc\n"), 0},
		{"lnext eof", none, typed("\x16\x04\n"), 0},
		{"reprint", none, typed("abc\x12d\n"), 0},
		{"eof alone", none, typed("\x04"), 0},
		{"eof twice", none, typed("\x04\x04a\n"), 0},
		{"eof ends", none, typed("abc\x04def\n"), 0},
		{"eof at limit", none, typed("abc\x04def\n"), 3},
		{"nul typed", none, typed("a\x00b\n"), 0},
		{"eol", func(t *termios) { t.cc[vEOL] = ';' }, typed("a;b\n"), 0},
		{"eol2", func(t *termios) { t.cc[vEOL2] = '!' }, typed("a!b\n"), 0},
		{"eol2 no iexten", func(t *termios) { t.cc[vEOL2] = '!'; t.lflag &^= lIEXTEN }, typed("a!b\x17c\x16d\n"), 0},
		{"no echo", lf(0, lECHO), typed("secret\n"), 0},
		{"echonl", lf(lECHONL, lECHO), typed("secret\n"), 0},
		{"no echoctl", lf(0, lECHOCTL), typed("a\x02b\x7f\x7fc\n"), 0},
		{"igncr", inf(iIGNCR, iICRNL), typed("a\rb\n"), 0},
		{"no icrnl", inf(0, iICRNL), typed("a\rb\n"), 0},
		{"inlcr", inf(iINLCR, iICRNL), typed("a\nb\r\x04"), 0},
		{"inlcr icrnl", inf(iINLCR, 0), typed("a\nb\rc\x04"), 0},
		{"istrip", inf(iISTRIP, 0), typed("\xe1\xe2\n"), 0},
		{"iuclc", inf(iIUCLC, 0), typed("ABC\n"), 0},
		{"parmrk", inf(iPARMRK, 0), typed("a\xffb\n"), 0},
		{"stop start", none, []ldOp{{T: "a\x13b"}, {T: "\x11c\n"}}, 0},
		{"stop held", none, []ldOp{{T: "\x13abc\n"}}, 0},
		{"no ixon", inf(0, iIXON), typed("a\x13\x11b\n"), 0},
		{"ixany", inf(iIXANY, 0), typed("a\x13bc\n"), 0},
		{"intr", none, typed("abc\x03d\n"), 0},
		{"intr noflsh", lf(lNOFLSH, 0), typed("abc\x03d\n"), 0},
		{"intr noecho", lf(0, lECHO), typed("abc\x03d\n"), 0},
		{"quit susp", lf(lNOFLSH, 0), typed("a\x1cb\x1ac\n"), 0},
		{"intr after line", none, typed("line\nab\x03c\n"), 0},
		{"no isig", lf(0, lISIG), typed("abc\x03\x1ad\n"), 0},
		{"extproc", lf(lEXTPROC, 0), typed("ab\x7f\n"), 0},
		{"raw", raw, typed("ab\r\n\x03\x7f\x04"), 0},
		{"raw min 0", func(t *termios) { raw(t); t.cc[vMIN] = 0 }, typed("ab"), 0},
		{"raw short", raw, typed("abcdef"), 4},
		{"cbreak", lf(0, lICANON), typed("ab\n\x7f\x04\x15c\r"), 0},
		{"cbreak inlcr", func(t *termios) { t.lflag &^= lICANON; t.iflag |= iINLCR }, typed("a\nb\r"), 0},
		{"cbreak intr", lf(0, lICANON), typed("ab\x03c"), 0},
		{"cbreak noctl", lf(0, lICANON|lECHOCTL), typed("a\nb\x02"), 0},
		{"raw echo", func(t *termios) { raw(t); t.lflag = lECHO }, typed("a\nb\r"), 0},
		{"long line", none, typed(long + "0123456789\n"), 5000},
		{"long line erased", none, typed(long + "0123456789\x7f\x7f!\n"), 5000},
		{"long line noecho", lf(0, lECHO), typed(long + "0123456789\n"), 5000},
		{"switch to raw", none, []ldOp{{T: "abc"}, {S: lf(0, lICANON)}}, 0},
		{"switch to canon", lf(0, lICANON), []ldOp{{T: "abc"}, {S: lf(lICANON, 0)}, {T: "d\n"}}, 0},
		{"switch with line", none, []ldOp{{T: "ab\ncd"}, {S: lf(0, lICANON)}, {S: lf(lICANON, 0)}, {T: "e\n"}}, 0},
		{"switch eof", none, []ldOp{{T: "ab\x04cd"}, {S: lf(0, lICANON)}}, 0},
		{"ixon off restarts", none, []ldOp{{T: "\x13ab"}, {S: inf(0, iIXON)}, {T: "c\n"}}, 0},
		{"out plain", none, written("a\nb\tc\rd\be\n"), 0},
		{"out no opost", of(0, oOPOST), written("a\nb\t\r\n"), 0},
		{"out no onlcr", of(0, oONLCR), written("ab\ncd\n"), 0},
		{"out ocrnl", of(oOCRNL, 0), written("a\rb\n"), 0},
		{"out onocr", of(oONOCR, 0), written("\ra\r\rb\n"), 0},
		{"out onlret", of(oONLRET|oONOCR, oONLCR), written("ab\n\rcd\r"), 0},
		{"out ocrnl onlret", of(oOCRNL|oONLRET|oTABDLY, 0), written("ab\rc\td\n"), 0},
		{"out olcuc", of(oOLCUC, 0), written("abCé\n"), 0},
		{"out xtabs", of(oTABDLY, 0), written("a\tbcd\t\be\tf\n\tg"), 0},
		{"out utf8 tabs", func(t *termios) { t.oflag |= oTABDLY; t.iflag |= iIUTF8 }, written("éé\tx\n"), 0},
		{"echo with tabs", of(oTABDLY, 0), []ldOp{{W: "abc"}, {T: "\td\x7f\x7fe\n"}}, 0},
		{"prompt and line", none, []ldOp{{W: "$ "}, {T: "ls -l\n"}, {W: "total 0\n"}, {T: "\x04"}}, 0},
	}
	return cs
}

func (c *ldCase) settings() termios {
	t := standard
	t.cflag = cB38400 | cCS8 | cCREAD
	c.Set(&t)
	return t
}

func (c *ldCase) size() int {
	if c.Read == 0 {
		return 100
	}
	return c.Read
}

// maxReads ends a series of ends of file.
const maxReads = 6

// ours runs the case on a discipline.
func (c *ldCase) ours() ldResult {
	d := newDiscipline()
	t := c.settings()
	d.set(t)
	r := ldResult{}
	deliver := func() {
		r.Out += string(d.ready())
		d.took(len(d.ready()))
	}
	for _, op := range c.Ops {
		deliver()
		switch {
		case op.S != nil:
			op.S(&t)
			d.set(t)
		case op.W != "":
			d.write([]byte(op.W))
		default:
			for s := []byte(op.T); len(s) > 0; {
				n := d.typed(s)
				if n == 0 {
					break
				}
				s = s[n:]
			}
		}
	}
	deliver()
	r.Pending = d.pending()
	for len(r.Reads) < maxReads {
		if !d.readable(false) {
			if !d.canonical() && d.cc[vMIN] == 0 {
				r.Reads = append(r.Reads, "")
				continue
			}
			break
		}
		p, k := d.look(c.size())
		d.drop(k)
		r.Reads = append(r.Reads, string(p))
	}
	return r
}

func hostIoctl(fd int, req, arg uintptr) error {
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), req, arg)
	if e != 0 {
		return e
	}
	return nil
}

// linux runs the case on a pseudo-terminal of the host.
func (c *ldCase) linux() (r ldResult, err error) {
	m, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return r, err
	}
	defer syscall.Close(m)
	var n, zero int32
	if err := hostIoctl(m, 0x80045430, uintptr(unsafe.Pointer(&n))); err != nil {
		return r, err
	}
	hostIoctl(m, 0x40045431, uintptr(unsafe.Pointer(&zero)))
	s, err := syscall.Open(fmt.Sprintf("/dev/pts/%d", n), syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return r, err
	}
	defer syscall.Close(s)
	t := c.settings()
	set := func() error {
		b := t.encode()
		return hostIoctl(s, 0x5402, uintptr(unsafe.Pointer(&b[0])))
	}
	if err := set(); err != nil {
		return r, err
	}
	for _, op := range c.Ops {
		switch {
		case op.S != nil:
			op.S(&t)
			err = set()
		case op.W != "":
			_, err = syscall.Write(s, []byte(op.W))
		default:
			_, err = syscall.Write(m, []byte(op.T))
		}
		if err != nil {
			return r, err
		}
		time.Sleep(10 * time.Millisecond) // input is taken in by a kernel thread
	}
	var q int32
	hostIoctl(s, 0x541b, uintptr(unsafe.Pointer(&q)))
	r.Pending = int(q)
	buf := make([]byte, 8192)
	for {
		k, err := syscall.Read(m, buf)
		if err != nil {
			break
		}
		r.Out += string(buf[:k])
		time.Sleep(time.Millisecond)
	}
	for len(r.Reads) < maxReads {
		k, err := syscall.Read(s, buf[:c.size()])
		if err != nil {
			break
		}
		r.Reads = append(r.Reads, string(buf[:k]))
	}
	return r, nil
}

const recorded = "testdata/linux.json"

// TestDiscipline compares with what Linux's pseudo-terminals have been seen
// to do.
func TestDiscipline(t *testing.T) {
	want := map[string]ldResult{}
	if *update {
		for _, c := range ldCases() {
			r, err := c.linux()
			if err != nil {
				t.Fatal(c.Name, err)
			}
			want[c.Name] = r
		}
		b, err := json.MarshalIndent(quoted(want), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recorded, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]ldQuoted
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range ldCases() {
		w, ok := file[c.Name]
		if !ok {
			t.Errorf("%s: nothing recorded (run with -update on Linux)", c.Name)
			continue
		}
		got := quote(c.ours())
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s:\n got  %+v\n want %+v", c.Name, got, w)
		}
	}
}

// ldQuoted is an ldResult with Go-quoted strings: JSON has no bytes.
type ldQuoted struct {
	Out     string
	Reads   []string
	Pending int
}

func quote(r ldResult) ldQuoted {
	q := ldQuoted{Out: strconv.Quote(r.Out), Reads: []string{}, Pending: r.Pending}
	for _, s := range r.Reads {
		q.Reads = append(q.Reads, strconv.Quote(s))
	}
	return q
}

func quoted(m map[string]ldResult) map[string]ldQuoted {
	q := map[string]ldQuoted{}
	for k, r := range m {
		q[k] = quote(r)
	}
	return q
}

var random = flag.Int("random", 0, "compare this many random inputs with the host's pseudo-terminals")

// TestRandom compares random typing under random settings with the host's
// pseudo-terminals, on request.
func TestRandom(t *testing.T) {
	if *random == 0 {
		t.Skip("only with -random N, on Linux")
	}
	const chars = "ab_.\t \n\r\x7f\x15\x17\x04\x16\x12\x03\x13\x11\x01\x00\xff\xc3\xa9A;\x1c\x1a"
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	text := func(n int) string {
		var b []byte
		for range n {
			b = append(b, chars[rnd.IntN(len(chars))])
		}
		return string(b)
	}
	bits := func(all ...uint32) (v uint32) {
		for _, b := range all {
			if rnd.IntN(4) == 0 {
				v |= b
			}
		}
		return v
	}
	failed := 0
	for n := 0; n < *random && failed < 5; n++ {
		fl := [4]uint32{
			bits(iPARMRK, iISTRIP, iINLCR, iIGNCR, iICRNL, iIUCLC, iIXON, iIXANY, iIUTF8),
			bits(oOLCUC, oONLCR, oOCRNL, oONOCR, oONLRET, oTABDLY),
			bits(lISIG, lECHONL, lNOFLSH, lECHOPRT),
			bits(lECHOK, lECHOE, lECHOCTL, lECHOKE),
		}
		lflag := lICANON | lECHO | lIEXTEN | fl[2] | lECHOK | lECHOE | lECHOCTL | lECHOKE ^ fl[3]
		if rnd.IntN(5) == 0 {
			lflag &^= lICANON
		}
		if rnd.IntN(5) == 0 {
			lflag &^= lECHO
		}
		if rnd.IntN(6) == 0 {
			lflag &^= lIEXTEN
		}
		opost := uint32(oOPOST)
		if rnd.IntN(6) == 0 {
			opost = 0
		}
		c := ldCase{Set: func(t *termios) {
			t.iflag, t.oflag, t.lflag = fl[0], fl[1]|opost, lflag
			t.cc[vEOL] = ';'
		}}
		for range 1 + rnd.IntN(4) {
			switch rnd.IntN(5) {
			case 0:
				c.Ops = append(c.Ops, ldOp{W: text(1 + rnd.IntN(8))})
			case 1:
				flip := bits(lICANON, lECHO, lIEXTEN, lISIG)
				c.Ops = append(c.Ops, ldOp{S: func(t *termios) { t.lflag ^= flip }})
			default:
				c.Ops = append(c.Ops, ldOp{T: text(1 + rnd.IntN(20))})
			}
		}
		c.Read = 1 + rnd.IntN(12)
		got := c.ours()
		var want ldResult
		same := false
		// A busy host takes typing in late: ask it again.
		for try := 0; try < 4 && !same; try++ {
			var err error
			if want, err = c.linux(); err == syscall.EAGAIN {
				same = true // held output: a write that would wait
			} else if err != nil {
				t.Fatal(err)
			} else {
				same = reflect.DeepEqual(quote(got), quote(want))
			}
		}
		if !same {
			failed++
			t.Errorf("seed %d, case %d: iflag %#o oflag %#o lflag %#o reads of %d\n ops  %s\n got  %+v\n want %+v", seed, n, fl[0], fl[1]|opost, lflag, c.Read, show(c.Ops), quote(got), quote(want))
		}
	}
}

func show(ops []ldOp) string {
	var b strings.Builder
	for _, op := range ops {
		switch {
		case op.S != nil:
			b.WriteString("set ")
		case op.W != "":
			fmt.Fprintf(&b, "write %q ", op.W)
		default:
			fmt.Fprintf(&b, "type %q ", op.T)
		}
	}
	return b.String()
}
