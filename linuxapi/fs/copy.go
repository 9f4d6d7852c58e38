package fs

import (
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Transfers between two descriptors: sendfile, copy_file_range, splice, tee.
// They go through bounce buffers of the libOS's; only pipe to pipe is asked of
// the pipe server in one call.

// readKernel reads into libOS memory, at off or at the description's offset.
// wait: block until there is something.
func (f *File) readKernel(b []byte, off int64, wait bool) int64 {
	if !f.canRead() {
		return -EBADF
	}
	switch f.kind {
	case kindFile, kindPipe, kindTTY, kindSock:
	case kindNull:
		return 0
	case kindZero, kindFull:
		for i := range b {
			b[i] = 0
		}
		return int64(len(b))
	case kindRandom:
		for i := 0; i < len(b); i += 256 {
			random(b[i:min(i+256, len(b))])
		}
		return int64(len(b))
	case kindDir:
		return -EISDIR
	default:
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		var w uint64
		if wait && f.ch != 0 {
			w = proto.Wait(uint64(f.ch))
		}
		got, state, st := client.File{C: conn(), H: f.handle}.Read(off, w, outBytes(b))
		if f.ch != 0 {
			f.note(s.seq(f.ch), widen(uint32(state)), 0)
		}
		if st == -EAGAIN && w != 0 {
			if e := s.wait(1<<f.ch, forever); e != 0 {
				return e
			}
			continue
		}
		if st < 0 {
			return st
		}
		if got > uint64(len(b)) {
			return -EIO
		}
		return int64(got)
	}
}

// writeKernel writes libOS memory; all of it if wait, unless an error comes.
func (f *File) writeKernel(b []byte, off int64, wait bool) int64 {
	if !f.canWrite() {
		return -EBADF
	}
	switch f.kind {
	case kindFile, kindPipe, kindTTY, kindSock:
	case kindNull, kindZero, kindRandom:
		return int64(len(b))
	case kindFull:
		return -ENOSPC
	default:
		return -EINVAL
	}
	var done int64
	for len(b) > 0 {
		var s snapshot
		s.take()
		var w uint64
		if wait && f.ch != 0 {
			w = proto.Wait(uint64(f.ch))
		}
		got, state, st := client.File{C: conn(), H: f.handle}.Write(off, w, fsizeLimit(), inBytes(b))
		if f.ch != 0 {
			f.note(s.seq(f.ch), widen(uint32(state)), 0)
		}
		if st == -EAGAIN && w != 0 {
			if e := s.wait(1<<f.ch, forever); e != 0 {
				return partial(done, e)
			}
			continue
		}
		if st < 0 {
			if st == -EPIPE && done == 0 {
				raise(sigPIPE)
			}
			return partial(done, st)
		}
		if got > uint64(len(b)) {
			return -EIO
		}
		b = b[got:]
		done += int64(got)
		if off != ownOffset {
			off += int64(got)
		}
		if !wait && len(b) > 0 {
			break
		}
	}
	return done
}

// position is where one side of a transfer works: an explicit offset in the
// program's memory, or the description's own.
type position struct {
	addr uint64 // 0: own
	off  int64
}

func (p *position) load() int64 {
	p.off = ownOffset
	if p.addr == 0 {
		return 0
	}
	v, ok := get64(p.addr)
	if !ok {
		return -EFAULT
	}
	if int64(v) < 0 {
		return -EINVAL
	}
	p.off = int64(v)
	return 0
}

func (p *position) store() int64 {
	if p.addr != 0 && !put64(p.addr, uint64(p.off)) {
		return -EFAULT
	}
	return 0
}

// transfer moves up to n bytes from in to out. What out does not take must stay
// in in: a file is read at an explicit offset, a socket is peeked at first. What
// has been read of another source is written even if that has to wait; so it is
// read only when out takes something.
func transfer(in *File, ip *position, out *File, op *position, n uint64, block bool) int64 {
	if n > maxRW {
		n = maxRW
	}
	own := ip.off == ownOffset && in.kind == kindFile
	if own {
		pos, st := client.File{C: conn(), H: in.handle}.Lseek(0, seekCur)
		if st < 0 {
			return st
		}
		ip.off = int64(pos)
	}
	b := takeBounce()
	var done, err int64
	for uint64(done) < n {
		k := n - uint64(done)
		if k > bounceSize {
			k = bounceSize
		}
		if !block && in.kind != kindFile && !out.takes() {
			if done == 0 {
				err = -EAGAIN
			}
			break
		}
		// Only the first piece may wait for data.
		wait := block && done == 0
		var got int64
		if in.kind == kindSock {
			got = in.peek(b.data[:k], wait)
		} else {
			got = in.readKernel(b.data[:k], ip.off, wait)
		}
		if got <= 0 {
			if got != -EAGAIN || done == 0 {
				err = got
			}
			break
		}
		put := out.deliver(in, b.data[:got], op.off, block, done == 0)
		if put < 0 {
			err = put
			break
		}
		if in.kind == kindSock {
			in.readKernel(b.data[:put], ownOffset, false)
		}
		if ip.off != ownOffset {
			ip.off += put
		}
		if op.off != ownOffset {
			op.off += put
		}
		done += put
		if put < got || uint64(got) < k {
			break
		}
	}
	b.give()
	if own && done > 0 {
		client.File{C: conn(), H: in.handle}.Lseek(ip.off, seekSet)
	}
	return partial(done, err)
}

// deliver writes what transfer has read of in. A pipe gets what it has room for, if
// the rest can stay where it was.
func (f *File) deliver(in *File, b []byte, off int64, block, first bool) int64 {
	stays := in.kind != kindPipe && in.kind != kindTTY
	if f.kind != kindPipe || !stays {
		return f.writeKernel(b, off, block || !stays)
	}
	for {
		r := f.writeKernel(b, off, false)
		if r != -EAGAIN || !block || !first {
			return r
		}
		if e := f.waitRoom(); e != 0 {
			return e
		}
	}
}

// takes: a write would put something in.
func (f *File) takes() bool {
	switch f.kind {
	case kindPipe, kindTTY, kindSock:
		return f.query(pollOut)&(pollOut|pollErr|pollHup) != 0
	}
	return true
}

// peek reads from a socket what stays there.
func (f *File) peek(b []byte, wait bool) int64 {
	if f.sockType() != sockStream {
		return -EINVAL
	}
	for {
		var s snapshot
		s.take()
		var w uint64
		if wait {
			w = proto.Wait(chanSock)
		}
		grantEnter()
		got, state, _, _, _, h0, h1, h2, st := sockEnd(f).Recv(msgPeek, w, outBytes(b), proto.Out{})
		for _, h := range [...]uint64{h0, h1, h2} {
			drop(h)
		}
		grantLeave()
		f.note(s.seq(chanSock), widen(uint32(state)), 0)
		if st == -EAGAIN && wait {
			if e := s.wait(1<<chanSock, forever); e != 0 {
				return e
			}
			continue
		}
		if st < 0 {
			return st
		}
		return int64(min(got, uint64(len(b))))
	}
}

// Sendfile is sendfile(2).
func Sendfile(outfd, infd, offset, n uint64) int64 {
	in := getIO(infd)
	out := getIO(outfd)
	r := int64(-EBADF)
	switch {
	case in == nil || !in.canRead():
	case offset != 0 && in.seekable() != 0:
		r = -ESPIPE
	case out != nil && out.canWrite():
		ip, op := position{addr: offset}, position{off: ownOffset}
		switch {
		case in.kind != kindFile && in.kind != kindZero:
			r = -EINVAL
		case out.getFlags()&oAppend != 0:
			r = -EINVAL
		default:
			if r = ip.load(); r == 0 {
				r = transfer(in, &ip, out, &op, n, !out.nonblock())
				if r >= 0 {
					if e := ip.store(); e != 0 {
						r = e
					}
				}
			}
		}
	}
	putBoth(in, out)
	return r
}

func putBoth(a, b *File) {
	if a != nil {
		a.put()
	}
	if b != nil {
		b.put()
	}
}

// CopyFileRange is copy_file_range(2).
func CopyFileRange(infd, inoff, outfd, outoff, n, flags uint64) int64 {
	in := getIO(infd)
	out := getIO(outfd)
	r := int64(-EBADF)
	if in != nil && out != nil {
		r = copyRange(in, inoff, out, outoff, n, flags)
	}
	putBoth(in, out)
	return r
}

func copyRange(in *File, inoff uint64, out *File, outoff, n, flags uint64) int64 {
	if flags != 0 {
		return -EINVAL
	}
	if in.kind == kindDir || out.kind == kindDir {
		return -EISDIR
	}
	if in.kind != kindFile || out.kind != kindFile {
		return -EINVAL
	}
	if !in.canRead() || !out.canWrite() || out.getFlags()&oAppend != 0 {
		return -EBADF
	}
	ip, op := position{addr: inoff}, position{addr: outoff}
	if e := ip.load(); e != 0 {
		return e
	}
	if e := op.load(); e != 0 {
		return e
	}
	if e := overlap(in, &ip, out, &op, n); e != 0 {
		return e
	}
	r := transfer(in, &ip, out, &op, n, true)
	if r > 0 {
		if inoff != 0 {
			if e := ip.store(); e != 0 {
				return e
			}
		}
		if e := op.store(); e != 0 {
			return e
		}
	}
	return r
}

// overlap is EINVAL for a copy within one file whose ranges meet.
func overlap(in *File, ip *position, out *File, op *position, n uint64) int64 {
	var a, b proto.Stat
	if e := in.stat(&a); e != 0 {
		return e
	}
	if e := out.stat(&b); e != 0 {
		return e
	}
	if a.Dev != b.Dev || a.Ino != b.Ino {
		return 0
	}
	i, e := in.at(ip)
	if e != 0 {
		return e
	}
	o, e := out.at(op)
	if e != 0 {
		return e
	}
	n = min(n, maxRW, uint64(max(a.Size-i, 0))) // there is no more to copy
	if i < o+int64(n) && o < i+int64(n) {
		return -EINVAL
	}
	return 0
}

// at is where a transfer at p begins.
func (f *File) at(p *position) (off, e int64) {
	if p.off != ownOffset {
		return p.off, 0
	}
	pos, st := client.File{C: conn(), H: f.handle}.Lseek(0, seekCur)
	return int64(pos), min(st, 0)
}

const (
	spliceMove     = 1
	spliceNonblock = 2
	spliceMore     = 4
	spliceGift     = 8
	spliceAll      = 15
)

// Splice is splice(2).
func Splice(infd, inoff, outfd, outoff, n, flags uint64) int64 {
	if n == 0 {
		return 0 // whatever the rest is
	}
	flags = uint64(uint32(flags))
	if flags&^spliceAll != 0 {
		return -EINVAL
	}
	in := getIO(infd)
	out := getIO(outfd)
	r := int64(-EBADF)
	if in != nil && out != nil && in.canRead() && out.canWrite() {
		r = splice(in, inoff, out, outoff, n, flags)
	}
	putBoth(in, out)
	return r
}

func splice(in *File, inoff uint64, out *File, outoff, n, flags uint64) int64 {
	if in.kind != kindPipe && out.kind != kindPipe {
		return -EINVAL
	}
	if in.kind == kindPipe && inoff != 0 || out.kind == kindPipe && outoff != 0 {
		return -ESPIPE
	}
	if out.getFlags()&oAppend != 0 && out.kind == kindFile {
		return -EINVAL
	}
	if in.kind == kindPipe && out.kind == kindPipe {
		return pipeToPipe(in, out, n, false, flags)
	}
	ip, op := position{addr: inoff}, position{addr: outoff}
	if e := ip.load(); e != 0 {
		return e
	}
	if e := op.load(); e != 0 {
		return e
	}
	if n > bounceSize {
		n = bounceSize
	}
	block := flags&spliceNonblock == 0 && !in.nonblock()
	r := transfer(in, &ip, out, &op, n, block)
	if r > 0 {
		if inoff != 0 {
			if e := ip.store(); e != 0 {
				return e
			}
		}
		if e := op.store(); e != 0 {
			return e
		}
	}
	return r
}

// pipeToPipe moves or copies within the pipe server.
func pipeToPipe(in, out *File, n uint64, tee bool, flags uint64) int64 {
	block := flags&spliceNonblock == 0 && !in.nonblock() && !out.nonblock()
	var wait, t uint64
	if block {
		wait = proto.Wait(chanPipe)
	}
	if tee {
		t = 1
	}
	for {
		var s snapshot
		s.take()
		got, st := client.PipeEnd{C: conn(), H: in.handle}.Splice(n, t, wait, client.Copy(out.handle))
		if st == -EAGAIN && block {
			if e := s.wait(1<<chanPipe, forever); e != 0 {
				return e
			}
			continue
		}
		if st < 0 {
			if st == -EPIPE {
				raise(sigPIPE)
			}
			return st
		}
		return int64(got)
	}
}

// Tee is tee(2).
func Tee(infd, outfd, n, flags uint64) int64 {
	flags = uint64(uint32(flags))
	if flags&^spliceAll != 0 {
		return -EINVAL
	}
	if n == 0 {
		return 0 // whatever the descriptors are
	}
	in := getIO(infd)
	out := getIO(outfd)
	r := int64(-EBADF)
	if in != nil && out != nil && in.canRead() && out.canWrite() {
		r = -EINVAL
		if in.kind == kindPipe && out.kind == kindPipe && in != out {
			r = pipeToPipe(in, out, n, true, flags)
		}
	}
	putBoth(in, out)
	return r
}

// Vmsplice is vmsplice(2): writing to a pipe end, or reading from one.
func Vmsplice(fd, vec, n, flags uint64) int64 {
	if flags&^spliceAll != 0 {
		return -EINVAL
	}
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := int64(-EBADF)
	switch {
	case f.kind != kindPipe:
	case f.canWrite():
		r = f.vmsplice(vec, n, flags&spliceNonblock == 0 && !f.nonblock())
	default:
		r = f.vectored(vec, n, ownOffset, 0, false)
	}
	f.put()
	return r
}

// vmsplice writes what there is room for, and waits only while there is none.
func (f *File) vmsplice(vec, n uint64, block bool) int64 {
	var u uio
	if e := u.vector(vec, n); e != 0 {
		return e
	}
	for {
		r := f.writePieces(&u, false, false)
		if r != -EAGAIN || !block {
			return r
		}
		if e := f.waitRoom(); e != 0 {
			return e
		}
	}
}

// waitRoom waits until f may take something.
func (f *File) waitRoom() int64 {
	for {
		var s snapshot
		s.take()
		if f.takes() {
			return 0
		}
		if e := s.wait(1<<f.ch, forever); e != 0 {
			return e
		}
	}
}
