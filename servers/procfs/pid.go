package procfs

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// tick is the unit of times in these files: 10 ms, in ns.
const tick = 10_000_000

const (
	noLimit  = ^uint64(0)
	pageSize = abi.PageSize
)

// state is the letter of stat and status: of a thread what the process's own
// scheduler knows.
func (t *target) state(x *vfs.Ctx) (byte, string) {
	switch {
	case t.rec.State == 'Z':
		return 'Z', "zombie"
	case t.rec.State == 'T':
		return 'T', "stopped"
	}
	h := t.task
	if h == nil {
		h = t.thread(t.rec.Pid)
		if h == nil && t.block() != nil {
			return 'Z', "zombie" // other threads go on
		}
	}
	switch {
	case h != nil && t.doing(h) == abi.ThreadFaulting:
		return 'D', "disk sleep"
	case h != nil && t.doing(h) == abi.ThreadBlocked:
		return 'S', "sleeping"
	case t.fresh, h != nil && t.doing(h) != 0, x.C != nil && x.C.BadgePid == t.rec.KPid:
		return 'R', "running"
	}
	return 'S', "sleeping"
}

// id is the number that a file shows: the process's, or within task/ the thread's.
func (t *target) id() uint32 {
	if t.task != nil {
		return t.task.TID
	}
	return t.rec.Pid
}

// shown is the published block, or zeros.
func (t *target) shown() abi.ProcHead {
	if p := t.block(); p != nil {
		return *p
	}
	return abi.ProcHead{Threads: 1}
}

// stat is PID/stat: proc_pid_stat(5) numbers its fields.
func stat(x *vfs.Ctx, t *target) ([]byte, error) {
	r, k, p := &t.rec, t.kernel(), t.shown()
	letter, _ := t.state(x)
	if !t.visible {
		// Addresses are for those who may look at the memory.
		p.CodeLo, p.CodeHi, p.Stack = 0, 0, 0
		p.DataLo, p.DataHi, p.BrkLo = 0, 0, 0
		p.ArgLo, p.ArgHi, p.EnvLo, p.EnvHi = 0, 0, 0, 0
	}
	terminal := -1
	if r.TTY != 0 {
		terminal = int(t.srv.foreground(r.TTY))
	}
	code := uint32(0)
	if t.visible {
		code = r.ExitStatus
	}
	threads := p.Threads
	if letter == 'Z' {
		threads = 1
	}
	blocked := p.SigBlocked
	if t.task != nil {
		// Times are the process's: its first thread shows them.
		k.UserNS, k.SysNS, k.MinFaults, k.MajFaults = 0, 0, 0, 0
		blocked = t.task.Blocked
	}
	nice, policy, _ := t.pace()
	const low = 1<<31 - 1 // signals 1 to 31
	shared, own := t.pending()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d (%s) %c %d %d %d %d %d", t.id(), t.comm(), letter, r.PPid, r.PGid, r.Sid, r.TTY, terminal)
	fmt.Fprintf(&b, " 4194304 %d 0 %d 0 %d %d 0 0 %d %d %d 0", k.MinFaults, k.MajFaults, k.UserNS/tick, k.SysNS/tick, 20+nice, nice, threads)
	fmt.Fprintf(&b, " %d %d %d %d", r.StartNS/tick, k.Virtual, k.Resident/pageSize, noLimit)
	fmt.Fprintf(&b, " %d %d %d 0 0", p.CodeLo, p.CodeHi, p.Stack)
	fmt.Fprintf(&b, " %d %d %d %d", (shared|own)&low, blocked&low, p.SigIgnored&low, p.SigCaught&low)
	fmt.Fprintf(&b, " 0 0 0 17 0 0 %d 0 0 0", policy)
	fmt.Fprintf(&b, " %d %d %d %d %d %d %d %d\n", p.DataLo, p.DataHi, p.BrkLo, p.ArgLo, p.ArgHi, p.EnvLo, p.EnvHi, code)
	return b.Bytes(), nil
}

// sizes sums up regions by what they hold, in bytes.
type sizes struct {
	virtual, resident, anon, file, shared uint64
	data, stack, exe, lib, locked         uint64
}

func (t *target) sizes() (z sizes) {
	exe := t.shown().CodeLo
	t.regions(func(r *abi.RegionInfo) {
		z.virtual += r.Len
		z.resident += r.Resident
		switch {
		case r.Flags&abi.MapShared != 0 && r.Kind == 1 || r.Kind == 2:
			z.shared += r.Resident
		case r.Kind == 1:
			z.file += r.Resident
		default:
			z.anon += r.Resident
		}
		switch {
		case r.Flags&abi.MapGrowsDown != 0 || r.Name == regionStack:
			z.stack += r.Len
		case r.Prot&abi.ProtExec != 0 && r.Addr <= exe && exe < r.Addr+r.Len || r.Name == regionExe && r.Prot&abi.ProtExec != 0:
			z.exe += r.Len
		case r.Prot&abi.ProtExec != 0:
			z.lib += r.Len
		case r.Prot&abi.ProtWrite != 0 && r.Flags&abi.MapShared == 0:
			z.data += r.Len
		}
	})
	return z
}

// statm is PID/statm, in pages.
func statm(x *vfs.Ctx, t *target) ([]byte, error) {
	z := t.sizes()
	return fmt.Appendf(nil, "%d %d %d %d 0 %d 0\n", z.virtual/pageSize, z.resident/pageSize, (z.shared+z.file)/pageSize, z.exe/pageSize, (z.data+z.stack)/pageSize), nil
}

// status is PID/status.
func status(x *vfs.Ctx, t *target) ([]byte, error) {
	r, k, p := &t.rec, t.kernel(), t.shown()
	letter, word := t.state(x)
	var b bytes.Buffer
	line := func(name, format string, a ...any) { fmt.Fprintf(&b, name+":\t"+format+"\n", a...) }
	line("Name", "%s", escape(t.comm()))
	if letter != 'Z' {
		line("Umask", "%04o", p.Umask&0o777)
	}
	line("State", "%c (%s)", letter, word)
	line("Tgid", "%d", r.Pid)
	line("Ngid", "0")
	line("Pid", "%d", t.id())
	line("PPid", "%d", r.PPid)
	line("TracerPid", "0")
	line("Uid", "%d\t%d\t%d\t%d", r.UID, r.EUID, r.SUID, r.FSUID)
	line("Gid", "%d\t%d\t%d\t%d", r.GID, r.EGID, r.SGID, r.FSGID)
	n := uint32(64)
	for n < p.FDLimit {
		n *= 2
	}
	line("FDSize", "%d", n)
	groups := ""
	if c, err := t.srv.creds.Get(r.Cred); err == nil {
		for _, g := range c.Groups {
			groups += fmt.Sprint(g, " ")
		}
	}
	line("Groups", "%s", groups)
	line("NStgid", "%d", r.Pid)
	line("NSpid", "%d", t.id())
	line("NSpgid", "%d", r.PGid)
	line("NSsid", "%d", r.Sid)
	line("Kthread", "0")
	threads := p.Threads
	if letter != 'Z' {
		z := t.sizes()
		kb := func(name string, n uint64) { line(name, "%8d kB", n>>10) }
		kb("VmPeak", max(k.Virtual, z.virtual))
		kb("VmSize", z.virtual)
		kb("VmLck", k.Locked)
		kb("VmPin", 0)
		kb("VmHWM", max(k.MaxResident, z.resident))
		kb("VmRSS", z.resident)
		kb("RssAnon", z.anon)
		kb("RssFile", z.file)
		kb("RssShmem", z.shared)
		kb("VmData", z.data)
		kb("VmStk", z.stack)
		kb("VmExe", z.exe)
		kb("VmLib", z.lib)
		kb("VmPTE", 0)
		kb("VmSwap", 0)
		line("CoreDumping", "0")
	} else {
		threads = 1
	}
	line("Threads", "%d", threads)
	line("SigQ", "0/4096")
	shared, own := t.pending()
	line("SigPnd", "%016x", own)
	line("ShdPnd", "%016x", shared)
	blocked := p.SigBlocked
	if t.task != nil {
		blocked = t.task.Blocked
	}
	line("SigBlk", "%016x", blocked)
	line("SigIgn", "%016x", p.SigIgnored)
	line("SigCgt", "%016x", p.SigCaught)
	const all = 1<<41 - 1
	have := func(uid uint32) uint64 {
		if uid == 0 {
			return all
		}
		return 0
	}
	line("CapInh", "%016x", 0)
	line("CapPrm", "%016x", have(r.UID)|have(r.EUID)|have(r.SUID))
	line("CapEff", "%016x", have(r.EUID))
	line("CapBnd", "%016x", uint64(all))
	line("CapAmb", "%016x", 0)
	line("NoNewPrivs", "%d", min(r.Flags&proto.ProcNoNew, 1))
	line("Seccomp", "0")
	cpus := t.srv.cpus()
	allowed := uint64(1)<<cpus - 1
	if _, _, m := t.pace(); allowed&m != 0 {
		allowed &= m
	}
	line("Cpus_allowed", "%x", allowed)
	line("Cpus_allowed_list", "%s", cpuList(allowed))
	line("voluntary_ctxt_switches", "%d", k.Switches)
	line("nonvoluntary_ctxt_switches", "0")
	return b.Bytes(), nil
}

// escape keeps a name on its line.
func escape(s string) string {
	return strings.NewReplacer("\\", "\\\\", "\n", "\\n").Replace(s)
}

// cpuList is a mask of CPUs as ranges: "0-2,5".
func cpuList(mask uint64) string {
	var l []string
	for i := 0; i < 64; i++ {
		if mask>>i&1 == 0 {
			continue
		}
		first := i
		for i < 63 && mask>>(i+1)&1 != 0 {
			i++
		}
		if s := strconv.Itoa(first); i == first {
			l = append(l, s)
		} else {
			l = append(l, s+"-"+strconv.Itoa(i))
		}
	}
	return strings.Join(l, ",")
}

// maxArgs bounds what is read of a process's arguments and environment.
const maxArgs = 2 << 20

// cmdline is PID/cmdline. If the program has written over the zero that ends
// its arguments (setproctitle), what it shows ends at the next one.
func cmdline(x *vfs.Ctx, t *target) ([]byte, error) {
	var b []byte
	t.steady(func(p *abi.ProcHead) {
		if p == nil {
			return
		}
		b = t.memory(p.ArgLo, p.ArgHi, maxArgs)
		if n := len(b); n > 0 && b[n-1] != 0 && uint64(n) == p.ArgHi-p.ArgLo {
			if p.EnvLo == p.ArgHi {
				b = append(b, t.memory(p.EnvLo, p.EnvHi, maxArgs)...)
			}
			if i := bytes.IndexByte(b, 0); i >= 0 {
				b = b[:i]
			}
		}
	})
	return b, nil
}

// piece is the part of the program's memory that where finds, at most most bytes.
func (t *target) piece(most int, where func(p *abi.ProcHead) (lo, hi uint64)) (b []byte, err error) {
	t.steady(func(p *abi.ProcHead) {
		if p != nil {
			lo, hi := where(p)
			b = t.memory(lo, hi, most)
		}
	})
	return b, nil
}

func environ(x *vfs.Ctx, t *target) ([]byte, error) {
	return t.piece(maxArgs, func(p *abi.ProcHead) (lo, hi uint64) { return p.EnvLo, p.EnvHi })
}

// maxAuxv is more than any auxiliary vector has.
const maxAuxv = 1024

func auxv(x *vfs.Ctx, t *target) ([]byte, error) {
	return t.piece(maxAuxv, func(p *abi.ProcHead) (lo, hi uint64) { return p.AuxvLo, p.AuxvHi })
}

// published is a path of the block, that is otherwise if it says none, and that of a
// server, which has no block. ENOENT: there is none; EIO: the block cannot be read.
func (t *target) published(path func(p *abi.ProcHead) []byte, otherwise string) (string, error) {
	var b []byte
	if p := t.block(); p != nil {
		b = path(p)
	} else if t.rec.State == 'Z' {
		return "", syscall.ENOENT
	} else if t.rec.Flags&proto.ProcKernel == 0 {
		return "", syscall.EIO
	}
	if len(b) == 0 {
		b = []byte(otherwise)
	}
	if len(b) == 0 || b[0] != '/' {
		return "", syscall.ENOENT
	}
	return string(b), nil
}

func exe(x *vfs.Ctx, t *target) (string, error) {
	return t.published(func(p *abi.ProcHead) []byte { return p.Exe[:p.ExeLen] }, "")
}

func cwd(x *vfs.Ctx, t *target) (string, error) {
	return t.published(func(p *abi.ProcHead) []byte { return p.Cwd[:p.CwdLen] }, "/")
}

func root(x *vfs.Ctx, t *target) (string, error) {
	return t.published(func(p *abi.ProcHead) []byte { return p.Root[:p.RootLen] }, "/")
}

// ioCounts is PID/io. Transfers are between processes and servers, and nobody
// counts them.
func ioCounts(x *vfs.Ctx, t *target) ([]byte, error) {
	return []byte("rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"), nil
}

// limitNames are the lines of PID/limits, by RLIMIT_ number.
var limitNames = [16][2]string{
	{"Max cpu time", "seconds"}, {"Max file size", "bytes"}, {"Max data size", "bytes"}, {"Max stack size", "bytes"},
	{"Max core file size", "bytes"}, {"Max resident set", "bytes"}, {"Max processes", "processes"}, {"Max open files", "files"},
	{"Max locked memory", "bytes"}, {"Max address space", "bytes"}, {"Max file locks", "locks"}, {"Max pending signals", "signals"},
	{"Max msgqueue size", "bytes"}, {"Max nice priority", ""}, {"Max realtime priority", ""}, {"Max realtime timeout", "us"},
}

func limits(x *vfs.Ctx, t *target) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units")
	show := func(v uint64) string {
		if v == noLimit {
			return "unlimited"
		}
		return fmt.Sprint(v)
	}
	for i, n := range limitNames {
		var cur, most uint64
		var st int64
		t.srv.proc(func(p client.Proc) { cur, most, st = p.Rlimit(uint64(t.rec.Pid), uint64(i), 0, 0, 0) })
		if st < 0 {
			return nil, syscall.Errno(-st)
		}
		fmt.Fprintf(&b, "%-25s %-20s %-20s ", n[0], show(cur), show(most))
		if n[1] != "" {
			fmt.Fprintf(&b, "%-10s", n[1])
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// children is task/TID/children.
func children(x *vfs.Ctx, t *target) ([]byte, error) {
	var b []byte
	last := uint32(0)
	for {
		pids, err := t.srv.pids(last)
		if err != nil || len(pids) == 0 {
			return b, err
		}
		for _, p := range pids {
			r, err := t.srv.record(p)
			switch {
			case err == syscall.ESRCH: // it has just gone
			case err != nil:
				return nil, err
			case r.PPid == t.rec.Pid:
				b = fmt.Appendf(b, "%d ", p)
			}
			last = p
		}
	}
}

// oomScore is PID/oom_score.
func oomScore(x *vfs.Ctx, t *target) ([]byte, error) {
	return fmt.Appendf(nil, "%d\n", t.kernel().OOMScore), nil
}

// readAdjust and writeAdjust are PID/oom_score_adj.
func readAdjust(x *vfs.Ctx, t *target) ([]byte, error) {
	return fmt.Appendf(nil, "%d\n", t.kernel().OOMAdjust), nil
}

func writeAdjust(x *vfs.Ctx, t *target, p []byte) error {
	n, err := strconv.Atoi(strings.TrimSpace(string(p)))
	if err != nil || n < -1000 || n > 1000 {
		return syscall.EINVAL
	}
	if !t.visible || int64(n) < t.kernel().OOMAdjust && x.Cred.EUID != 0 {
		return syscall.EACCES
	}
	return t.srv.machine.SetOOM(t.rec.KPid, n)
}
