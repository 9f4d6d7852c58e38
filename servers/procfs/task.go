package procfs

import (
	"encoding/binary"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"go42/ipc/abi"
	"go42/servers/vfs"
)

// Threads are known to their process alone; it publishes them (abi.ProcThread).

const threadSize = int(unsafe.Sizeof(abi.ProcThread{}))

// threads reads the published table, but for the first thread.
func (t *target) threads() []abi.ProcThread {
	p := t.block()
	if p == nil || p.ThreadLimit == 0 {
		return nil
	}
	b := t.at(unsafe.Offsetof(abi.ProcInfo{}.Thread), int(p.ThreadLimit)*threadSize)
	var l []abi.ProcThread
	for ; len(b) >= threadSize; b = b[threadSize:] {
		h := abi.ProcThread{TID: le32(b)}
		if h.TID == 0 {
			continue
		}
		h.State = binary.LittleEndian.Uint64(b[unsafe.Offsetof(h.State):])
		h.Blocked = binary.LittleEndian.Uint64(b[unsafe.Offsetof(h.Blocked):])
		h.Pending = binary.LittleEndian.Uint64(b[unsafe.Offsetof(h.Pending):])
		h.CPUs = binary.LittleEndian.Uint16(b[unsafe.Offsetof(h.CPUs):])
		copy(h.Comm[:], b[unsafe.Offsetof(h.Comm):])
		l = append(l, h)
	}
	return l
}

// thread finds a thread by its id; nil: there is none.
func (t *target) thread(tid uint32) *abi.ProcThread {
	p := t.block()
	if p == nil {
		return nil
	}
	if p.Main.TID == tid {
		return &p.Main
	}
	for _, h := range t.threads() {
		if h.TID == tid {
			return &h
		}
	}
	return nil
}

// doing is a thread's ThreadX state; 0: it cannot be read.
func (t *target) doing(h *abi.ProcThread) byte {
	var b [1]byte
	if h.State == 0 || t.srv.machine.ReadMemory(t.rec.KPid, h.State, b[:]) != 1 {
		return 0
	}
	return b[0]
}

func lookupTask(x *vfs.Ctx, d dirNode, name string) (vfs.Node, error) {
	n, ok := number(name)
	if !ok || n == 0 {
		return nil, syscall.ENOENT
	}
	d.key.task = n
	if _, err := d.target(x, false); err != nil {
		return nil, err
	}
	return dirNode{d.srv, &tidDir, d.key}, nil
}

// listTasks lists the first thread, and the others by their ids.
func listTasks(x *vfs.Ctx, d dirNode, after uint64, emit func(vfs.Entry) bool) error {
	d.key.task = 0
	t, err := d.target(x, false)
	if err != nil {
		return err
	}
	ids := []uint32{0}
	for _, h := range t.threads() {
		if h.TID != d.key.pid {
			ids = append(ids, h.TID)
		}
	}
	slices.Sort(ids)
	for _, n := range ids {
		cookie := dynamic + uint64(n)
		if cookie <= after {
			continue
		}
		k := d.key
		if k.task = n; n == 0 {
			k.task = k.pid
		}
		if !emit(vfs.Entry{Name: strconv.Itoa(int(k.task)), Cookie: cookie, Ino: inode(k, tidDir.index<<6), Mode: syscall.S_IFDIR}) {
			break
		}
	}
	return nil
}

// lookupTID finds a thread other than a first one by its id alone: it is not
// listed, but there. Its process is among those whose pid ends as the id says.
func (s *Server) lookupTID(x *vfs.Ctx, tid uint32) (vfs.Node, error) {
	for pid := abi.TIDPid(tid); pid < abi.FirstTID; pid += 1 << 16 {
		r, err := s.record(pid)
		if err == syscall.ESRCH {
			continue
		}
		if err != nil {
			return nil, err
		}
		d := dirNode{s, &pidDir, key{pid: pid, kpid: r.KPid, task: tid}}
		switch _, err := d.target(x, false); err {
		case nil:
			return d, nil
		case syscall.ENOENT:
		default:
			return nil, err
		}
	}
	return nil, syscall.ENOENT
}
