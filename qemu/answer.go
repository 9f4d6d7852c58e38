package qemu

import (
	"bytes"
	"io"
)

// Answerer stands in for a terminal emulator in tests and measurements: shells
// ask their terminal where the cursor is and wait for its reply.
type Answerer struct {
	To   io.Writer // where replies go
	last []byte
}

var cursorQuery = []byte("\x1b[6n")

// Write looks for queries in what the guest prints.
func (a *Answerer) Write(p []byte) (int, error) {
	a.last = append(a.last, p...)
	for {
		i := bytes.Index(a.last, cursorQuery)
		if i < 0 {
			break
		}
		a.last = a.last[i+len(cursorQuery):]
		if _, err := io.WriteString(a.To, "\x1b[1;1R"); err != nil {
			return 0, err
		}
	}
	if n := len(a.last) - len(cursorQuery); n > 0 {
		a.last = append(a.last[:0], a.last[n:]...)
	}
	return len(p), nil
}
