package procfs

import (
	"bytes"
	"fmt"
	"syscall"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/servers/vfs"
)

// What uname(2) says too.
const (
	release     = "6.1.0-go42"
	versionText = "#1 SMP Go42"
)

func (s *Server) cpus() int { return int(min(max(s.machine.Info().NCPU, 1), 64)) }

// alive counts processes: made since boot, alive now; and the last pid.
func (s *Server) counts() (made, alive, last uint64) {
	s.proc(func(p client.Proc) { made, alive, last, _ = p.Resources() })
	return made, alive, last
}

// setName sets the host's or domain's name for a caller who is root.
func (s *Server) setName(x *vfs.Ctx, which uint64, v string) error {
	if x.Cred.EUID != 0 {
		return syscall.EPERM
	}
	var st int64
	s.proc(func(p client.Proc) { st = p.SetName(which, v) })
	if st < 0 {
		return syscall.Errno(-st)
	}
	return nil
}

// foreground is the foreground process group of a terminal; -1: unknown.
func (s *Server) foreground(tty uint32) (pgid int32) {
	pgid = -1
	s.call(func(c *client.Conn) {
		h := s.terminals.Load()
		if h == 0 {
			var st int64
			if h, st = (client.Mount{C: c, H: abi.HandleMount}).Service("tty", 0); st < 0 {
				return
			}
			if !s.terminals.CompareAndSwap(0, h) {
				s.kernel.Drop(h)
				h = s.terminals.Load()
			}
		}
		n, st := client.TTY{C: c, H: h}.Foreground(uint64(tty))
		switch {
		case st >= 0:
			pgid = int32(n)
		case st == -int64(syscall.EOWNERDEAD) || st == -int64(syscall.EBADF) || st == -int64(syscall.EIO):
			// That server has died; another may have taken its place.
			if s.terminals.CompareAndSwap(h, 0) {
				s.kernel.Drop(h)
			}
		}
	})
	return pgid
}

func cgroups(*Server) []byte { return []byte("#subsys_name\thierarchy\tnum_cgroups\tenabled\n") }

func swaps(*Server) []byte {
	return []byte("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
}

func kernelCmdline(s *Server) []byte {
	p := s.machine.Info()
	n := min(p.CmdlineLen, uint64(len(p.Cmdline)))
	return append(bytes.Clone(p.Cmdline[:n]), '\n')
}

func devices(*Server) []byte {
	return []byte("Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n240 host\n\nBlock devices:\n")
}

func filesystems(*Server) []byte {
	return []byte("nodev\tsysfs\nnodev\tproc\nnodev\ttmpfs\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\tpipefs\nnodev\tsockfs\n")
}

func version(*Server) []byte {
	return []byte("Linux version " + release + " (go42) " + versionText + "\n")
}

// hundredths shows ns as seconds.
func hundredths(ns uint64) string { return fmt.Sprintf("%d.%02d", ns/1e9, ns/1e7%100) }

func uptime(s *Server) []byte {
	i := s.machine.SysInfo()
	return []byte(hundredths(i.BootNS) + " " + hundredths(i.IdleNS) + "\n")
}

func loadavg(s *Server) []byte {
	_, alive, last := s.counts()
	var b bytes.Buffer
	for _, l := range s.machine.Info().Loads {
		fmt.Fprintf(&b, "%d.%02d ", l>>16, l&0xffff*100>>16)
	}
	fmt.Fprintf(&b, "1/%d %d\n", alive, last)
	return b.Bytes()
}

func meminfo(s *Server) []byte {
	i := s.machine.SysInfo()
	var b bytes.Buffer
	// Files' pages are in memory for good: there is nothing behind them, so
	// that none of them is available.
	for _, l := range []struct {
		name  string
		bytes uint64
	}{
		{"MemTotal", i.MemTotal}, {"MemFree", i.MemFree}, {"MemAvailable", i.MemFree}, {"Buffers", 0}, {"Cached", i.MemFile},
		{"SwapCached", 0}, {"Active", i.MemAnon + i.MemFile}, {"Inactive", 0}, {"Active(anon)", i.MemAnon + i.MemFile},
		{"Inactive(anon)", 0}, {"Active(file)", 0}, {"Inactive(file)", 0}, {"Unevictable", 0}, {"Mlocked", 0},
		{"SwapTotal", 0}, {"SwapFree", 0}, {"Dirty", 0}, {"Writeback", 0}, {"AnonPages", i.MemAnon}, {"Mapped", i.MemMapped},
		{"Shmem", i.MemFile}, {"KReclaimable", 0}, {"Slab", i.MemKernel}, {"SReclaimable", 0}, {"SUnreclaim", i.MemKernel},
		{"KernelStack", 0}, {"PageTables", i.MemTables}, {"NFS_Unstable", 0}, {"Bounce", 0}, {"WritebackTmp", 0},
		{"CommitLimit", i.MemTotal / 2}, {"Committed_AS", i.MemAnon + i.MemFile}, {"VmallocTotal", 0}, {"VmallocUsed", 0}, {"VmallocChunk", 0},
	} {
		fmt.Fprintf(&b, "%-16s%8d kB\n", l.name+":", l.bytes>>10)
	}
	return b.Bytes()
}

// systemStat is /proc/stat. What could run is counted in dispatchers: the kernel
// knows no threads.
func systemStat(s *Server) []byte {
	made, _, _ := s.counts()
	var all abi.CPUInfo
	var lines bytes.Buffer
	line := func(name string, i *abi.CPUInfo) {
		fmt.Fprintf(&lines, "%s %d 0 %d %d 0 0 0 0 0 0\n", name, i.UserNS/tick, i.SysNS/tick, i.IdleNS/tick)
	}
	for n := range s.cpus() {
		i := s.machine.CPUInfo(n)
		line(fmt.Sprint("cpu", n), &i)
		all.Add(&i)
	}
	each := bytes.Clone(lines.Bytes())
	lines.Reset()
	line("cpu ", &all)
	lines.Write(each)
	fmt.Fprintf(&lines, "intr %d\nctxt %d\nbtime %d\nprocesses %d\nprocs_running %d\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
		all.Interrupts, all.Switches, s.bootTime().Unix(), made, all.Runnable)
	return lines.Bytes()
}

// lockStat is /proc/lock_stat: how often a kernel lock of each rank had to be
// waited for, on each CPU. Linux's file of that name has other columns.
func lockStat(s *Server) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-10s", "rank")
	infos := make([]abi.CPUInfo, s.cpus())
	for n := range infos {
		infos[n] = s.machine.CPUInfo(n)
		fmt.Fprintf(&b, "%10s", fmt.Sprint("cpu", n))
	}
	for r, name := range abi.LockRanks {
		fmt.Fprintf(&b, "\n%-10s", name)
		for n := range infos {
			fmt.Fprintf(&b, "%10d", infos[n].Waited[r])
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func vmstat(s *Server) []byte {
	i := s.machine.SysInfo()
	return fmt.Appendf(nil, "nr_free_pages %d\nnr_anon_pages %d\nnr_file_pages %d\nnr_page_table_pages %d\npgfault %d\npgmajfault 0\n",
		i.MemFree/pageSize, i.MemAnon/pageSize, i.MemFile/pageSize, i.MemTables/pageSize, i.Faults)
}
