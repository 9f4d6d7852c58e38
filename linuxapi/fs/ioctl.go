package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
)

const (
	tcGets     = 0x5401
	tcSetsf    = 0x5404
	tiocGwinsz = 0x5413
	fionread   = 0x541b
	fionbio    = 0x5421
	fionclex   = 0x5450
	fioclex    = 0x5451
	fioasync   = 0x5452
	fioqsize   = 0x5460
	figetbsz   = 2
	ficlone    = 0x40049409

	rndGetEntCnt = 0x80045200
)

// Ioctl is ioctl(2).
func Ioctl(fd, req, arg uint64) int64 {
	req = uint64(uint32(req))
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := ioctl(f, int(int32(fd)), req, arg)
	f.put()
	return r
}

func ioctl(f *File, fd int, req, arg uint64) int64 {
	switch req {
	case fioclex, fionclex:
		tableMu.Lock()
		table.SetCloexec(fd, req == fioclex)
		tableMu.Unlock()
		return 0
	case fionbio, fioasync:
		v, ok := get32(arg)
		if !ok {
			return -EFAULT
		}
		if req == fionbio {
			return f.setBlocking(v == 0)
		}
		if v != 0 {
			return -ENOTTY
		}
		return 0
	}
	switch f.kind {
	case kindTTY, kindPipe, kindSock, kindInotify:
		return f.control(req, arg)
	case kindFile:
		if req == fionread {
			return f.fileFionread(arg)
		}
		// Generated files and regular files have no requests of their own.
		return -ENOTTY
	case kindRandom:
		if req == rndGetEntCnt {
			if !put32(arg, 256) {
				return -EFAULT
			}
			return 0
		}
	}
	return -ENOTTY
}

// control passes a request on. Servers see up to 64 bytes of memory at arg,
// through a buffer of the libOS's: how long the program's memory is there, only
// the request knows.
func (f *File) control(req, arg uint64) int64 {
	b := takeBuf()
	defer b.give()
	const size = 64
	in, out := b.path[:size], b.redir[:size]
	n := controlSize(req)
	if arg != 0 && n > 0 && controlReads(req) {
		if !copyIn(in[:n], arg) {
			return -EFAULT
		}
	}
	for i := range out {
		out[i] = 0
	}
	block := !f.nonblock()
	var wait uint64
	if block {
		wait = proto.Wait(uint64(f.ch))
	}
	for {
		var s snapshot
		s.take()
		res, st := client.File{C: conn(), H: f.handle}.Control(req, arg, wait, inBytes(in), outBytes(out))
		if st == -EAGAIN && block {
			if e := s.wait(1<<f.ch, forever); e != 0 {
				return e
			}
			continue
		}
		if st < 0 {
			return st
		}
		if n > 0 && controlWrites(req) && !copyOut(arg, out[:n]) {
			return -EFAULT
		}
		return int64(res)
	}
}

// Terminal requests, by the size and direction of what arg points at.
func controlSize(req uint64) int {
	switch req {
	case 0x5401, 0x5402, 0x5403, 0x5404: // TCGETS, TCSETS, TCSETSW, TCSETSF
		return 36
	case 0x5405, 0x5406, 0x5407, 0x5408: // TCGETA ...
		return 18
	case 0x802c542a, 0x402c542b, 0x402c542c, 0x402c542d: // TCGETS2 ...
		return 44
	case 0x5413, 0x5414: // TIOCGWINSZ, TIOCSWINSZ
		return 8
	case 0x540f, 0x5410, 0x5429, 0x541b, 0x5411, 0x5415, 0x5416, 0x5417, 0x5418, 0x5419, 0x541a, 0x5423, 0x5424,
		0x80045430, 0x40045431, 0x80045438, 0x80045439, 0x80045440, 0x5420:
		// TIOCGPGRP, TIOCSPGRP, TIOCGSID, FIONREAD, TIOCOUTQ, TIOCM*, TIOCGSOFTCAR,
		// TIOCSSOFTCAR, TIOCSETD, TIOCGETD, TIOCGPTN, TIOCSPTLCK, TIOCGPTLCK, TIOCGEXCL, TIOCPKT
		return 4
	case 0x5412: // TIOCSTI
		return 1
	}
	if req>>30 != 0 { // an _IOC-encoded request says itself
		if n := int(req >> 16 & 0x3fff); n <= 64 {
			return n
		}
	}
	return 0
}

func controlReads(req uint64) bool {
	switch req {
	case 0x5402, 0x5403, 0x5404, 0x5406, 0x5407, 0x5408, 0x402c542b, 0x402c542c, 0x402c542d, 0x5414, 0x5410,
		0x5416, 0x5417, 0x5418, 0x541a, 0x5423, 0x40045431, 0x5420, 0x5412:
		return true
	}
	return req>>30&1 != 0
}

func controlWrites(req uint64) bool {
	switch req {
	case 0x5401, 0x5405, 0x802c542a, 0x5413, 0x540f, 0x5429, 0x541b, 0x5411, 0x5415, 0x5419, 0x5424,
		0x80045430, 0x80045438, 0x80045439, 0x80045440:
		return true
	}
	return req>>30&2 != 0
}

// fileFionread is what is left to read of a regular file.
func (f *File) fileFionread(arg uint64) int64 {
	pos, st := client.File{C: conn(), H: f.handle}.Lseek(0, seekCur)
	if st < 0 {
		return -ENOTTY
	}
	var s proto.Stat
	if e := f.stat(&s); e != 0 {
		return e
	}
	if s.Mode&sIFMT != sIFREG {
		return -ENOTTY
	}
	n := s.Size - int64(pos)
	if !put32(arg, uint32(n)) {
		return -EFAULT
	}
	return 0
}
