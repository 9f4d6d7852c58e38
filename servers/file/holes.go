package file

import (
	"bytes"
	"math"
	"math/bits"
	"syscall"

	"go42/ipc"
	"go42/servers/vfs"
)

// Holes of files in FCMs. What calls have written is in regular.pages, and charged
// to the file system. What is written by way of a mapping makes a page be in memory
// that is not marked; so may reading there. A page is data if it is marked, or if it
// is in memory and not zero.

// sparse says that there may be holes. f.mu is held.
func (f *regular) sparse() bool { return f.fcm != nil && f.count < pages(f.size) }

// mark charges for the pages of [off, off+n) that had not been written. f.mu
// is held. On an error nothing has changed.
func (f *regular) mark(off, n int64) error {
	if n <= 0 {
		return nil
	}
	lo, hi := off/pageSize, (off+n-1)/pageSize
	if hi-lo >= f.ram.limit {
		return syscall.ENOSPC
	}
	fresh := int64(0)
	for p := lo; p <= hi; p++ {
		if !f.marked(p) {
			fresh++
		}
	}
	if fresh == 0 {
		return nil
	}
	if err := f.ram.charge(fresh); err != nil {
		return err
	}
	f.count += fresh
	for int64(len(f.pages)) <= hi/64 {
		f.pages = append(f.pages, 0)
	}
	for p := lo; p <= hi; p++ {
		f.pages[p/64] |= 1 << (p % 64)
	}
	return nil
}

func (f *regular) marked(p int64) bool {
	return p/64 < int64(len(f.pages)) && f.pages[p/64]>>(p%64)&1 != 0
}

// nextMarked is the first marked page from p on; math.MaxInt64: none is.
func (f *regular) nextMarked(p int64) int64 {
	for ; p/64 < int64(len(f.pages)); p = (p/64 + 1) * 64 {
		if w := f.pages[p/64] >> (p % 64); w != 0 {
			return p + int64(bits.TrailingZeros64(w))
		}
	}
	return math.MaxInt64
}

// unmark gives back the whole pages within [off, off+n). f.mu is held.
func (f *regular) unmark(off, n int64) {
	for p := (off + pageSize - 1) / pageSize; p < (off+n)/pageSize && p/64 < int64(len(f.pages)); p++ {
		if f.pages[p/64]>>(p%64)&1 != 0 {
			f.pages[p/64] &^= 1 << (p % 64)
			f.count--
			f.ram.charge(-1)
		}
	}
}

var zeroes [64 << 10]byte

// page is what is in memory of page p. f.mu is held.
func (f *regular) page(p int64) []byte {
	return f.fcm.Bytes()[p*pageSize : min((p+1)*pageSize, f.size)]
}

// written says whether page p, which is not marked, is data. f.mu is held.
func (f *regular) written(p int64) bool {
	return f.fcm.Next(p*pageSize) == p*pageSize && !bytes.Equal(f.page(p), zeroes[:len(f.page(p))])
}

// data is where the first data from off on begins; the size: there is none. f.mu is
// held.
func (f *regular) data(off int64) int64 {
	for p := off / pageSize; ; p++ {
		m := f.nextMarked(p)
		if at := f.fcm.Next(p * pageSize); at >= 0 {
			p = min(m, at/pageSize)
		} else {
			p = m
		}
		if p >= pages(f.size) {
			return f.size
		}
		if p == m || f.written(p) {
			return max(off, p*pageSize)
		}
	}
}

// hole is where the first hole from off on begins; the size: there is none. f.mu is
// held.
func (f *regular) hole(off int64) int64 {
	for p := off / pageSize; p < pages(f.size); p++ {
		if !f.marked(p) && !f.written(p) {
			return max(off, p*pageSize)
		}
	}
	return f.size
}

// SeekHole implements vfs.Holer.
func (o *openFile) SeekHole(off int64, data bool) (int64, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if off < 0 || off >= o.size {
		return 0, syscall.ENXIO
	}
	switch {
	case o.fcm == nil && data:
		return off, nil
	case o.fcm == nil:
		return o.size, nil
	case !data:
		return o.hole(off), nil
	}
	if off = o.data(off); off == o.size {
		return 0, syscall.ENXIO
	}
	return off, nil
}

// readRun is how many pages readSparse copies at once.
const readRun = 16

// readSparse copies [off, end) out; holes stay holes: looking at a page that is not
// in memory would make one. f.mu is held.
func (f *regular) readSparse(off, end int64, out ipc.Out) (int, error) {
	done := uint64(0)
	for off < end {
		at := off &^ (pageSize - 1)
		var b []byte
		switch next := f.fcm.Next(at); {
		case next == at:
			for at += pageSize; at < end && at-off < readRun*pageSize && f.fcm.Next(at) == at; {
				at += pageSize
			}
			b = f.fcm.Bytes()[off:min(at, end)]
		case next < 0 || next > end:
			next = end
			fallthrough
		default:
			b = zeroes[:min(next-off, int64(len(zeroes)))]
		}
		n, err := out.CopyOut(b, done)
		done, off = done+uint64(n), off+int64(n)
		if n < len(b) {
			if done > 0 {
				break
			}
			return 0, err
		}
	}
	return int(done), nil
}

// punch zeroes [off, end). f.mu is held.
func (f *regular) punch(off, end int64) {
	if off >= f.size {
		return
	}
	whole := end - off
	end = min(end, f.size)
	b := f.bytes()
	if f.fcm == nil {
		clear(b[off:end])
		return
	}
	for at := f.fcm.Next(off &^ (pageSize - 1)); at >= 0 && at < end; at = f.fcm.Next(at + pageSize) {
		clear(b[max(at, off):min(at+pageSize, end)])
	}
	f.unmark(off, whole)
}

// fallocate modes.
const (
	fallocKeepSize  = 1
	fallocPunchHole = 2
)

// Allocate implements vfs.Allocator.
func (o *openFile) Allocate(mode uint64, off, n int64, limit uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	end := off + n
	switch mode {
	case 0, fallocKeepSize:
		if end > fileMax || limit != 0 && uint64(end) > limit {
			return syscall.EFBIG
		}
		was := o.size
		if mode == 0 && end > o.size {
			if err := o.setSize(end); err != nil {
				return err
			}
		}
		if o.fcm == nil {
			return nil
		}
		err := o.mark(off, min(end, o.size)-off)
		if err != nil && o.size != was {
			o.setSize(was)
		}
		return err
	case fallocPunchHole | fallocKeepSize:
		o.dropImage()
		if err := o.own(); err != nil {
			return err
		}
		o.punch(off, end)
		now := vfs.Now()
		o.mtim, o.ctim = now, now
		return nil
	}
	return syscall.EOPNOTSUPP
}
