//go:build go42kernel

package main

import (
	"go42/boot/bootinfo"
	"go42/ipc/abi"
	"go42/ipc/handle"
	"go42/ipc/ppc"
	"go42/mm"
	"go42/sched"
	"go42/sched/lifecycle"
)

// nativeMemory is the calls on the caller's own address space. Those that
// need more than one bounded step answer EAGAIN and are repeated by the libOS.
func nativeMemory(p *sched.Process, r *abi.SaveArea) int64 {
	as := p.Space
	a0, a1, a2, a3, a4 := r.RDI, r.RSI, r.RDX, r.R10, r.R8
	c := sched.This()
	switch r.RAX {
	case abi.NMap:
		return nativeMap(c, p, a0)
	case abi.NUnmap:
		return int64(lifecycle.Again(c, p, as.Unmap(a0, a1)))
	case abi.NProtect:
		return int64(lifecycle.Again(c, p, as.Protect(a0, a1, uint32(a2))))
	case abi.NAdvise:
		return int64(lifecycle.Again(c, p, as.Advise(a0, a1, uint32(a2))))
	case abi.NMove:
		addr, err := as.Move(a0, a1, a2, uint32(a3), a4)
		if err != mm.OK {
			return int64(lifecycle.Again(c, p, err))
		}
		return int64(addr)
	case abi.NQuery:
		t := p
		if a0 != 0 && a0 != p.KPid {
			if p.Role&(abi.RoleProc|abi.RoleSee) == 0 {
				return -abi.EPERM
			}
			if t = sched.Find(a0); t == nil || t.Space == nil || t.State() == sched.Dying {
				return -abi.ESRCH
			}
		}
		var ri abi.RegionInfo
		if err := t.Space.Query(a1, &ri); err != mm.OK {
			return int64(err)
		}
		return out(p, a2, &ri)
	}
	return nativeMincore(p, a0, a1, a2)
}

// reclaimSteps is how many steps of reclaiming one kernel entry does.
const reclaimSteps = 16

func nativeMap(c *sched.CPU, p *sched.Process, va uint64) int64 {
	var a abi.MapArgs
	if err := in(p, va, &a); err != 0 {
		return err
	}
	s := mm.MapSpec{Addr: a.Addr, Len: a.Len, Prot: a.Prot, Flags: a.Flags, Offset: a.Offset, Inherit: a.Inherit, Name: a.Name}
	if a.FCM != 0 {
		var writable bool
		if s.FCM, writable, _ = ppc.FCM(p, a.FCM); s.FCM == nil {
			return -abi.EBADF
		}
		if rank, paged := s.FCM.PagerRank(); paged && rank >= p.Rank {
			s.FCM.Put()
			return -abi.EDEADLK // its pages might be waited for by who supplies them
		}
		if !writable && a.Flags&abi.MapShared != 0 {
			s.MaxProt = abi.ProtRead | abi.ProtExec
		}
	}
	addr, err := p.Space.Map(&s)
	for i := 0; err == mm.ENOMEM && i < reclaimSteps && lifecycle.Reclaim(c); i++ {
		addr, err = p.Space.Map(&s)
	}
	if s.FCM != nil {
		s.FCM.Put()
	}
	if err != mm.OK {
		// There may be much more to reclaim: others run first.
		return int64(lifecycle.Again(c, p, err))
	}
	return int64(addr)
}

func nativeMincore(p *sched.Process, addr, n, vec uint64) int64 {
	var b [512]byte
	pages := (n + abi.PageSize - 1) / abi.PageSize
	if pages > uint64(len(b)) {
		pages = uint64(len(b))
	}
	if err := p.Space.Mincore(addr, b[:pages]); err != mm.OK {
		return int64(err)
	}
	if mm.CopyOut(p.Space, vec, b[:pages]) != int(pages) {
		return -abi.EFAULT
	}
	return int64(pages)
}

// maxObject bounds the size of a memory object, in bytes.
const maxObject = 1 << 46

func nativeFCMCreate(p *sched.Process, size, kind, name uint64) int64 {
	if size > maxObject {
		return -abi.EINVAL
	}
	var f *mm.FCM
	var err mm.Errno
	switch kind {
	case abi.FCMAnon:
		f, err = mm.NewAnonFCM(p.Acct, size)
	case abi.FCMFile:
		if p.Role&abi.RoleServer == 0 {
			return -abi.EPERM
		}
		f, err = mm.NewFileFCM(p.Acct, size)
	case abi.FCMPaged:
		f, err = lifecycle.NewPaged(p, size, name)
	default:
		return -abi.EINVAL
	}
	if err != mm.OK {
		return int64(err)
	}
	h, fail := ppc.NewHandle(p, handle.KindFCM, p.KPid, 0, f)
	if fail != 0 {
		f.Put()
		return fail
	}
	return int64(h)
}

func nativeFCMResize(p *sched.Process, h, size uint64) int64 {
	f, writable, server := ppc.FCM(p, h)
	if f == nil {
		return -abi.EBADF
	}
	res := int64(-abi.EINVAL)
	if !writable || server != p.KPid && f.Kind() == mm.FCMFile {
		res = -abi.EPERM
	} else if size <= maxObject {
		res = int64(f.Resize(size))
	}
	f.Put()
	return res
}

func nativeFCMInfo(p *sched.Process, h, va uint64) int64 {
	f, _, _ := ppc.FCM(p, h)
	if f == nil {
		return -abi.EBADF
	}
	i := abi.FCMInfo{Size: f.Size()}
	i.Resident, i.Mappers, i.Writers = f.Info()
	_, i.Dirty, i.Asked = f.Paging()
	i.Dirty *= abi.PageSize
	f.Put()
	return out(p, va, &i)
}

func nativeFCMNext(p *sched.Process, h, off uint64) (at uint64, status int64) {
	f, _, _ := ppc.FCM(p, h)
	if f == nil {
		return 0, -abi.EBADF
	}
	i, ok := f.Next(off / abi.PageSize)
	f.Put()
	if !ok {
		return 0, -abi.ENOENT
	}
	return i * abi.PageSize, 0
}

// modules are the boot modules as memory objects, the initramfs among them.
var modules struct {
	n    int
	name [bootinfo.MaxModules + 1][32]byte
	fcm  [bootinfo.MaxModules + 1]*mm.FCM
	size [bootinfo.MaxModules + 1]uint64
}

// addModule is for start-up only.
func addModule(name []byte, pa, size uint64) {
	m := &modules
	copy(m.name[m.n][:31], name)
	m.fcm[m.n] = physObject(pa, size)
	m.size[m.n] = size
	m.n++
}

// nativeModule is NModule.
func nativeModule(p *sched.Process, va, n uint64) (size uint64, status int64) {
	// init is no server, but starts from a module too.
	if p.Role&abi.RoleServer == 0 && p.Parent != 0 {
		return 0, -abi.EPERM
	}
	var name [32]byte
	if n >= uint64(len(name)) {
		return 0, -abi.ENOENT
	}
	if mm.CopyIn(p.Space, name[:n], va) != int(n) {
		return 0, -abi.EFAULT
	}
	for i := range modules.n {
		if modules.name[i] != name {
			continue
		}
		f := modules.fcm[i]
		f.Get()
		h, fail := ppc.NewHandle(p, handle.KindFCM, 0, 0, f)
		if fail != 0 {
			f.Put()
			return 0, fail
		}
		return modules.size[i], int64(h)
	}
	return 0, -abi.ENOENT
}

// nativeSetLimit is NSetLimit: lowering is anyone's, for itself.
func nativeSetLimit(p *sched.Process, which, value uint64) int64 {
	v := int64(value)
	if v < 0 {
		v = mm.NoLimit
	}
	_, bytes, _, data := p.Acct.Limits()
	switch which {
	case abi.LimitAS:
		if v > bytes && p.Cred != 0 && p.KPid != lifecycle.Manager {
			return -abi.EPERM
		}
		p.Acct.SetByteLimit(v)
	case abi.LimitData:
		if v > data && p.Cred != 0 && p.KPid != lifecycle.Manager {
			return -abi.EPERM
		}
		p.Acct.SetDataLimit(v)
	default:
		return -abi.EINVAL
	}
	return 0
}
