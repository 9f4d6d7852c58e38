package proc

import (
	"unsafe"

	"go42/ipc/abi"
	"go42/linuxapi/call"
	"go42/linuxapi/errno"
	"go42/linuxapi/futex"
	"go42/linuxapi/hook"
	"go42/linuxapi/loader"
	"go42/linuxapi/mm"
	"go42/linuxapi/native"
	"go42/linuxapi/thread"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// exec builds the parcel in a lazily backed region of its own, which the kernel
// moves to abi.ParcelVA at the reset. Everything that can fail comes first.

const (
	maxStrings  = 2 << 20   // as ARG_MAX with Linux's default stack limit
	maxString   = 128 << 10 // MAX_ARG_STRLEN
	maxScripts  = 4
	parcelRoom  = 4 << 20
	maxExecPath = 4096
)

// execLock: one exec at a time in a process. It guards ex. FetchLock is held from
// the moment that the process server has given signals away until they are pending
// here; it is taken after execLock.
var (
	execLock  user.Mutex
	FetchLock user.Mutex
	ex        execState
)

// execState is exec's scratch.
type execState struct {
	region uint64
	b      []byte // the region
	p      int    // next free byte
	head   [loader.HeadSize]byte
	phdrs  [loader.MaxPhdrs * 56]byte
	image  loader.Image
	ihead  [loader.HeadSize]byte
	path   [maxExecPath]byte
	line   [maxScripts][2][256]byte // interpreter and argument of each script
	lineN  [maxScripts][2]int
	depth  int
	ref    uintptr
	iref   uintptr
	isize  uint64
	alone  bool // the other threads are frozen
}

func sysExecve(t *thread.Thread, a *call.Args) int64 {
	return exec(t, -100, a[0], a[1], a[2], 0)
}

func sysExecveat(t *thread.Thread, a *call.Args) int64 {
	return exec(t, int32(a[0]), a[1], a[2], a[3], a[4])
}

func exec(t *thread.Thread, dirfd int32, path, argv, envp, flags uint64) int64 {
	if hook.OpenExec == nil {
		return errno.ENOSYS.Ret()
	}
	execLock.Lock()
	x := &ex
	x.ref, x.iref, x.region, x.depth, x.alone = 0, 0, 0, 0, false
	e := x.run(t, dirfd, path, argv, envp, flags)
	if x.ref != 0 {
		hook.Close(x.ref)
	}
	if x.iref != 0 {
		hook.Close(x.iref)
	}
	if x.region != 0 {
		native.Unmap(x.region, parcelRoom)
	}
	if x.alone {
		user.Thaw()
	}
	execLock.Unlock()
	return e.Ret()
}

func (x *execState) run(t *thread.Thread, dirfd int32, path, argv, envp, flags uint64) errno.Errno {
	name, e := usercopy.String(x.path[:], path)
	if e != errno.OK {
		return e
	}
	if x.ref, e = hook.OpenExec(dirfd, path, flags); e != errno.OK {
		return e
	}
	nameLen := len(name)
	if dirfd != -100 && (nameLen == 0 || name[0] != '/') {
		nameLen = x.fdName(dirfd, nameLen)
	}
	if e = x.examine(); e != errno.OK {
		return e
	}

	m := abi.MapArgs{Len: parcelRoom, Prot: abi.ProtRead | abi.ProtWrite, Flags: abi.MapLibOS | abi.MapNoReserve}
	r := native.Map(&m)
	if r < 0 {
		return errno.ENOMEM
	}
	x.region = uint64(r)
	base := uintptr(r)
	x.b = unsafe.Slice(*(**byte)(unsafe.Pointer(&base)), parcelRoom)
	p := at[Parcel](x.region)
	p.Magic = ParcelMagic
	x.p = int(unsafe.Sizeof(*p))

	// Strings: for scripts the interpreters take argv[0]'s place.
	p.StrOff = uint32(x.p)
	limit := x.p + maxStrings
	if q := int(Limits[rlimitStack][0] / 4); q > 128<<10 && q < maxStrings {
		limit = x.p + q
	}
	skip := 0
	for i := x.depth - 1; i >= 0; i-- {
		x.add(x.line[i][0][:x.lineN[i][0]])
		p.Argc++
		if n := x.lineN[i][1]; n > 0 {
			x.add(x.line[i][1][:n])
			p.Argc++
		}
		skip = 1
	}
	if skip == 1 {
		x.add(x.path[:nameLen])
		p.Argc++
	}
	n, e := x.strings(argv, uint64(skip), limit)
	if e != errno.OK {
		return e
	}
	p.Argc += n
	if p.Argc == 0 {
		// As Linux since 5.18: an empty string in argv[0]'s place.
		x.add(x.path[:0])
		p.Argc = 1
	}
	if p.Envc, e = x.strings(envp, 0, limit); e != errno.OK {
		return e
	}
	p.StrLen = uint32(x.p) - p.StrOff

	p.FnOff, p.FnLen = uint32(x.p), uint32(nameLen)
	x.add(x.path[:nameLen])
	p.ExeOff = uint32(x.p)
	if hook.RealPath != nil {
		k := hook.RealPath(x.ref, x.b[x.p:x.p+maxExecPath])
		p.ExeLen = uint32(k)
		x.p += k
	}
	x.p = (x.p + 63) &^ 63
	// From here on nobody else opens, closes, or is startled by what is gone.
	x.stopOthers()
	if hook.EncodeParcel != nil {
		if hook.ParcelSize() > len(x.b)-x.p {
			return errno.E2BIG
		}
		p.FilesOff = uint32(x.p)
		k := hook.EncodeParcel(x.b[x.p:])
		p.FilesLen = uint32(k)
		x.p += k
	}
	p.Len = uint64(x.p)

	if p.FCM, p.Size, e = hook.MapRef(x.ref, abi.ProtRead|abi.ProtExec, false); e != errno.OK {
		return e
	}
	if x.iref != 0 {
		if p.InterpFCM, p.InterpSize, e = hook.MapRef(x.iref, abi.ProtRead|abi.ProtExec, false); e != errno.OK {
			native.DropOne(p.FCM)
			return e
		}
	}
	return x.commit(t, p, nameLen)
}

// commit is the part that changes things: from the process server's consent on
// the exec goes through, or the process ends.
func (x *execState) commit(t *thread.Thread, p *Parcel, nameLen int) errno.Errno {
	comm := x.path[:nameLen]
	for i := len(comm) - 1; i >= 0; i-- {
		if comm[i] == '/' {
			comm = comm[i+1:]
			break
		}
	}
	if len(comm) > 15 {
		comm = comm[:15]
	}
	copy(p.Comm[:15], comm)
	setid := uint64(0)
	if x.depth == 0 && !Me.NoNewPrivs {
		set, e := hook.ExecIDs(x.ref)
		if e != errno.OK {
			return e
		}
		if set {
			setid = 1
		}
	}
	secure, st := Server(t).Exec(unsafe.String(&p.Comm[0], len(comm)), setid)
	if st < 0 {
		return errno.Of(st)
	}
	p.Secure = uint32(secure)
	if r, st := Server(t).Self(); st >= 0 {
		takeSelf(t, r)
	}
	p.Rec = Me.Rec
	p.Limits = Limits
	p.Personality = Me.Personality
	p.Affinity, p.Nice, p.Policy = t.CPUs(), int32(t.Nice), uint32(t.Policy)
	if Me.NoNewPrivs {
		p.NoNewPrivs = 1
	}
	if hook.ExecCommit != nil {
		hook.ExecCommit()
	}
	hook.Close(x.ref)
	x.ref = 0
	if x.iref != 0 {
		hook.Close(x.iref)
		x.iref = 0
	}
	futex.ExitProcess(Me.VforkChild)
	// The kernel stops the other dispatchers.
	user.ToFirst()
	user.Disable()
	// Signals last: what comes from now on finds the new program.
	if SaveSignals != nil {
		SaveSignals(t, p)
	}
	unpublished()
	r := native.Reset(x.region, p.Len)
	// Refused after all was given up.
	native.LogString("libOS: exec reset refused\n")
	native.Exit(9)
	return errno.Of(r)
}

// stopOthers freezes the other threads, which the exec ends if it succeeds. None of
// them is then where it holds what the rest of exec, or the new image, needs.
func (x *execState) stopOthers() {
	if thread.All.N == 1 {
		return
	}
	FetchLock.Lock()
	hook.ForkPrepare(hook.ShareNone)
	mm.ForkPrepare()
	user.Freeze()
	x.alone = true
	mm.ForkDone(false)
	hook.ForkParent()
	FetchLock.Unlock()
}

// add appends one string and its NUL.
func (x *execState) add(s []byte) {
	x.p += copy(x.b[x.p:], s)
	x.b[x.p] = 0
	x.p++
}

// strings copies a NULL-terminated vector of strings from skip on.
func (x *execState) strings(vec, skip uint64, limit int) (n uint32, e errno.Errno) {
	if vec == 0 {
		return 0, errno.OK
	}
	for i := skip; ; i++ {
		if i == 1 && skip == 1 {
			// An empty argv has no argv[0] to skip.
			if first, ok := usercopy.U64(vec); ok && first == 0 {
				return 0, errno.OK
			}
		}
		s, ok := usercopy.U64(vec + i*8)
		if !ok {
			return 0, errno.EFAULT
		}
		if s == 0 {
			return n, errno.OK
		}
		room := min(limit-x.p, maxString)
		if room <= 0 {
			return 0, errno.E2BIG
		}
		b, e := usercopy.String(x.b[x.p:x.p+room], s)
		if e == errno.ENAMETOOLONG {
			return 0, errno.E2BIG
		}
		if e != errno.OK {
			return 0, e
		}
		x.p += len(b) + 1
		n++
	}
}

// examine finds out what the file is; scripts lead to their interpreter. After
// it, ref is an ELF and iref its interpreter's, if it has one.
func (x *execState) examine() errno.Errno {
	for {
		n, e := hook.ReadAt(x.ref, 0, x.head[:])
		if e != errno.OK {
			return e
		}
		head := x.head[:n]
		interp, arg, e := loader.Script(head)
		if e != errno.OK {
			return x.elf(head)
		}
		if x.depth == maxScripts {
			return errno.ELOOP
		}
		d := x.depth
		x.depth++
		x.lineN[d][0] = copy(x.line[d][0][:], interp)
		x.lineN[d][1] = copy(x.line[d][1][:], arg)
		hook.Close(x.ref)
		x.ref = 0
		if x.ref, e = hook.OpenExecKernel(x.line[d][0][:x.lineN[d][0]]); e != errno.OK {
			return e
		}
	}
}

// elf checks that the image can be loaded, and opens its interpreter.
func (x *execState) elf(head []byte) errno.Errno {
	if e := x.parse(head, x.ref); e != errno.OK {
		return e
	}
	if x.image.InterpLen == 0 {
		return errno.OK
	}
	n := int(x.image.InterpLen)
	if n > len(x.phdrs) {
		return errno.ENOEXEC
	}
	k, e := hook.ReadAt(x.ref, x.image.InterpOff, x.phdrs[:n])
	if e != errno.OK {
		return e
	}
	if k != n || x.phdrs[n-1] != 0 {
		return errno.ENOEXEC
	}
	if x.iref, e = hook.OpenExecKernel(x.phdrs[:n-1]); e != errno.OK {
		return e
	}
	k, e = hook.ReadAt(x.iref, 0, x.ihead[:])
	if e != errno.OK {
		return e
	}
	if e := x.parse(x.ihead[:k], x.iref); e == errno.ENOEXEC {
		return errno.ELIBBAD
	} else if e != errno.OK {
		return e
	}
	if x.image.InterpLen != 0 || !x.image.Dyn {
		return errno.ELIBBAD
	}
	return errno.OK
}

func (x *execState) parse(head []byte, ref uintptr) errno.Errno {
	off, n, e := loader.Phdrs(head)
	if e != errno.OK {
		return e
	}
	if off+uint64(n) > headMap {
		return errno.ENOEXEC
	}
	k, e := hook.ReadAt(ref, off, x.phdrs[:n])
	if e != errno.OK {
		return e
	}
	if k != n {
		return errno.ENOEXEC
	}
	// The segments' bounds are checked against the file's size once it is
	// mapped; here only against what can be addressed.
	return loader.Parse(&x.image, head, x.phdrs[:n], 1<<40)
}

// fdName makes "/dev/fd/N[/path]" in x.path, the name of what execveat runs.
func (x *execState) fdName(fd int32, n int) int {
	var num [12]byte
	i := len(num)
	v := uint32(fd)
	for {
		i--
		num[i] = byte('0' + v%10)
		if v /= 10; v == 0 {
			break
		}
	}
	prefix := 8 + len(num) - i
	if n > 0 {
		prefix++
	}
	if prefix+n > len(x.path)-1 {
		n = len(x.path) - 1 - prefix
	}
	copy(x.path[prefix:], x.path[:n])
	copy(x.path[:], "/dev/fd/")
	k := 8 + copy(x.path[8:], num[i:])
	if n > 0 {
		x.path[k] = '/'
		k++
	}
	return k + n
}
