package vfs

import (
	"crypto/rand"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// openDevice gives the data of the character devices that need no driver. A
// terminal has no data here: its node only names it.
func openDevice(rdev uint64) (kind uint64, d Data, err error) {
	switch rdev {
	case proto.RdevNull:
		return proto.KindNull, null{}, nil
	case proto.RdevZero:
		return proto.KindZero, zero{}, nil
	case proto.RdevFull:
		return proto.KindFull, full{}, nil
	case proto.RdevRandom, proto.RdevURandom:
		return proto.KindRandom, random{}, nil
	case proto.RdevKmsg:
		return proto.KindStream, kmsg{}, nil
	case proto.RdevTTYS0, proto.RdevTTY, proto.RdevConsole, proto.RdevPtmx, proto.RdevHostIn, proto.RdevHostOut, proto.RdevHostErr:
		return proto.KindTTY, nil, nil
	}
	if rdev>>8 == 136 { // pseudo-terminals
		return proto.KindTTY, nil, nil
	}
	return 0, nil, syscall.ENXIO
}

// swallow takes everything that is written.
func swallow(off int64, in ipc.In) (int, int64, error) {
	n := int(in.Len())
	return n, off + int64(n), nil
}

type null struct{}

func (null) ReadTo(*Ctx, int64, ipc.Out) (int, error) { return 0, nil }
func (null) WriteFrom(_ *Ctx, off int64, _ bool, _ uint64, in ipc.In) (int, int64, error) {
	return swallow(off, in)
}

type zero struct{}

func (zero) ReadTo(_ *Ctx, _ int64, out ipc.Out) (int, error) {
	return Fill(out, func(p []byte) { clear(p) })
}
func (zero) WriteFrom(_ *Ctx, off int64, _ bool, _ uint64, in ipc.In) (int, int64, error) {
	return swallow(off, in)
}

type full struct{ zero }

func (full) WriteFrom(_ *Ctx, off int64, _ bool, _ uint64, in ipc.In) (int, int64, error) {
	if in.Len() == 0 {
		return 0, off, nil
	}
	return 0, off, syscall.ENOSPC
}

type random struct{}

func (random) ReadTo(_ *Ctx, _ int64, out ipc.Out) (int, error) {
	return Fill(out, func(p []byte) { rand.Read(p) })
}
func (random) WriteFrom(_ *Ctx, off int64, _ bool, _ uint64, in ipc.In) (int, int64, error) {
	return swallow(off, in)
}

// kmsg writes to the kernel log.
type kmsg struct{}

func (kmsg) ReadTo(*Ctx, int64, ipc.Out) (int, error) { return 0, syscall.EINVAL }
func (kmsg) WriteFrom(_ *Ctx, off int64, _ bool, _ uint64, in ipc.In) (int, int64, error) {
	b := make([]byte, min(in.Len(), 1024))
	n, err := in.CopyIn(b, 0)
	if n == 0 && err != nil {
		return 0, off, err
	}
	ipc.Log(string(b[:n]))
	return int(in.Len()), off, nil
}

// Fill writes all of out with bytes that f makes, piece by piece.
func Fill(out ipc.Out, f func(p []byte)) (int, error) {
	buf := make([]byte, min(out.Len(), 32<<10))
	done := uint64(0)
	for done < out.Len() {
		p := buf[:min(uint64(len(buf)), out.Len()-done)]
		f(p)
		n, err := out.CopyOut(p, done)
		done += uint64(n)
		if err != nil {
			if done > 0 {
				break
			}
			return 0, err
		}
	}
	return int(done), nil
}
