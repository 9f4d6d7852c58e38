package proc

import (
	"encoding/binary"
	"testing"

	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
)

// elfHead is a program with a segment and an interpreter whose name is at 0x200.
func elfHead() []byte {
	b := make([]byte, 0x400)
	le := binary.LittleEndian
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 3) // ET_DYN
	le.PutUint16(b[18:], 62)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[32:], 64)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 2)
	load, interp := b[64:], b[120:]
	le.PutUint32(load, 1)
	le.PutUint32(load[4:], 5)
	le.PutUint64(load[32:], 0x400)
	le.PutUint64(load[40:], 0x400)
	le.PutUint64(load[48:], 0x1000)
	le.PutUint32(interp, 3)
	le.PutUint64(interp[8:], 0x200)
	name := copy(b[0x200:], "/lib/ld.so\x00")
	le.PutUint64(interp[32:], uint64(name))
	le.PutUint64(interp[40:], uint64(name))
	return b
}

// A file that cannot be read is not a file of the wrong kind, which shells take for a
// script.
func TestExecReadErrors(t *testing.T) {
	head := elfHead()
	defer func() { hook.ReadAt, hook.OpenExecKernel = nil, nil }()
	hook.OpenExecKernel = func([]byte) (uintptr, errno.Errno) { return 2, errno.OK }
	for bad := 0; bad < 4; bad++ {
		reads := 0
		hook.ReadAt = func(ref uintptr, off uint64, dst []byte) (int, errno.Errno) {
			if reads++; reads > bad {
				return 0, errno.EIO
			}
			b := elfHead()
			if ref == 2 {
				binary.LittleEndian.PutUint32(b[120:], 4) // no interpreter of its own
			}
			return copy(dst, b[min(off, uint64(len(b))):]), errno.OK
		}
		x := execState{ref: 1}
		if e := x.elf(head); e != errno.EIO {
			t.Errorf("read %d fails: error %d", bad+1, e)
		}
	}
}

// A process descriptor that cannot be had is refused before there is a child.
func TestForkWithoutRoom(t *testing.T) {
	defer func() { hook.FDRoom = nil }()
	hook.FDRoom = func() errno.Errno { return errno.EMFILE }
	if r := fork(nil, &cloneArgs{flags: cPidFD}); r != errno.EMFILE.Ret() {
		t.Errorf("no descriptor: %d", r)
	}
	hook.FDRoom = func() errno.Errno { return errno.OK }
	if r := fork(nil, &cloneArgs{flags: cPidFD, pidfd: 1 << 63}); r != errno.EFAULT.Ret() {
		t.Errorf("bad address: %d", r)
	}
}
