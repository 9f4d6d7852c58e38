package fsserver

import (
	"sync"
	"syscall"
	"time"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// file is what is cached of one file: from its first opening until nobody has
// used it for long.
type file struct {
	s    *Server
	ino  uint64
	name uint64 // the kernel's news name the object so
	h    uint64 // handle of the object; its pages are the cache

	flush sync.Mutex // one write-back at a time

	mu   sync.Mutex
	size int64     // guarded by mu
	time time.Time // of the last write here; guarded by mu
	// Reading in order: where the last pages that reads lacked ended, and how many
	// pages are to be read next time. Guarded by mu.
	next, window int64

	// Guarded by Server.mu.
	opens  int
	unused bool // not open and not mapped: on Server.closed
	gone   bool // has no name any more
}

// maxClosed is how many files that nobody uses stay cached.
const maxClosed = 256

// use finds or makes what is cached of a file.
func (s *Server) use(ino uint64) (*file, error) {
	a, err := s.fs.Stat(ino)
	if err != nil {
		return nil, errno(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[ino]
	if f == nil {
		s.next++
		h, err := newObject(a.Size, s.next)
		if err != nil {
			return nil, err
		}
		f = &file{s: s, ino: ino, name: s.next, h: h, size: a.Size, time: a.Time}
		s.files[ino], s.byName[f.name] = f, f
	}
	f.opens++
	s.keep(f)
	return f, nil
}

// keep takes f off the list of files that nobody uses. s.mu is held.
func (s *Server) keep(f *file) {
	if !f.unused {
		return
	}
	f.unused = false
	for i, x := range s.closed {
		if x == f {
			s.closed = append(s.closed[:i], s.closed[i+1:]...)
			break
		}
	}
}

// mapped: somebody maps an object.
var mapped = func(h uint64) bool { return info(h).Mappers != 0 }

// letGo is called when f may be neither open nor mapped any more.
func (s *Server) letGo(f *file) {
	f.writeBack()
	var out []*file
	s.mu.Lock()
	if f.opens == 0 && !f.unused && s.files[f.ino] == f && !mapped(f.h) {
		f.unused = true
		s.closed = append(s.closed, f)
		for len(s.closed) > maxClosed || len(s.closed) > 0 && f.gone {
			x := s.closed[0]
			if f.gone {
				x = f
			}
			s.keep(x)
			if x != f && mapped(x.h) {
				continue // since then, as by an exec: it is let go of when that ends
			}
			delete(s.files, x.ino)
			delete(s.byName, x.name)
			out = append(out, x)
			if x == f {
				break
			}
		}
	}
	s.mu.Unlock()
	for _, x := range out {
		ipc.Native{}.Drop(x.h)
		if x.gone && s.write != nil {
			s.write.Forget(x.ino)
		}
	}
}

// news is told that the kernel wants something. It is called by a receiver, and
// does not wait.
func (s *Server) news() {
	n := new(abi.PageNews)
	for nextPage(n) {
		s.mu.Lock()
		f := s.byName[n.Object]
		s.stats.Requests += int64(min(n.Len, 1))
		s.stats.Pages += int64(n.Len / PageSize)
		s.mu.Unlock()
		if f == nil {
			continue
		}
		switch x := *n; {
		case x.Len != 0:
			go f.supply(int64(x.Offset), int64(x.Len))
		case x.Flags&abi.PageSync != 0:
			go func() { synced(f.h, x.Offset, f.writeBack()) }()
		case x.Flags&abi.PageUnused != 0:
			go s.letGo(f)
		}
	}
}

// supply answers the kernel's request, each page for itself: who waits for the first
// need not wait for those read ahead, which are read at the same time.
func (f *file) supply(off, n int64) {
	f.s.slots <- struct{}{}
	go func() {
		f.supplyPage(off)
		<-f.s.slots
	}()
	for at := off + PageSize; at < off+n; at += PageSize {
		f.ahead(func() { f.supplyPage(at) })
	}
}

func (f *file) supplyPage(off int64) {
	b := make([]byte, PageSize)
	err := f.s.fs.ReadPage(f.ino, off/PageSize, b)
	if err == nil {
		err = pageIn(f.h, off, b)
	}
	if err != nil {
		pageFail(f.h, off, PageSize)
	}
}

// ahead has read done soon, which reads a page that nobody may wait for yet: half of
// the slots are left to those for which somebody does.
func (f *file) ahead(read func()) {
	f.s.aheads <- struct{}{}
	f.s.slots <- struct{}{}
	go func() {
		read()
		<-f.s.slots
		<-f.s.aheads
	}()
}

// maxWindow bounds read-ahead for reads, in pages, as the kernel's for mappings.
const maxWindow = 32

// readEnd says up to where to read for a read that goes on to end and lacks the page
// at off: further and further, where it lacked the one before.
func (f *file) readEnd(off, end int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if off == f.next {
		f.window = max(1, min(2*f.window, maxWindow))
	} else {
		f.window = 1
	}
	end = min(max(end, off+f.window*PageSize), f.size)
	f.next = (end + PageSize - 1) &^ (PageSize - 1)
	return end
}

// loadBehind reads the pages behind the one at off, up to end, that are not there,
// while somebody reads that one, who waits for done.
func (f *file) loadBehind(off, end int64, done *sync.WaitGroup) {
	one := make([]byte, 1)
	for at := off + PageSize; at < end; at += PageSize {
		if cached(f.h, at, one) != 0 {
			continue
		}
		done.Add(1)
		f.ahead(func() {
			f.load(at, make([]byte, PageSize)) // an error is met again by who gets there
			done.Done()
		})
	}
}

// load brings the page at off into the cache and into b.
func (f *file) load(off int64, b []byte) error {
	clear(b)
	if err := f.s.fs.ReadPage(f.ino, off/PageSize, b); err != nil {
		return errno(err)
	}
	pageIn(f.h, off, b) // without room in the cache, b has it
	return nil
}

// writeBack gives the changed pages to the file system.
func (f *file) writeBack() error {
	w := f.s.write
	if w == nil {
		return nil
	}
	f.flush.Lock()
	defer f.flush.Unlock()
	var first error
	b := make([]byte, PageSize)
	for at, n := dirty(f.h, 0); n != 0; at, n = dirty(f.h, at+n) {
		for off := at; off < at+n; off += PageSize {
			k := cached(f.h, off, b)
			if k == 0 {
				continue // truncated meanwhile
			}
			if err := w.WritePage(f.ino, off/PageSize, b[:k]); err != nil && first == nil {
				first = errno(err)
			}
			f.s.mu.Lock()
			f.s.stats.Written++
			f.s.mu.Unlock()
		}
	}
	return first
}

// Flush writes back what is changed in all files.
func (s *Server) Flush() {
	s.mu.Lock()
	fs := make([]*file, 0, len(s.files))
	for _, f := range s.files {
		fs = append(fs, f)
	}
	s.mu.Unlock()
	for _, f := range fs {
		if info(f.h).Dirty != 0 {
			f.writeBack()
		}
	}
}

// setSize truncates or extends.
func (f *file) setSize(size int64) error {
	if f.s.write == nil {
		return syscall.EROFS
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resize(size)
}

// resize is setSize with f.mu held.
func (f *file) resize(size int64) error {
	if err := f.s.write.SetSize(f.ino, size); err != nil {
		return errno(err)
	}
	if err := resize(f.h, size); err != nil {
		return err
	}
	f.size, f.time = size, time.Now()
	return nil
}

// openFile is one open instance.
type openFile struct{ *file }

// Close implements vfs.Closer.
func (o openFile) Close() {
	o.s.mu.Lock()
	o.opens--
	o.s.mu.Unlock()
	go o.s.letGo(o.file)
}

// Sync implements vfs.Syncer.
func (o openFile) Sync(bool) error { return o.writeBack() }

// Map implements vfs.Mapper.
func (o openFile) Map(writable bool) (int64, uint64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.size, o.h, nil
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// ReadTo implements vfs.Data.
func (o openFile) ReadTo(_ *vfs.Ctx, off int64, out ipc.Out) (int, error) {
	bp := buffers.Get().(*[]byte)
	defer buffers.Put(bp)
	o.mu.Lock()
	size := o.size
	o.mu.Unlock()
	done := uint64(0)
	for done < out.Len() && off < size {
		b := (*bp)[:min(int64(len(*bp)), size-off, int64(out.Len()-done))]
		n := cached(o.h, off, b)
		if n == 0 {
			page := make([]byte, PageSize)
			at := off - off%PageSize
			var behind sync.WaitGroup
			end := o.readEnd(at, off+int64(len(b)))
			behind.Go(func() { o.loadBehind(at, end, &behind) })
			err := o.load(at, page)
			behind.Wait()
			if err != nil {
				if done > 0 {
					break
				}
				return 0, err
			}
			// It may have been changed since; without room for it in the cache
			// what was read serves.
			if n = cached(o.h, off, b); n == 0 {
				n = copy(b, page[off%PageSize:])
			}
		}
		k, err := out.CopyOut(b[:n], done)
		done, off = done+uint64(k), off+int64(k)
		if err != nil {
			if done > 0 {
				break
			}
			return 0, err
		}
	}
	return int(done), nil
}

// dirtyMost is how many bytes of a file a writer may leave behind unwritten.
const dirtyMost = 8 << 20

// maxSize bounds files, in bytes.
const maxSize = 1 << 40

// WriteFrom implements vfs.Data.
func (o openFile) WriteFrom(x *vfs.Ctx, off int64, atEnd bool, limit uint64, in ipc.In) (int, int64, error) {
	if o.s.write == nil {
		return 0, off, syscall.EROFS
	}
	if limit == 0 || limit > maxSize {
		limit = maxSize
	}
	if info(o.h).Dirty > dirtyMost {
		if err := o.writeBack(); err != nil {
			return 0, off, err
		}
	}
	b := make([]byte, PageSize)
	o.mu.Lock()
	defer o.mu.Unlock()
	if atEnd {
		off = o.size
	}
	done := uint64(0)
	for done < in.Len() {
		if uint64(off) >= limit {
			return partial(done, off, syscall.EFBIG)
		}
		c := min(PageSize-off%PageSize, int64(in.Len()-done), int64(limit)-off)
		k, err := in.CopyIn(b[:c], done)
		if k > 0 {
			if err := o.put(off, b[:k]); err != nil {
				return partial(done, off, err)
			}
			done, off = done+uint64(k), off+int64(k)
		}
		if err != nil {
			return partial(done, off, err)
		}
	}
	return int(done), off, nil
}

// partial is what a write answers that ends with err after done bytes.
func partial(done uint64, off int64, err error) (int, int64, error) {
	if done > 0 {
		err = nil
	}
	return int(done), off, err
}

// put changes bytes within one page. o.mu is held.
func (o openFile) put(off int64, b []byte) error {
	end := off + int64(len(b))
	old := o.size
	if end > o.size {
		if err := o.resize(end); err != nil {
			return err
		}
	}
	o.time = time.Now()
	at := off - off%PageSize
	page := make([]byte, PageSize)
	for try := 0; change(o.h, off, b) != len(b); try++ {
		if try == 100 {
			return syscall.ENOMEM // it is put out as soon as it comes in
		}
		// What is behind the old end, or overwritten as a whole, need not be read.
		clear(page)
		if at < old && len(b) != PageSize {
			if err := o.s.fs.ReadPage(o.ino, at/PageSize, page); err != nil {
				return errno(err)
			}
		}
		if err := pageIn(o.h, at, page); err != nil {
			return err
		}
	}
	return nil
}

// attr describes a file as users of it see it.
func (s *Server) attr(ino uint64) proto.Stat {
	a, err := s.fs.Stat(ino)
	st := proto.Stat{Ino: ino, Mode: a.Mode, UID: a.UID, GID: a.GID, Nlink: 1, Size: a.Size, Blksize: PageSize}
	s.mu.Lock()
	f := s.files[ino]
	if err != nil || f != nil && f.gone {
		st.Nlink = 0
	}
	s.mu.Unlock()
	if f != nil {
		f.mu.Lock()
		st.Size, a.Time = f.size, f.time
		f.mu.Unlock()
	}
	st.Blocks = (st.Size + 511) / 512
	if a.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		st.Nlink = 2
	}
	t := proto.Time{}
	if !a.Time.IsZero() {
		t = proto.Time{Sec: a.Time.Unix(), NSec: int64(a.Time.Nanosecond())}
	}
	st.Atim, st.Mtim, st.Ctim = t, t, t
	return st
}
