package fs

import (
	"unsafe"

	"go42/ipc/client"
	"go42/linuxapi/errno"
	"go42/linuxapi/hook"
	"go42/linuxapi/mm"
	"go42/linuxapi/proc"
)

func init() {
	proc.ProcInfo = uint64(uintptr(unsafe.Pointer(&procInfo)))
	hook.OpenExec = openExec
	hook.OpenExecKernel = openExecKernel
	hook.ReadAt = readAt
	hook.MapRef = mapRef
	hook.ExecIDs = execIDs
	hook.SameFile = sameFile
	hook.RealPath = func(ref uintptr, dst []byte) int { return int(max(refFile(ref).path(dst), 0)) }
	hook.Close = func(ref uintptr) { refFile(ref).put() }
	hook.KnownFD, hook.MapFD = knownFD, mapFD
	hook.StartServer = startServer
	hook.ParcelSize = parcelSize
	hook.EncodeParcel = encodeParcel
	hook.ExecCommit = execCommit
	hook.DecodeParcel = decodeParcel
	hook.ForkPrepare = forkPrepare
	hook.ForkParent = forkParent
	hook.ForkChild = forkChild
	hook.SignalFD = signalCame
	hook.Reaped = func() { streamsChanged(1<<chanPipe | 1<<chanTTY | 1<<chanSock) }
	hook.SetExe = func(path []byte) { procInfo.ExeLen = uint32(copy(procInfo.Exe[:], path)) }
}

// A reference is the object's index.
func refFile(ref uintptr) *File { return &files[ref] }

func errnoOf(e int64) errno.Errno { return errno.Errno(-e) }

const execFlags = oRdOnly | oNonBlock | oNoCtty

func openExec(dirfd int32, addr uint64, flags uint64) (uintptr, errno.Errno) {
	if flags&^(atEmptyPath|atSymNoFollow) != 0 {
		return 0, errno.EINVAL
	}
	var w walk
	if e := w.begin(uint64(int64(dirfd)), addr, flags&atEmptyPath != 0); e != 0 {
		return 0, errnoOf(e)
	}
	return w.exec(flags)
}

func openExecKernel(path []byte) (uintptr, errno.Errno) {
	b := takeBuf()
	if len(path) >= pathMax {
		b.give()
		return 0, errno.ENAMETOOLONG
	}
	var w walk
	if e := w.start(b, fdcwd, copy(b.path[:], path), false); e != 0 {
		return 0, errnoOf(e)
	}
	return w.exec(0)
}

// exec opens the walk's path for execution and ends the walk.
func (w *walk) exec(flags uint64) (uintptr, errno.Errno) {
	open := uint64(execFlags)
	if flags&atSymNoFollow != 0 {
		open |= oNoFollow
	}
	f, e := w.open(open, 0)
	if e == 0 {
		e = w.mayExec(f)
		if e != 0 {
			f.put()
		}
	}
	w.end()
	if e != 0 {
		return 0, errnoOf(e)
	}
	return uintptr(fileIndex(f)), errno.OK
}

// mayExec: a regular file whose mode lets the caller execute it. Where all
// three bits agree nobody needs to be asked.
func (w *walk) mayExec(f *File) int64 {
	if f.kind != kindFile || f.mode&sIFMT != sIFREG || f.mode&0o111 == 0 {
		return -EACCES
	}
	if f.mode&0o111 == 0o111 || superuser() {
		return 0
	}
	_, st := client.FileSystem{C: conn(), H: w.dir}.Access(w.rest(), 1, atEAccess, w.redir())
	return min(st, 0)
}

// execIDs: most files have no set-id bit, and their server is not asked.
func execIDs(ref uintptr) (bool, errno.Errno) {
	f := refFile(ref)
	if f.kind != kindFile || f.mode&(sISUID|sISGID) == 0 {
		return false, errno.OK
	}
	set, st := client.File{C: conn(), H: f.handle}.ExecIDs()
	if st < 0 {
		return false, errnoOf(st)
	}
	return set != 0, errno.OK
}

func sameFile(ref uintptr, dev, ino uint64) bool {
	r, st := client.File{C: conn(), H: refFile(ref).handle}.Stat()
	return st >= 0 && r.Dev == dev && r.Ino == ino
}

// readAt reads at off into libOS memory, short only at the end of the file.
func readAt(ref uintptr, off uint64, dst []byte) (int, errno.Errno) {
	f := refFile(ref)
	done := 0
	for done < len(dst) {
		n := f.readKernel(dst[done:], int64(off)+int64(done), true)
		if n < 0 {
			return done, errnoOf(n)
		}
		if n == 0 {
			break
		}
		done += int(n)
	}
	return done, errno.OK
}

func mapRef(ref uintptr, prot uint32, shared bool) (uint64, uint64, errno.Errno) {
	return refFile(ref).fcm(prot, shared)
}

// fcm asks the server for the file's pages.
func (f *File) fcm(prot uint32, shared bool) (uint64, uint64, errno.Errno) {
	if f.kind != kindFile {
		return 0, 0, errno.ENODEV
	}
	var s uint64
	if shared {
		s = 1
	}
	size, h, st := client.File{C: conn(), H: f.handle}.Map(uint64(prot), s)
	if st < 0 {
		return 0, 0, errnoOf(st)
	}
	return h, size, errno.OK
}

const protWrite = 2

func knownFD(fd int32) bool {
	f := getIO(uint64(uint32(fd)))
	if f == nil {
		return false
	}
	f.put()
	return true
}

func mapFD(fd int32, prot uint32, shared bool) (fcm, size, name uint64, e errno.Errno) {
	f := getIO(uint64(int64(fd)))
	if f == nil {
		return 0, 0, 0, errno.EBADF
	}
	switch {
	case !f.canRead(), shared && prot&protWrite != 0 && !f.canWrite():
		e = errno.EACCES
	case f.kind == kindZero:
		// Handle 0: anonymous memory.
	default:
		fcm, size, e = f.fcm(prot, shared)
		if e == errno.OK {
			name = mapName(f)
		}
	}
	f.put()
	return fcm, size, name, e
}

// firstMapped is where the names of mapped files begin in the published table:
// a mapping outlives its descriptor.
const firstMapped = maxFiles + 1

var mappedNames int // guarded by poolMu

// mapName is a region's tag for /proc/PID/maps: it names f's file in the
// published table. Names are never taken away; when the table is full a mapping
// has none.
func mapName(f *File) uint64 {
	p := f.published()
	poolMu.Lock()
	defer poolMu.Unlock()
	for i := firstMapped; i < firstMapped+mappedNames; i++ {
		if e := &procInfo.File[i]; e.NameLen == p.NameLen && string(e.Name[:e.NameLen]) == string(p.Name[:p.NameLen]) {
			return uint64(mm.NameFiles + i)
		}
	}
	if firstMapped+mappedNames == len(procInfo.File) {
		return 0
	}
	i := firstMapped + mappedNames
	mappedNames++
	procInfo.File[i] = *p
	return uint64(mm.NameFiles + i)
}
