package fs

import (
	"go42/ipc/abi"
	"go42/linuxapi/errno"
	"go42/linuxapi/fs/fdtable"
	"go42/linuxapi/mm"
	"go42/linuxapi/native"
	"go42/linuxapi/proc"
)

// What survives exec travels in the parcel: the descriptors without
// close-on-exec and the objects they name, the current and root directory, the
// umask, and handles that would otherwise be asked for again (mounts,
// services). The program can write the parcel before it is handed over, so the
// new image checks every index; a handle needs no check, because it is only a
// slot of the process's own handle set.

const (
	parcelMagic = 0x5346_3234
	fileRecord  = 80 // without the name
)

// ordinal numbers the objects of a parcel, from 1; 0: not in it. Only exec
// uses it, which is alone in its process.
var ordinal [maxFiles + 1]uint16

// survivors numbers the objects that survive and returns how many there are,
// and how many descriptors.
func survivors() (objects, fds int) {
	for i := range ordinal {
		ordinal[i] = 0
	}
	number := func(f *File) {
		if f != nil && ordinal[fileIndex(f)] == 0 {
			objects++
			ordinal[fileIndex(f)] = uint16(objects)
		}
	}
	for fd := table.Next(0); fd >= 0; fd = table.Next(fd + 1) {
		if !table.Cloexec(fd) {
			fds++
			number(table.Get(fd))
		}
	}
	number(cwd)
	number(rootDir)
	return objects, fds
}

// parcelSize is an upper bound of what encodeParcel writes.
func parcelSize() int {
	objects, fds := survivors()
	return 128 + numServices*8 + int(mountCount)*(24+256) + objects*(fileRecord+128) + fds*8
}

// writer appends words; it drops what does not fit and remembers that.
type writer struct {
	b    []byte
	n    int
	full bool
}

func (w *writer) u32(v uint32) {
	if w.n+4 > len(w.b) {
		w.full = true
		return
	}
	put32b(w.b[w.n:], v)
	w.n += 4
}

func (w *writer) u64(v uint64) {
	w.u32(uint32(v))
	w.u32(uint32(v >> 32))
}

func (w *writer) bytes(p []byte) {
	w.u32(uint32(len(p)))
	if w.n+len(p) > len(w.b) {
		w.full = true
		return
	}
	w.n += copy(w.b[w.n:], p)
}

// reader is the writer's untrusting counterpart.
type reader struct {
	b   []byte
	n   int
	bad bool
}

func (r *reader) u32() uint32 {
	if r.n+4 > len(r.b) {
		r.bad = true
		return 0
	}
	v := le32(r.b[r.n:])
	r.n += 4
	return v
}

func (r *reader) u64() uint64 {
	lo := r.u32()
	return uint64(lo) | uint64(r.u32())<<32
}

// bytes copies a field into dst and returns its length; longer ones are bad.
func (r *reader) bytes(dst []byte) int {
	n := int(r.u32())
	if n < 0 || n > len(dst) || r.n+n > len(r.b) {
		r.bad = true
		return 0
	}
	copy(dst, r.b[r.n:r.n+n])
	r.n += n
	return n
}

func ordinalOf(f *File) uint32 {
	if f == nil {
		return 0
	}
	return uint32(ordinal[fileIndex(f)])
}

func encodeParcel(dst []byte) int {
	objects, fds := survivors()
	w := writer{b: dst}
	w.u32(parcelMagic)
	w.u32(umask)
	w.u32(ordinalOf(cwd))
	w.u32(ordinalOf(rootDir))
	for _, h := range services {
		w.u64(h)
	}
	w.u64(mountVersion)
	w.u32(uint32(mountCount))
	for i := range mounts[:mountCount] {
		m := &mounts[i]
		w.u64(m.id)
		w.u64(m.root)
		w.bytes(m.prefix())
		w.bytes(m.base[:m.nbase])
	}
	w.u32(uint32(objects))
	// In the order of their ordinals, which is the order of first use.
	next := uint16(1)
	put := func(f *File) {
		if f != nil && ordinal[fileIndex(f)] == next {
			next++
			encodeFile(&w, f)
		}
	}
	for fd := table.Next(0); fd >= 0; fd = table.Next(fd + 1) {
		if !table.Cloexec(fd) {
			put(table.Get(fd))
		}
	}
	put(cwd)
	put(rootDir)
	w.u32(uint32(fds))
	for fd := table.Next(0); fd >= 0; fd = table.Next(fd + 1) {
		if !table.Cloexec(fd) {
			w.u32(uint32(fd))
			w.u32(ordinalOf(table.Get(fd)))
		}
	}
	if w.full {
		return 0
	}
	return w.n
}

func encodeFile(w *writer, f *File) {
	w.u32(uint32(f.kind) | uint32(f.ch)<<8)
	w.u32(f.flags)
	w.u32(f.mode)
	w.u32(uint32(f.owner))
	w.u64(f.rdev)
	w.u64(f.mount)
	w.u64(f.handle)
	var a [4]uint64
	switch f.kind {
	case kindEvent:
		if f.moved() {
			break
		}
		e := &eventPool[f.aux]
		a[0] = e.count
		if e.semaphore {
			a[1] = 1
		}
	case kindTimer:
		if f.moved() {
			break
		}
		t := &timerPool[f.aux]
		a = [4]uint64{f.rdev, t.expiry, t.interval}
	case kindSignal:
		a[0] = signalMasks[f.aux]
	}
	for _, v := range a {
		w.u64(v)
	}
	p := f.published()
	n := int(p.NameLen)
	if n > len(p.Name) {
		n = len(p.Name)
	}
	w.bytes(p.Name[:n])
}

// execCommit drops the handles of what does not survive. encodeParcel has
// numbered the survivors.
func execCommit() {
	var batch [32]uint64
	n := 0
	for i := int32(1); i <= filesUsed; i++ {
		f := &files[i]
		if f.kind == kindNone || ordinal[i] != 0 || f.handle == 0 || f.refs <= 0 {
			continue
		}
		closeLocks(f)
		batch[n] = f.handle
		if n++; n == len(batch) {
			native.Drop(batch[:n])
			n = 0
		}
	}
	native.Drop(batch[:n])
}

// decodeParcel fills the empty tables of a fresh image. wary: handles of mounts
// and services are asked for again, and absolute paths begin at the system's root.
// Descriptors and the current directory are as they are on Linux: the caller's
// choice among what it holds.
func decodeParcel(src []byte, wary bool) errno.Errno {
	start()
	r := reader{b: src}
	if r.u32() != parcelMagic {
		return errno.EINVAL
	}
	umask = r.u32() & 0o777
	procInfo.Umask = umask
	cwdOrd, rootOrd := r.u32(), r.u32()
	for i := range services {
		services[i] = r.u64()
	}
	mountVersion = r.u64()
	n := r.u32()
	if n > maxMounts {
		return errno.EINVAL
	}
	for i := uint32(0); i < n && !r.bad; i++ {
		m := &mounts[i]
		m.id, m.root = r.u64(), r.u64()
		m.n = int32(r.bytes(m.point[:]))
		m.nbase = int32(r.bytes(m.base[:]))
	}
	if r.bad {
		return errno.EINVAL
	}
	mountCount = int32(n)
	if wary {
		services = [numServices]uint64{}
		for i := range mounts[:n] {
			mounts[i] = mountEntry{}
		}
		mountCount, mountVersion = 0, 0
	}
	objects := r.u32()
	if objects > maxFiles {
		return errno.EINVAL
	}
	// A fresh pool hands out 1, 2, ...: ordinals and indices are the same.
	for i := uint32(1); i <= objects; i++ {
		if !decodeFile(&r) {
			return errno.EINVAL
		}
	}
	fds := r.u32()
	for i := uint32(0); i < fds; i++ {
		fd, o := r.u32(), r.u32()
		if r.bad || fd >= fdtable.Max || o == 0 || o > objects || table.Get(int(fd)) != nil {
			return errno.EINVAL
		}
		f := &files[o]
		f.refs++
		table.Set(int(fd), f, false)
		publishFD(int(fd), f, false)
	}
	if cwdOrd > objects || rootOrd > objects {
		return errno.EINVAL
	}
	if cwdOrd != 0 {
		cwd = &files[cwdOrd]
		cwd.refs++
		p := cwd.published()
		procInfo.CwdLen = uint32(copy(procInfo.Cwd[:], p.Name[:p.NameLen]))
	}
	if rootOrd != 0 && !wary {
		rootDir = &files[rootOrd]
		rootDir.refs++
	}
	return errno.OK
}

// decodeFile makes the next object, with no reference.
func decodeFile(r *reader) bool {
	k := r.u32()
	flags, mode, owner := r.u32(), r.u32(), r.u32()
	rdev, mount, handle := r.u64(), r.u64(), r.u64()
	var a [4]uint64
	for i := range a {
		a[i] = r.u64()
	}
	var f *File
	what := kind(k)
	if (what == kindEvent || what == kindTimer) && handle != 0 {
		what = kindPipe // of the pipe server's: nothing is here
	}
	switch what {
	case kindFile, kindDir, kindPath, kindNull, kindZero, kindFull, kindRandom, kindPipe, kindTTY, kindSock, kindPidFD, kindInotify, kindLog:
		f = newFile(kind(k), flags)
	case kindEvent:
		f = newEvent(a[0], flags, a[1] != 0)
	case kindTimer:
		f = newTimer(int32(a[0]), flags)
		if f != nil && a[1] != 0 {
			t := &timerPool[f.aux]
			t.expiry, t.interval = a[1], a[2]
			timersSet++
		}
	case kindSignal:
		f = newSignalfd(a[0], flags)
	case kindEpoll:
		f = newEpoll()
	}
	if f == nil || r.bad {
		return false
	}
	f.flags, f.mode, f.owner, f.rdev, f.mount, f.handle = flags, mode, int32(owner), rdev, mount, handle
	f.ch = uint8(k >> 8)
	if f.ch >= numChans {
		return false
	}
	f.refs = 0
	p := f.published()
	p.NameLen = uint16(r.bytes(p.Name[:]))
	p.Flags = flags
	return !r.bad
}

// start prepares what is not zero at first.
func start() {
	p, s := &procInfo, &mm.S
	p.Umask = umask
	p.ArgLo, p.ArgHi, p.EnvLo, p.EnvHi = s.ArgLo, s.ArgHi, s.EnvLo, s.EnvHi
	p.AuxvLo, p.AuxvHi, p.Stack = s.AuxLo, s.AuxHi, s.StackStart
	p.CodeLo, p.CodeHi, p.DataLo, p.DataHi = s.CodeLo, s.CodeHi, s.DataLo, s.DataHi
	p.BrkLo, p.BrkHi = s.BrkStart, s.Brk
	p.Comm = proc.Me.Comm
	p.Threads = 1
	p.Magic = abi.ProcInfoMagic
}

// startServer gives a boot module its descriptors.
func startServer() {
	start()
	null := newFile(kindNull, oRdWr)
	null.rdev = mkdev(1, 3)
	null.setName("/dev/null")
	log := newFile(kindLog, oWrOnly)
	log.setName("/dev/kmsg")
	log.hold()
	install(null, 0, false)
	install(log, 1, false)
	install(log, 2, false)
}
