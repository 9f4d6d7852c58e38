package qemu

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

const ctrlA = 0x01

// escape finds the tool's own keys in what the user types: Ctrl-A X ends the
// machine, Ctrl-A A is a Ctrl-A for the guest, Ctrl-A H shows these keys.
type escape struct {
	seen bool // the last byte was Ctrl-A
}

// filter returns what the guest gets and what the user asked for.
func (e *escape) filter(in []byte) (out []byte, quit, help bool) {
	for _, b := range in {
		if !e.seen {
			if b == ctrlA {
				e.seen = true
			} else {
				out = append(out, b)
			}
			continue
		}
		e.seen = false
		switch b {
		case 'x', 'X':
			return out, true, help
		case 'h', 'H', '?':
			help = true
		case 'a', 'A', ctrlA:
			out = append(out, ctrlA)
		default:
			out = append(out, ctrlA, b)
		}
	}
	return out, false, help
}

const escapeHelp = "\r\ngo42: Ctrl-A X ends the machine, Ctrl-A A sends Ctrl-A\r\n"

// Session connects a terminal of the host with the guest's.
type Session struct {
	In, Out *os.File
	windows chan [2]uint16
	restore func()
	raw     bool // In is a terminal
}

// NewSession describes a session; Start begins it.
func NewSession(in, out *os.File) *Session {
	return &Session{In: in, Out: out, windows: make(chan [2]uint16, 1), restore: func() {}}
}

// Start puts the terminal into raw mode, if In is one. Restore must be called
// in the end, however the boot went.
func (s *Session) Start() error {
	fd := int(s.In.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		return err
	}
	s.raw = true
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	go func() {
		for {
			if cols, rows, err := term.GetSize(fd); err == nil {
				select {
				case <-s.windows: // an old size that nobody took
				default:
				}
				s.windows <- [2]uint16{uint16(rows), uint16(cols)}
			}
			<-resized
		}
	}()
	s.restore = func() {
		signal.Stop(resized)
		term.Restore(fd, old)
	}
	return nil
}

// Windows yields the terminal's size, first as it is, then at each change.
func (s *Session) Windows() <-chan [2]uint16 { return s.windows }

// Restore gives the terminal its old mode.
func (s *Session) Restore() { s.restore() }

// Attach copies between the terminal and the machine's until the machine is
// done. The end of an input that is no terminal becomes a Ctrl-D.
func (s *Session) Attach(m *Machine) {
	typed := make(chan []byte, 256)
	go func() {
		defer close(typed)
		var e escape
		buf := make([]byte, 1024)
		for {
			n, err := s.In.Read(buf)
			if !s.raw {
				if n > 0 {
					typed <- append([]byte(nil), buf[:n]...)
				}
				if err != nil {
					typed <- []byte{4}
					return
				}
				continue
			}
			out, quit, help := e.filter(buf[:n])
			if help {
				io.WriteString(s.Out, escapeHelp)
			}
			if quit {
				m.Kill()
				return
			}
			if len(out) > 0 {
				typed <- out
			}
			if err != nil {
				m.Kill() // the terminal has gone
				return
			}
		}
	}()
	go func() {
		select {
		case <-m.Began():
		case <-m.Done():
		}
		for b := range typed {
			if _, err := m.Terminal.Write(b); err != nil {
				return
			}
		}
	}()
	drain(m.Terminal, s.Out)
}
