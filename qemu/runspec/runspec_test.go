package runspec

import (
	"bytes"
	"testing"
)

func TestFramesInPieces(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 300)
	stream := AppendWindow(nil, 24, 80)
	stream = AppendInput(stream, data)
	stream = AppendFrame(stream, FrameEOF, nil)
	for _, piece := range []int{1, 2, 7, 1000, len(stream)} {
		var d Decoder
		var got []byte
		var window, eof bool
		for rest := stream; len(rest) > 0; {
			n := min(piece, len(rest))
			d.Write(rest[:n])
			rest = rest[n:]
			for {
				kind, p, ok, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				switch kind {
				case FrameInput:
					got = append(got, p...)
				case FrameWindow:
					r, c, ok := ParseWindow(p)
					window = ok && r == 24 && c == 80
				case FrameEOF:
					eof = true
				}
			}
		}
		if !bytes.Equal(got, data) || !window || !eof {
			t.Errorf("pieces of %d: %d bytes, window %v, eof %v", piece, len(got), window, eof)
		}
	}
}

func TestBadFrames(t *testing.T) {
	for _, s := range []string{"X\x00\x00", "I\xff\xff"} {
		var d Decoder
		d.Write([]byte(s))
		if _, _, ok, err := d.Next(); err == nil {
			t.Errorf("%q: ok %v, no error", s, ok)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, s := range []Status{
		{Kind: LineExit, Value: 3},
		{Kind: LineSignal, Value: 11},
		{Kind: LineBoot, Stage: StageInit, TSC: 1 << 63},
		{Kind: LinePanic, Text: "page fault at 0x10"},
		{Kind: LineError, Text: "no such file"},
	} {
		got, err := ParseStatus(s.String())
		if err != nil || got != s {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, l := range []string{"", "exit", "exit x", "boot init", "hello 1"} {
		if s, err := ParseStatus(l); err == nil {
			t.Errorf("%q: %+v, no error", l, s)
		}
	}
}
