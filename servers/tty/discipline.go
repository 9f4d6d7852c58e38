package tty

// discipline is Linux's N_TTY: what becomes of typed characters until a
// program reads them, what is echoed, and what output processing does. It is
// a plain data structure: whoever owns it locks it, carries its output to the
// device and sends its signals.
type discipline struct {
	termios

	in      []cell // typed, not read yet
	canon   int    // in[:canon] is whole lines (with lICANON)
	lnext   bool   // the next character is taken literally
	erasing bool   // within an ECHOPRT erasure

	out         []byte // for the device
	released    int    // bytes of out that go although output is held since
	column      int    // of the cursor
	canonColumn int    // where the line being typed began
	batch       [2]int // both, when echo was released last
	stopped     bool   // output is held
	byCall      bool   // it is held by TCXONC: typing does not restart it
	signals     []int  // raised by typed characters, to be sent
}

// cell is a typed character; end: a line ends with it. A line ended by EOF
// has a last cell that is not data.
type cell struct {
	c   byte
	end bool
}

const (
	inMax  = 4095 // typed characters that are kept (Linux's N_TTY_BUF_SIZE - 1)
	outMax = 4096 // bytes that programs may have on their way out
	// echoMax bounds what echo may add to the output queue while it is held.
	echoMax = 2 * outMax

	eofChar = 0 // stands for EOF in a cell that ends a line
)

func newDiscipline() discipline { return discipline{termios: standard} }

func (d *discipline) l(flag uint32) bool { return d.lflag&flag != 0 }
func (d *discipline) i(flag uint32) bool { return d.iflag&flag != 0 }
func (d *discipline) o(flag uint32) bool { return d.oflag&flag != 0 }

// is: c is the control character at index which. A zero there disables it.
func (d *discipline) is(c byte, which int) bool { return c != 0 && d.cc[which] == c }

// canonical: input comes in lines.
func (d *discipline) canonical() bool { return d.l(lICANON) && !d.l(lEXTPROC) }

// room is how many characters type can take now. With an unfinished line and
// nothing to read there is always room: the end of the line must get in.
func (d *discipline) room() int {
	n := inMax - len(d.in)
	if d.i(iPARMRK) {
		n = (inMax+3)/3 - len(d.in)
	}
	if n <= 0 && d.l(lICANON) && d.canon == 0 {
		return 1
	}
	return max(n, 0)
}

// typed takes characters from the device and returns how many.
func (d *discipline) typed(p []byte) int {
	d.release()
	for n, c := range p {
		if len(d.in) >= inMax {
			if !d.l(lICANON) || d.canon != 0 {
				return n
			}
			// The last place is for the end of the line: until that comes,
			// each character takes it over.
			d.in = d.in[:inMax]
		}
		d.char(c)
	}
	return len(p)
}

// special: c has a meaning of its own under the settings.
func (d *discipline) special(c byte) bool {
	switch {
	case c == 0:
		return false
	case c == '\r' && d.i(iIGNCR|iICRNL), c == '\n' && d.i(iINLCR):
		return true
	case d.i(iIXON) && (d.is(c, vSTART) || d.is(c, vSTOP)):
		return true
	case d.l(lISIG) && (d.is(c, vINTR) || d.is(c, vQUIT) || d.is(c, vSUSP)):
		return true
	case !d.l(lICANON):
		return false
	case c == '\n', d.is(c, vERASE), d.is(c, vKILL), d.is(c, vEOF), d.is(c, vEOL):
		return true
	case !d.l(lIEXTEN):
		return false
	}
	return d.is(c, vWERASE) || d.is(c, vLNEXT) || d.is(c, vEOL2) || d.is(c, vREPRINT) && d.l(lECHO)
}

// char is one typed character.
func (d *discipline) char(c byte) {
	if d.i(iISTRIP) {
		c &= 0x7f
	}
	if d.i(iIUCLC) && d.l(lIEXTEN) && upper(c) {
		c += 'a' - 'A'
	}
	if d.l(lEXTPROC) {
		d.put(c)
		return
	}
	if d.lnext {
		d.lnext = false
		d.plain(c)
		return
	}
	if !d.special(c) {
		d.plain(c)
		return
	}
	if d.i(iIXON) {
		switch {
		case d.is(c, vSTART):
			d.start()
			d.release()
			return
		case d.is(c, vSTOP):
			d.stopped = true
			return
		}
	}
	if d.l(lISIG) {
		switch {
		case d.is(c, vINTR):
			d.signal(sigINT, c)
			return
		case d.is(c, vQUIT):
			d.signal(sigQUIT, c)
			return
		case d.is(c, vSUSP):
			d.signal(sigTSTP, c)
			return
		}
	}
	d.any()
	switch {
	case c == '\r' && d.i(iIGNCR):
		return
	case c == '\r' && d.i(iICRNL):
		c = '\n'
	case c == '\n' && d.i(iINLCR):
		c = '\r'
	}
	if d.l(lICANON) && d.edit(c) {
		return
	}
	if d.l(lECHO) {
		d.finishErasing()
		if c == '\n' {
			d.echoRaw('\n')
		} else {
			d.markColumn()
			d.echo(c)
		}
	}
	d.put(c)
}

// plain is a character without a meaning of its own.
func (d *discipline) plain(c byte) {
	d.any()
	if d.l(lECHO) {
		d.finishErasing()
		d.markColumn()
		d.echo(c)
	}
	d.put(c)
}

// any: with IXANY every character restarts held output.
func (d *discipline) any() {
	if d.stopped && d.i(iIXON) && d.i(iIXANY) {
		d.start()
		d.release()
	}
}

// start restarts held output, unless a program holds it.
func (d *discipline) start() {
	if !d.byCall {
		d.stopped = false
	}
}

// release lets what has been echoed go, whatever stops output later.
func (d *discipline) release() {
	if !d.stopped {
		d.released = len(d.out)
		d.batch = [2]int{d.column, d.canonColumn}
	}
}

// ready is the output that can go to the device; took says how much went.
func (d *discipline) ready() []byte {
	if d.stopped {
		return d.out[:d.released]
	}
	return d.out
}

func (d *discipline) took(n int) {
	d.out = append(d.out[:0], d.out[n:]...)
	d.released = max(d.released-n, 0)
}

// flushOutput throws away what has not gone to the device.
func (d *discipline) flushOutput() { d.out, d.released = d.out[:0], 0 }

// put enters a character for reading.
func (d *discipline) put(c byte) {
	if c == 0xff && d.i(iPARMRK) {
		d.in = append(d.in, cell{c: c})
	}
	d.in = append(d.in, cell{c: c})
}

// endLine enters the last character of a line.
func (d *discipline) endLine(c byte) {
	d.in = append(d.in, cell{c, true})
	d.canon = len(d.in)
}

// signal is a typed signal character.
func (d *discipline) signal(sig int, c byte) {
	d.signals = append(d.signals, sig)
	if !d.l(lNOFLSH) {
		// Echo of what came at once with c is not shown, so that the cursor
		// has not moved.
		d.flushOutput()
		d.column, d.canonColumn = d.batch[0], d.batch[1]
		d.flushInput()
	}
	if d.i(iIXON) {
		d.start()
	}
	if d.l(lECHO) {
		d.echo(c)
	} else {
		d.release()
	}
}

// edit is line editing; false: c is an ordinary character.
func (d *discipline) edit(c byte) bool {
	ext := d.l(lIEXTEN)
	switch {
	case d.is(c, vERASE), d.is(c, vKILL), ext && d.is(c, vWERASE):
		d.erase(c)
	case ext && d.is(c, vLNEXT):
		d.lnext = true
		if d.l(lECHO) {
			d.finishErasing()
			if d.l(lECHOCTL) {
				d.echoRaw('^')
				d.echoRaw('\b')
			}
		}
	case ext && d.l(lECHO) && d.is(c, vREPRINT):
		d.finishErasing()
		d.echo(c)
		d.echoRaw('\n')
		for _, x := range d.in[d.canon:] {
			d.echo(x.c)
		}
	case c == '\n':
		if d.l(lECHO | lECHONL) {
			d.echoRaw('\n')
		}
		d.endLine(c)
	case d.is(c, vEOF):
		d.endLine(eofChar)
	case d.is(c, vEOL), ext && d.is(c, vEOL2):
		if d.l(lECHO) {
			d.markColumn()
			d.echo(c)
		}
		if c == 0xff && d.i(iPARMRK) {
			d.in = append(d.in, cell{c: c})
		}
		d.endLine(c)
	default:
		return false
	}
	return true
}

// flushInput throws away what has not been read.
func (d *discipline) flushInput() {
	d.in, d.canon = d.in[:0], 0
	d.erasing = false
}

// set changes the settings.
func (d *discipline) set(t termios) {
	old := d.termios
	d.termios = t
	if (old.lflag^t.lflag)&(lICANON|lEXTPROC) != 0 {
		// What was typed before lines were made becomes one, and ends of
		// lines mean nothing any more where there are none.
		for i := range d.in {
			d.in[i].end = false
		}
		d.canon = 0
		if n := len(d.in); n > 0 && d.l(lICANON) {
			d.in[n-1].end = true
			d.canon = n
		}
		d.erasing, d.lnext = false, false
	}
	if old.iflag&iIXON != 0 && t.iflag&iIXON == 0 {
		d.start()
	}
}

// available is the number of characters that a read could get; poll asks with
// VMIN in mind.
func (d *discipline) readable(poll bool) bool {
	if d.canonical() {
		return d.canon > 0
	}
	need := 1
	if poll && d.cc[vTIME] == 0 && d.cc[vMIN] > 0 {
		need = int(d.cc[vMIN])
	}
	return len(d.in) >= need
}

// look is what a read of n characters gets, and how many are to be dropped for it;
// readable must be true. In canonical mode it gets at most one line, and none of a
// line that is only EOF.
func (d *discipline) look(n int) (p []byte, k int) {
	if !d.canonical() {
		n = min(n, len(d.in))
		for _, x := range d.in[:n] {
			p = append(p, x.c)
		}
		return p, n
	}
	for k < d.canon {
		x := d.in[k]
		if x.end && x.c == eofChar {
			k++ // also when the caller's memory is full: EOF only ends the line
			break
		}
		if len(p) == n {
			break
		}
		p = append(p, x.c)
		k++
		if x.end {
			break
		}
	}
	return p, k
}

// pending is FIONREAD's number.
func (d *discipline) pending() int {
	if !d.canonical() {
		return len(d.in)
	}
	n := 0
	for _, x := range d.in[:d.canon] {
		if !(x.end && x.c == eofChar) {
			n++
		}
	}
	return n
}

func (d *discipline) drop(k int) {
	d.in = append(d.in[:0], d.in[k:]...)
	d.canon = max(d.canon-k, 0)
}
