package tty

const (
	eraseChar = iota
	eraseWord
	eraseLine
)

// erase is an erase, word-erase or kill character.
func (d *discipline) erase(c byte) {
	if len(d.in) == d.canon {
		return
	}
	kind := eraseLine
	switch {
	case d.is(c, vERASE):
		kind = eraseChar
	case d.is(c, vWERASE):
		kind = eraseWord
	case !d.l(lECHO):
		d.in = d.in[:d.canon]
		return
	case !d.l(lECHOK) || !d.l(lECHOKE) || !d.l(lECHOE):
		d.in = d.in[:d.canon]
		d.finishErasing()
		d.echo(d.cc[vKILL])
		if d.l(lECHOK) {
			d.echoRaw('\n')
		}
		return
	}
	alnums := false
	for len(d.in) > d.canon {
		// One character, which may be several bytes.
		head := len(d.in) - 1
		for d.continuation(d.in[head].c) && head > d.canon {
			head--
		}
		c := d.in[head].c
		if d.continuation(c) {
			break
		}
		if kind == eraseWord {
			if alnum(c) || c == '_' {
				alnums = true
			} else if alnums {
				break
			}
		}
		gone := d.in[head+1:]
		d.in = d.in[:head]
		if d.l(lECHO) {
			d.echoErased(kind, c, gone)
		}
		if kind == eraseChar {
			break
		}
	}
	if len(d.in) == d.canon && d.l(lECHO) {
		d.finishErasing()
	}
}

// echoErased shows that c (and the bytes after it that belong to it) has gone.
func (d *discipline) echoErased(kind int, c byte, more []cell) {
	switch {
	case d.l(lECHOPRT):
		if !d.erasing {
			d.echoRaw('\\')
			d.erasing = true
		}
		d.echo(c)
		for _, x := range more {
			d.echoRaw(x.c)
			if d.column > 0 {
				d.column--
			}
		}
	case kind == eraseChar && !d.l(lECHOE):
		d.echo(d.cc[vERASE])
	case c == '\t':
		// Back over what the tab skipped: from the characters before it,
		// to the last tab or to where the line began.
		n, tab := 0, false
		for i := len(d.in) - 1; i >= d.canon && !tab; i-- {
			switch x := d.in[i].c; {
			case x == '\t':
				tab = true
			case control(x):
				if d.l(lECHOCTL) {
					n += 2
				}
			case !d.continuation(x):
				n++
			}
		}
		if !tab {
			n += d.canonColumn
		}
		for k := 8 - n&7; k > 0; k-- {
			d.device('\b')
			if d.column > 0 {
				d.column--
			}
		}
	default:
		if control(c) && d.l(lECHOCTL) {
			d.echoString("\b \b")
		}
		if !control(c) || d.l(lECHOCTL) {
			d.echoString("\b \b")
		}
	}
}

func (d *discipline) finishErasing() {
	if d.erasing {
		d.echoRaw('/')
		d.erasing = false
	}
}

// markColumn remembers where the first character of a line is echoed.
func (d *discipline) markColumn() {
	if len(d.in) == d.canon {
		d.canonColumn = d.column
	}
}

// echo shows a typed character, control characters as ^X.
func (d *discipline) echo(c byte) {
	if d.l(lECHOCTL) && control(c) && c != '\t' {
		d.device('^')
		d.device(c ^ 0o100)
		d.column += 2
		return
	}
	d.echoRaw(c)
}

// echoRaw shows a character as output processing has it.
func (d *discipline) echoRaw(c byte) {
	switch {
	case len(d.out) >= echoMax:
	case c == 0xff: // passes by output processing
		d.device(c)
		d.column++
	default:
		d.process(c)
	}
}

func (d *discipline) echoString(s string) {
	for i := 0; i < len(s); i++ {
		d.echoRaw(s[i])
	}
}

func (d *discipline) device(c byte) {
	if len(d.out) < echoMax {
		d.out = append(d.out, c)
	}
}

// write takes a program's output and returns how many bytes there was room
// for.
func (d *discipline) write(p []byte) int {
	if !d.o(oOPOST) {
		n := max(min(len(p), outMax-len(d.out)), 0)
		d.out = append(d.out, p[:n]...)
		return n
	}
	for n, c := range p {
		// One character may become eight.
		if len(d.out)+8 > outMax {
			return n
		}
		d.process(c)
	}
	return len(p)
}

// process is output processing of one character.
func (d *discipline) process(c byte) {
	if !d.o(oOPOST) {
		d.out = append(d.out, c)
		return
	}
	switch c {
	case '\n':
		if d.o(oONLRET) {
			d.column = 0
		}
		if d.o(oONLCR) {
			d.column, d.canonColumn = 0, 0
			d.out = append(d.out, '\r', '\n')
			return
		}
		d.canonColumn = d.column
	case '\r':
		if d.o(oONOCR) && d.column == 0 {
			return
		}
		if d.o(oOCRNL) {
			c = '\n'
			if d.o(oONLRET) {
				d.column, d.canonColumn = 0, 0
			}
			break
		}
		d.column, d.canonColumn = 0, 0
	case '\t':
		n := 8 - d.column&7
		d.column += n
		if d.oflag&oTABDLY == oTABDLY {
			d.out = append(d.out, "        "[:n]...)
			return
		}
	case '\b':
		if d.column > 0 {
			d.column--
		}
	default:
		if !control(c) {
			if d.o(oOLCUC) && lower(c) {
				c -= 'a' - 'A'
			}
			if !d.continuation(c) {
				d.column++
			}
		}
	}
	d.out = append(d.out, c)
}

// continuation: c is a later byte of a UTF-8 character.
func (d *discipline) continuation(c byte) bool { return d.i(iIUTF8) && c&0xc0 == 0x80 }

func control(c byte) bool { return c < 32 || c == 127 }

// Letters go by Latin-1, as the kernel's character table does.

func upper(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 0xc0 && c <= 0xde && c != 0xd7 }
func lower(c byte) bool { return c >= 'a' && c <= 'z' || c >= 0xdf && c != 0xf7 }
func alnum(c byte) bool { return c >= '0' && c <= '9' || upper(c) || lower(c) }
