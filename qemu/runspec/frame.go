package runspec

import (
	"encoding/binary"
	"fmt"
)

// Kinds of frames on COM2.
const (
	FrameInput  = 'I' // payload: bytes of standard input
	FrameEOF    = 'E' // end of standard input; no payload
	FrameWindow = 'W' // payload: rows, columns (two little-endian uint16)
)

// MaxPayload is the longest payload of a frame, in bytes.
const MaxPayload = 1024

const headerLen = 3 // kind, little-endian uint16 length

// AppendFrame appends one frame to b. It panics if payload is longer than
// MaxPayload.
func AppendFrame(b []byte, kind byte, payload []byte) []byte {
	if len(payload) > MaxPayload {
		panic("runspec: payload too long")
	}
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(payload)))
	return append(b, payload...)
}

// AppendInput appends data as frames of input.
func AppendInput(b, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), MaxPayload)
		b = AppendFrame(b, FrameInput, data[:n])
		data = data[n:]
	}
	return b
}

// AppendWindow appends a window size.
func AppendWindow(b []byte, rows, cols uint16) []byte {
	var p [4]byte
	binary.LittleEndian.PutUint16(p[0:], rows)
	binary.LittleEndian.PutUint16(p[2:], cols)
	return AppendFrame(b, FrameWindow, p[:])
}

// ParseWindow reads the payload of a FrameWindow.
func ParseWindow(p []byte) (rows, cols uint16, ok bool) {
	if len(p) != 4 {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[2:]), true
}

// Decoder cuts a byte stream, which arrives in arbitrary pieces, into frames.
type Decoder struct {
	buf []byte
}

// Write adds received bytes.
func (d *Decoder) Write(p []byte) (int, error) {
	d.buf = append(d.buf, p...)
	return len(p), nil
}

// Next returns the next whole frame; ok is false when more bytes are needed.
// payload is valid until the next Write. An error means that the stream makes
// no sense any more: nothing after it can be trusted.
func (d *Decoder) Next() (kind byte, payload []byte, ok bool, err error) {
	if len(d.buf) < headerLen {
		return 0, nil, false, nil
	}
	n := int(binary.LittleEndian.Uint16(d.buf[1:]))
	switch d.buf[0] {
	case FrameInput, FrameEOF, FrameWindow:
	default:
		return 0, nil, false, fmt.Errorf("runspec: unknown frame kind %#x", d.buf[0])
	}
	if n > MaxPayload {
		return 0, nil, false, fmt.Errorf("runspec: frame of %d bytes", n)
	}
	if len(d.buf) < headerLen+n {
		return 0, nil, false, nil
	}
	kind, payload = d.buf[0], d.buf[headerLen:headerLen+n]
	d.buf = d.buf[headerLen+n:]
	return kind, payload, true, nil
}
