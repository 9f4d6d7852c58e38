package file

import (
	"math/bits"
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// Memory is where files get pages that can be shared.
type Memory interface {
	// New makes an FCM of size bytes, zero-filled.
	New(size int64) (FCM, error)
}

// FCM is a memory object and its mapping in this server.
type FCM interface {
	// Handle names it; copies of it are granted.
	Handle() uint64
	// Bytes is its first Size bytes. Valid until Resize or Close.
	Bytes() []byte
	// Next is the offset, a multiple of the page size, of the first page at or
	// above off, such a multiple, that is in memory; -1: none is.
	Next(off int64) int64
	// Resident is how many bytes are in memory.
	Resident() int64
	Resize(size int64) error
	Close()
}

// regular is a file with data. Where the data is: rom (in the initramfs, read
// only; nil otherwise), heap, or fcm, one of them.
type regular struct {
	inode

	// Guarded by inode.mu.
	size  int64
	rom   []byte
	heap  []byte // len is size
	fcm   FCM
	pages []uint64 // with fcm: bitmap of pages that have been written
	count int64    // pages charged
	opens int
	// image is a copy of the content for set-id exec (image.go), nil: none; mapped:
	// the content can change without this server's doing.
	image      FCM
	imagePages int64
	mapped     bool
	temp       bool // made without a name; may still get one
}

const (
	heapMax = 64 << 10
	fileMax = 1 << 40 // largest file, bytes
)

// Stat implements vfs.Node.
func (f *regular) Stat(*vfs.Ctx) proto.Stat {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := f.statLocked()
	s.Size = f.size
	s.Blocks = f.count * (pageSize / 512)
	if f.mapped && f.fcm != nil {
		s.Blocks = max(f.count, f.fcm.Resident()/pageSize) * (pageSize / 512)
	}
	if f.rom != nil {
		s.Blocks = (f.size + pageSize - 1) / pageSize * (pageSize / 512)
	}
	return s
}

// own brings the data out of the initramfs. f.mu is held.
func (f *regular) own() error {
	if f.rom == nil {
		return nil
	}
	rom := f.rom
	if f.size > heapMax {
		return f.toFCM(rom)
	}
	if err := f.recount(f.size); err != nil {
		return err
	}
	f.heap, f.rom = append([]byte(nil), rom...), nil
	return nil
}

// toFCM moves the data from into an FCM. f.mu is held.
func (f *regular) toFCM(from []byte) error {
	m, err := f.ram.mem.New(f.size)
	if err != nil {
		return err
	}
	old := f.count
	f.count, f.pages = 0, nil
	if err := f.mark(0, int64(len(from))); err != nil {
		f.count = old
		m.Close()
		return err
	}
	if err := f.ram.charge(-old); err != nil {
		return err
	}
	copy(m.Bytes(), from)
	f.fcm, f.heap, f.rom = m, nil, nil
	return nil
}

// recount charges for a heap file of size bytes. f.mu is held.
func (f *regular) recount(size int64) error {
	n := (size + pageSize - 1) / pageSize
	if err := f.ram.charge(n - f.count); err != nil {
		return err
	}
	f.count = n
	return nil
}

// setSize truncates or extends. f.mu is held.
func (f *regular) setSize(n int64) error {
	if n > fileMax {
		return syscall.EFBIG
	}
	if n == f.size {
		return nil
	}
	f.dropImage()
	if f.rom != nil && n < f.size && n > 0 {
		f.rom, f.size = f.rom[:n], n
		return nil
	}
	if f.rom != nil && n == 0 {
		f.rom, f.size = nil, 0
		return nil
	}
	if err := f.own(); err != nil {
		return err
	}
	if f.fcm == nil && n > heapMax {
		if err := f.toFCM(f.heap); err != nil {
			return err
		}
	}
	if f.fcm != nil {
		if n < f.size {
			// What is behind the end reads as zero if the file grows again.
			b := f.fcm.Bytes()
			end := min((n+pageSize-1)/pageSize*pageSize, f.size)
			clear(b[n:end])
			f.unmark(n, f.size-n+pageSize)
		}
		if err := f.fcm.Resize(n); err != nil {
			return err
		}
		f.size = n
		return nil
	}
	if err := f.recount(n); err != nil {
		return err
	}
	if n < f.size {
		clear(f.heap[n:])
		f.heap = f.heap[:n]
	} else {
		f.growHeap(n)
	}
	f.size = n
	return nil
}

// growHeap makes len(heap) n. Bytes behind the old end are zero.
func (f *regular) growHeap(n int64) {
	if int64(cap(f.heap)) < n {
		c := int64(1) << bits.Len64(uint64(max(n, 64)-1))
		h := make([]byte, len(f.heap), c)
		copy(h, f.heap)
		f.heap = h
	}
	f.heap = f.heap[:n]
}

// Change implements vfs.Changer.
func (f *regular) Change(ch *vfs.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ch.Size != nil {
		if err := f.setSize(*ch.Size); err != nil {
			return err
		}
		f.mtim = vfs.Now()
	}
	f.changeLocked(ch)
	return nil
}

// release frees the data if no name and no open object is left.
func (f *regular) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nlink > 0 || f.opens > 0 || f.temp {
		return
	}
	if f.fcm != nil {
		f.fcm.Close()
	}
	f.dropImage()
	f.ram.charge(-f.count)
	f.fcm, f.heap, f.rom, f.pages, f.count, f.size = nil, nil, nil, nil, 0, 0
}

// Open implements vfs.Regular.
func (f *regular) Open(_ *vfs.Ctx, flags uint64) (vfs.Data, error) {
	f.mu.Lock()
	f.opens++
	f.mu.Unlock()
	return &openFile{f}, nil
}

// openFile is one open instance.
type openFile struct{ *regular }

// Close implements vfs.Closer.
func (o *openFile) Close() {
	o.mu.Lock()
	o.opens--
	if o.opens == 0 && o.nlink == 0 {
		o.temp = false
	}
	o.mu.Unlock()
	o.release()
}

// bytes is the whole data. f.mu is held.
func (f *regular) bytes() []byte {
	switch {
	case f.rom != nil:
		return f.rom
	case f.fcm != nil:
		return f.fcm.Bytes()
	}
	return f.heap
}

// ReadTo implements vfs.Data.
func (o *openFile) ReadTo(_ *vfs.Ctx, off int64, out ipc.Out) (int, error) {
	o.mu.RLock()
	if off >= o.size || out.Len() == 0 {
		o.mu.RUnlock()
		return 0, nil
	}
	var n int
	var err error
	if end := off + int64(min(out.Len(), uint64(o.size-off))); o.sparse() {
		n, err = o.readSparse(off, end, out)
	} else {
		n, err = out.CopyOut(o.bytes()[off:end], 0)
	}
	stale := after(o.mtim, o.atim) || after(o.ctim, o.atim)
	o.mu.RUnlock()
	if n == 0 && err != nil {
		return 0, err
	}
	if stale {
		o.mu.Lock()
		o.atim = vfs.Now()
		o.mu.Unlock()
	}
	return n, nil
}

// after: a is not before b.
func after(a, b proto.Time) bool {
	return a.Sec > b.Sec || a.Sec == b.Sec && a.NSec >= b.NSec
}

const chunk = 128 << 10

var chunks = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// WriteFrom implements vfs.Data. Each chunk is copied in before anything of
// it is committed.
func (o *openFile) WriteFrom(x *vfs.Ctx, off int64, atEnd bool, limit uint64, in ipc.In) (int, int64, error) {
	bp := chunks.Get().(*[]byte)
	defer chunks.Put(bp)
	done := uint64(0)
	for done < in.Len() {
		p := (*bp)[:min(uint64(chunk), in.Len()-done)]
		n, cerr := in.CopyIn(p, done)
		if n > 0 {
			w, end, err := o.write(x, off, atEnd, limit, p[:n])
			done += uint64(w)
			off, atEnd = end, false
			if err != nil {
				if done > 0 {
					return int(done), off, nil
				}
				return 0, off, err
			}
			if w < n {
				break
			}
		}
		if cerr != nil {
			if done > 0 {
				break
			}
			return 0, off, cerr
		}
	}
	return int(done), off, nil
}

func (f *regular) write(x *vfs.Ctx, off int64, atEnd bool, limit uint64, p []byte) (int, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if atEnd {
		off = f.size
	}
	if limit == 0 || limit > fileMax {
		limit = fileMax
	}
	if uint64(off) >= limit {
		return 0, off, syscall.EFBIG
	}
	p = p[:min(uint64(len(p)), limit-uint64(off))]
	end := off + int64(len(p))
	f.dropImage()
	if err := f.own(); err != nil {
		return 0, off, err
	}
	if f.fcm == nil && end > heapMax {
		if err := f.toFCM(f.heap); err != nil {
			return 0, off, err
		}
	}
	if f.fcm != nil {
		if err := f.mark(off, int64(len(p))); err != nil {
			return 0, off, err
		}
		if end > f.size {
			if err := f.fcm.Resize(end); err != nil {
				return 0, off, err
			}
			f.size = end
		}
		copy(f.fcm.Bytes()[off:], p)
	} else {
		if end > f.size {
			if err := f.recount(end); err != nil {
				return 0, off, err
			}
			f.growHeap(end)
			f.size = end
		}
		copy(f.heap[off:], p)
	}
	now := vfs.Now()
	f.mtim, f.ctim = now, now
	if x.Cred.FSUID != 0 {
		f.mode &^= syscall.S_ISUID
		if f.mode&0o010 != 0 {
			f.mode &^= syscall.S_ISGID
		}
	}
	return len(p), end, nil
}

// Map implements vfs.Mapper: from now on the data is in an FCM, whose pages
// all mappers and this server share.
func (o *openFile) Map(writable bool) (int64, uint64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fcm == nil {
		if o.rom != nil {
			if err := o.toFCM(o.rom); err != nil {
				return 0, 0, err
			}
		} else if err := o.toFCM(o.heap); err != nil {
			return 0, 0, err
		}
	}
	o.mapped = o.mapped || writable
	return o.size, o.fcm.Handle(), nil
}
