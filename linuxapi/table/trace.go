package table

import (
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
	"go42/linuxapi/thread"
)

// tracing writes every full call and its answer to the kernel log; asked for by
// the word go42.strace on the kernel's command line.
var tracing bool

func setupTrace() {
	const word = "go42.strace"
	i := native.Info()
	c := i.Cmdline[:min(i.CmdlineLen, uint64(len(i.Cmdline)))]
	for len(c) >= len(word) {
		k := 0
		for k < len(word) && c[k] == word[k] {
			k++
		}
		if k == len(word) {
			tracing = true
			return
		}
		c = c[1:]
	}
}

// line is one line of the trace.
type line struct {
	n int
	b [160]byte
}

func (l *line) str(s string) { l.n += copy(l.b[l.n:], s) }

func (l *line) hex(v uint64) {
	var d [16]byte
	i := len(d)
	for {
		i--
		d[i] = "0123456789abcdef"[v&15]
		if v >>= 4; v == 0 {
			break
		}
	}
	l.n += copy(l.b[l.n:], d[i:])
}

func (l *line) dec(v int64) {
	if v < 0 {
		l.str("-")
		v = -v
	}
	var d [20]byte
	i := len(d)
	for {
		i--
		d[i] = byte('0' + v%10)
		if v /= 10; v == 0 {
			break
		}
	}
	l.n += copy(l.b[l.n:], d[i:])
}

func (l *line) head(t *thread.Thread, nr uint64) {
	l.str("[")
	l.dec(proc.Me.Pid)
	l.str(".")
	l.dec(int64(t.TID & 0x1fff))
	l.str("] ")
	if e := nameOf(nr); e != "" {
		l.str(e)
	} else {
		l.hex(nr)
	}
}

func nameOf(nr uint64) string {
	for _, l := range lists() {
		for i := range l {
			if uint64(l[i].Nr) == nr {
				return l[i].Name
			}
		}
	}
	return ""
}

func traceCall(t *thread.Thread, nr uint64, a *[6]uint64) {
	var l line
	l.head(t, nr)
	l.str("(")
	for i, v := range a {
		if i > 0 {
			l.str(" ")
		}
		l.hex(v)
	}
	l.str(")\n")
	native.Log(l.b[:l.n])
}

func traceResult(t *thread.Thread, nr uint64, r int64) {
	var l line
	l.head(t, nr)
	l.str(" = ")
	if r < 0 && r > -600 {
		l.dec(r)
	} else {
		l.hex(uint64(r))
	}
	l.str("\n")
	native.Log(l.b[:l.n])
}
