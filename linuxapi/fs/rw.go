package fs

import (
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// Transfers. A regular file's data moves straight between the server and the
// program's memory: one call for each piece of at most rwChunk bytes, whose
// pages are brought in first, so that the server's copy does not come back
// short for want of a page.

const rwChunk = 1 << 20

// maxTries is how often memory is brought in for a server that does not find it
// any more: pages of files that their server supplies can go at any time.
const maxTries = 100

const ownOffset = int64(proto.OwnOffset)

// read transfers at the description's offset (off ownOffset) or at off.
func (f *File) read(u *uio, off int64) int64 {
	if !f.canRead() {
		return -EBADF
	}
	switch f.kind {
	case kindFile:
		return f.readFile(u, off)
	case kindDir:
		return -EISDIR
	case kindNull:
		return 0
	case kindZero, kindFull:
		return readZero(u)
	case kindRandom:
		return readRandom(u)
	case kindPipe, kindTTY, kindSock, kindInotify:
		if off != ownOffset {
			return -ESPIPE
		}
		return f.readWaiting(u)
	}
	if off != ownOffset {
		return -ESPIPE
	}
	switch f.kind {
	case kindEvent:
		return eventRead(f, u)
	case kindTimer:
		return timerRead(f, u)
	case kindSignal:
		return signalRead(f, u)
	case kindLog:
		return 0
	}
	return -EINVAL
}

// write is read's counterpart.
func (f *File) write(u *uio, off int64) int64 {
	if !f.canWrite() {
		return -EBADF
	}
	switch f.kind {
	case kindFile:
		return f.writeFile(u, off)
	case kindNull, kindZero, kindRandom:
		return writeNull(u)
	case kindFull:
		if u.total == 0 {
			return 0
		}
		return -ENOSPC
	case kindPipe, kindTTY, kindSock:
		if off != ownOffset {
			return -ESPIPE
		}
		return f.writeWaiting(u)
	case kindLog:
		return writeLog(u)
	case kindEvent:
		if off != ownOffset {
			return -ESPIPE
		}
		return eventWrite(f, u)
	}
	return -EINVAL
}

// piece returns the next piece of u, brought in; n 0: nothing left; e: bad address.
func piece(u *uio, write bool) (addr, n uint64, e int64) {
	ok, bad := u.next()
	if bad {
		return 0, 0, -EFAULT
	}
	if !ok {
		return 0, 0, 0
	}
	addr, n = u.base, u.len
	if n > rwChunk {
		n = rwChunk
	}
	if touch(addr, n, write) {
		return addr, n, 0
	}
	// The good pages before the bad one can still be used.
	page := uint64(abi.PageSize)
	good := page - addr%page
	for good < n && touch(addr, good, write) {
		good += page
	}
	if good -= page; int64(good) <= 0 || !touch(addr, good, write) {
		return 0, 0, -EFAULT
	}
	return addr, good, 0
}

func (f *File) readFile(u *uio, off int64) int64 {
	if u.more > 1 && u.total <= bounceSize {
		return f.readSpread(u, off)
	}
	var done int64
	for tries := 0; ; {
		addr, n, e := piece(u, true)
		if e != 0 && done == 0 && u.len > 0 {
			// At the end of the file a bad address is never used.
			addr, n = u.base, min(u.len, rwChunk)
		}
		if n == 0 {
			return partial(done, e)
		}
		got, _, st := client.File{C: conn(), H: f.handle}.Read(off, 0, proto.Out{Addr: addr, Len: n, Near: e == 0})
		if st == -EFAULT && e == 0 && tries < maxTries {
			tries++
			continue // a page that was there has gone again
		}
		if st < 0 {
			return partial(done, st)
		}
		if got > n {
			return -EIO
		}
		done += int64(got)
		u.advance(got)
		if off != ownOffset {
			off += int64(got)
		}
		if got < n {
			return done
		}
	}
}

// readSpread reads a vector with one call and spreads it.
func (f *File) readSpread(u *uio, off int64) int64 {
	b := takeBounce()
	n := f.readKernel(b.data[:u.total], off, true)
	if n > 0 {
		if k, bad := u.copyOut(b.data[:n]); bad {
			n = partial(int64(k), -EFAULT)
		}
	}
	b.give()
	return n
}

// writeGathered writes a vector with one call: nobody else's bytes come between
// its pieces.
func (f *File) writeGathered(u *uio, off int64) int64 {
	b := takeBounce()
	k, bad := u.copyIn(b.data[:u.total])
	n := int64(0)
	if k > 0 {
		if n = f.writeKernel(b.data[:k], off, true); n == -EFBIG {
			raise(sigXFSZ)
		}
	}
	b.give()
	if bad {
		return partial(n, -EFAULT)
	}
	return n
}

func (f *File) writeFile(u *uio, off int64) int64 {
	if u.more > 1 && u.total <= bounceSize {
		return f.writeGathered(u, off)
	}
	var done int64
	limit := fsizeLimit()
	for tries := 0; ; {
		addr, n, e := piece(u, false)
		if n == 0 {
			return partial(done, e)
		}
		got, _, st := client.File{C: conn(), H: f.handle}.Write(off, 0, limit, proto.In{Addr: addr, Len: n, Near: true})
		if st == -EFAULT && tries < maxTries {
			tries++
			continue
		}
		if st < 0 {
			if st == -EFBIG && done == 0 {
				raise(sigXFSZ)
			}
			return partial(done, st)
		}
		if got > n {
			return -EIO
		}
		done += int64(got)
		u.advance(got)
		if off != ownOffset {
			off += int64(got)
		}
		if got < n {
			return done
		}
	}
}

// partial is what a transfer answers that ends with e after done bytes.
func partial(done, e int64) int64 {
	if done > 0 {
		return done
	}
	return e
}

// readWaiting reads from an object that may have nothing yet.
func (f *File) readWaiting(u *uio) int64 {
	if u.total == 0 && f.kind != kindInotify {
		return 0
	}
	var until uint64
	for tries := 0; ; {
		addr, n, e := piece(u, true)
		if e != 0 {
			// That there is nothing, or no more, comes before what is wrong with
			// the address.
			addr, n = u.base, min(u.len, rwChunk)
		}
		if n == 0 && (e != 0 || u.total != 0) {
			return e
		}
		var s snapshot
		s.take()
		block := !f.nonblock()
		var wait uint64
		if block || f.watch != 0 {
			wait = proto.Wait(uint64(f.ch))
		}
		got, state, st := client.File{C: conn(), H: f.handle}.Read(ownOffset, wait, proto.Out{Addr: addr, Len: n, Near: e == 0})
		if st == -EAGAIN {
			var armed uint32
			if wait != 0 {
				armed = pollIn | pollRdNorm
			}
			f.note(s.seq(f.ch), widen(uint32(state))&^(pollIn|pollRdNorm), armed)
			if !block {
				return st
			}
			if e := f.waitLimited(&s, state, soRcvtimeo, &until); e != 0 {
				return e
			}
			continue
		}
		if st == -EFAULT && e == 0 && n > abi.MaxData && tries < maxTries {
			tries++ // a page has gone again; of what does not come with the reply nothing was taken
			continue
		}
		if st < 0 {
			return st
		}
		if got > n {
			return -EIO
		}
		f.note(s.seq(f.ch), widen(uint32(state)), 0)
		u.advance(got)
		done := int64(got)
		// A vector: fill its other pieces with what is there already.
		for got == n && u.total > 0 && state&pollIn != 0 {
			addr, n, e = piece(u, true)
			if n == 0 {
				break
			}
			got, state, st = client.File{C: conn(), H: f.handle}.Read(ownOffset, 0, proto.Out{Addr: addr, Len: n, Near: true})
			if st < 0 || got > n {
				break
			}
			u.advance(got)
			done += int64(got)
		}
		return done
	}
}

// writeWaiting writes to an object that may be full. A vector of at most
// PIPE_BUF bytes is gathered first: it has to arrive in one piece.
func (f *File) writeWaiting(u *uio) int64 {
	if u.total == 0 && f.kind != kindSock { // a socket may have empty messages
		return 0
	}
	if u.more > 0 && u.total <= proto.PipeBuf {
		b := takeBuf()
		k := int(u.total)
		_, bad := u.copyIn(b.path[:k])
		r := int64(-EFAULT)
		if !bad {
			g := uio{base: addrOf(b.path[:]), len: uint64(k), total: uint64(k)}
			r = f.writePieces(&g, true, !f.nonblock())
		}
		b.give()
		return r
	}
	return f.writePieces(u, false, !f.nonblock())
}

// writePieces writes u, which is libOS memory if own is set. block: all of it, however
// long that takes.
func (f *File) writePieces(u *uio, own, block bool) int64 {
	var done int64
	var until uint64
	for tries := 0; ; {
		var addr, n uint64
		var e int64
		if own {
			addr, n = u.base, u.len
		} else {
			addr, n, e = piece(u, false)
			if e != 0 && done == 0 {
				addr, n = u.base, min(u.len, rwChunk) // a lost reader comes before a bad address
			}
		}
		if n == 0 && (e != 0 || u.total != 0 || f.kind != kindSock) {
			return partial(done, e)
		}
		var s snapshot
		s.take()
		var wait uint64
		if block || f.watch != 0 {
			wait = proto.Wait(uint64(f.ch))
		}
		got, state, st := client.File{C: conn(), H: f.handle}.Write(ownOffset, wait, forever, proto.In{Addr: addr, Len: n, Near: !own && e == 0})
		if st == -EAGAIN {
			var armed uint32
			if wait != 0 {
				armed = pollOut | pollWrNorm
			}
			f.note(s.seq(f.ch), widen(uint32(state))&^(pollOut|pollWrNorm), armed)
			if !block {
				return partial(done, st)
			}
			if e := f.waitLimited(&s, state, soSndtimeo, &until); e != 0 {
				return partial(done, e)
			}
			continue
		}
		if st == -EFAULT && e == 0 && !own && tries < maxTries {
			tries++
			continue
		}
		if st < 0 {
			if st == -EPIPE && done == 0 {
				raise(sigPIPE)
			}
			return partial(done, st)
		}
		if got > n {
			return -EIO
		}
		f.note(s.seq(f.ch), widen(uint32(state)), 0)
		u.advance(got)
		done += int64(got)
		if u.total == 0 || (!block && got < n) {
			return done
		}
	}
}

func readZero(u *uio) int64 {
	var done int64
	for {
		ok, bad := u.next()
		if !ok {
			if bad {
				return partial(done, -EFAULT)
			}
			return done
		}
		n := u.len
		if n > rwChunk {
			n = rwChunk
		}
		if !clear(u.base, n) {
			return partial(done, -EFAULT)
		}
		u.advance(n)
		done += int64(n)
	}
}

func readRandom(u *uio) int64 {
	var b [256]byte
	var done int64
	for u.total > 0 {
		n := u.total
		if n > uint64(len(b)) {
			n = uint64(len(b))
		}
		random(b[:n])
		k, bad := u.copyOut(b[:n])
		done += int64(k)
		if bad {
			return partial(done, -EFAULT)
		}
	}
	return done
}

// writeNull takes everything; the data is not looked at, as on Linux.
func writeNull(u *uio) int64 { return int64(u.total) }

// writeLog sends what it is given to the kernel log.
func writeLog(u *uio) int64 {
	var b [256]byte
	var done int64
	for u.total > 0 {
		n := u.total
		if n > uint64(len(b)) {
			n = uint64(len(b))
		}
		k, bad := u.copyIn(b[:n])
		kernelLog(b[:k])
		done += int64(k)
		if bad {
			return partial(done, -EFAULT)
		}
	}
	return done
}

// Read is read(2).
func Read(fd, buf, n uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	var u uio
	u.one(buf, n)
	r := f.read(&u, ownOffset)
	f.put()
	return r
}

// Write is write(2).
func Write(fd, buf, n uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	var u uio
	u.one(buf, n)
	r := f.write(&u, ownOffset)
	f.put()
	return r
}

// Pread64 is pread64(2).
func Pread64(fd, buf, n, off uint64) int64 {
	if int64(off) < 0 {
		return -EINVAL
	}
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	var u uio
	u.one(buf, n)
	r := f.seekable()
	if r == 0 {
		r = f.read(&u, int64(off))
	}
	f.put()
	return r
}

// Pwrite64 is pwrite64(2).
func Pwrite64(fd, buf, n, off uint64) int64 {
	if int64(off) < 0 {
		return -EINVAL
	}
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	var u uio
	u.one(buf, n)
	r := f.seekable()
	if r == 0 {
		r = f.write(&u, int64(off))
	}
	f.put()
	return r
}

// seekable is ESPIPE for objects without positions.
func (f *File) seekable() int64 {
	switch f.kind {
	case kindFile, kindDir, kindNull, kindZero, kindFull, kindRandom:
		return 0
	}
	return -ESPIPE
}

// vectored is readv, writev and their positioned forms.
func vectored(fd, vec, n uint64, off int64, flags uint64, write bool) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.vectored(vec, n, off, flags, write)
	f.put()
	return r
}

func (f *File) vectored(vec, n uint64, off int64, flags uint64, write bool) int64 {
	if off != ownOffset {
		if off < 0 {
			return -EINVAL
		}
		if e := f.seekable(); e != 0 {
			return e
		}
	}
	var u uio
	if e := u.vector(vec, n); e != 0 {
		return e
	}
	if write && !f.canWrite() || !write && !f.canRead() {
		return -EBADF
	}
	// RWF_HIPRI, DSYNC, SYNC are hints to a RAM file system; NOWAIT and APPEND
	// are not offered.
	if flags&^7 != 0 {
		return -EOPNOTSUPP
	}
	if u.total == 0 {
		return 0 // nobody is asked, unlike by read and write of no bytes
	}
	if write {
		return f.write(&u, off)
	}
	return f.read(&u, off)
}

// Readv is readv(2).
func Readv(fd, vec, n uint64) int64 { return vectored(fd, vec, uint64(uint32(n)), ownOffset, 0, false) }

// Writev is writev(2).
func Writev(fd, vec, n uint64) int64 { return vectored(fd, vec, uint64(uint32(n)), ownOffset, 0, true) }

// Preadv is preadv(2); the offset's high half is for 32-bit programs only.
func Preadv(fd, vec, n, off uint64) int64 {
	if int64(off) < 0 {
		return -EINVAL
	}
	return vectored(fd, vec, n, int64(off), 0, false)
}

// Pwritev is pwritev(2).
func Pwritev(fd, vec, n, off uint64) int64 {
	if int64(off) < 0 {
		return -EINVAL
	}
	return vectored(fd, vec, n, int64(off), 0, true)
}

// Preadv2 is preadv2(2); offset -1: the description's own.
func Preadv2(fd, vec, n, off, _, flags uint64) int64 {
	return vectored(fd, vec, n, int64(off), flags, false)
}

// Pwritev2 is pwritev2(2).
func Pwritev2(fd, vec, n, off, _, flags uint64) int64 {
	return vectored(fd, vec, n, int64(off), flags, true)
}

// Lseek is lseek(2).
func Lseek(fd, off, whence uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := f.lseek(int64(off), whence)
	f.put()
	return r
}

func (f *File) lseek(off int64, whence uint64) int64 {
	if whence > seekHole {
		return -EINVAL
	}
	switch f.kind {
	case kindFile, kindDir:
		pos, st := client.File{C: conn(), H: f.handle}.Lseek(off, whence)
		if st < 0 {
			return st
		}
		return int64(pos)
	case kindNull, kindZero, kindFull, kindRandom, kindEvent, kindTimer, kindSignal, kindEpoll, kindInotify:
		return 0
	}
	return -ESPIPE
}
