package procfs

import (
	"fmt"
	"go42/ipc/abi"
	"strconv"
	"syscall"

	"go42/servers/vfs"
)

// The directories. Their parents, and what would make their initialisation
// depend on themselves, are set in init.
var (
	rootDir = dirDef{name: "", index: 0, entries: []entry{
		{name: "cgroups", text: system(cgroups)},
		{name: "cmdline", text: system(kernelCmdline)},
		{name: "cpuinfo", text: system(cpuinfo)},
		{name: "devices", text: system(devices)},
		{name: "filesystems", text: system(filesystems)},
		{name: "loadavg", text: system(loadavg)},
		{name: "lock_stat", text: system(lockStat)},
		{name: "meminfo", text: system(meminfo)},
		{name: "mounts", link: func(*vfs.Ctx, *target) (string, error) { return "self/mounts", nil }},
		{name: "self", link: func(x *vfs.Ctx, t *target) (string, error) { return t.srv.self(x, "") }},
		{name: "stat", text: system(systemStat)},
		{name: "swaps", text: system(swaps)},
		{name: "sys", dir: &sysDir},
		{name: "thread-self", link: func(x *vfs.Ctx, t *target) (string, error) { return t.srv.self(x, "/task/") }},
		{name: "uptime", text: system(uptime)},
		{name: "version", text: system(version)},
		{name: "vmstat", text: system(vmstat)},
	}}

	sysDir = dirDef{name: "sys", index: 1, entries: []entry{
		{name: "fs", dir: &sysFSDir}, {name: "kernel", dir: &sysKernelDir}, {name: "net", dir: &sysNetDir}, {name: "vm", dir: &sysVMDir},
	}}
	sysFSDir = dirDef{name: "fs", index: 2, entries: []entry{
		value("file-max", "9223372036854775807"), value("nr_open", "4096"), value("pipe-max-size", "1048576"),
	}}
	sysKernelDir = dirDef{name: "kernel", index: 3, entries: []entry{
		value("cap_last_cap", "40"),
		{name: "domainname", mode: 0o644, text: hostText(1), write: hostWrite(1)},
		{name: "hostname", mode: 0o644, text: hostText(0), write: hostWrite(0)},
		value("ngroups_max", "65536"),
		value("osrelease", release),
		value("ostype", "Linux"),
		value("pid_max", "4194304"),
		{name: "random", dir: &randomDir},
		value("threads-max", "65536"),
		value("version", versionText),
	}}
	randomDir = dirDef{name: "random", index: 4, entries: []entry{
		{name: "boot_id", text: func(_ *vfs.Ctx, t *target) ([]byte, error) { return []byte(t.srv.bootID + "\n"), nil }},
		value("entropy_avail", "256"),
		value("poolsize", "256"),
		{name: "uuid", text: func(*vfs.Ctx, *target) ([]byte, error) { return []byte(uuid() + "\n"), nil }},
	}}
	sysNetDir  = dirDef{name: "net", index: 5, entries: []entry{{name: "core", dir: &netCoreDir}}}
	netCoreDir = dirDef{name: "core", index: 6, entries: []entry{value("somaxconn", "4096")}}
	sysVMDir   = dirDef{name: "vm", index: 7, entries: []entry{
		value("dirty_ratio", "12"), value("max_map_count", "65530"), value("mmap_min_addr", strconv.Itoa(abi.ProgramLo)),
		value("oom_kill_allocating_task", "0"), value("overcommit_kbytes", "0"), value("overcommit_memory", "0"), value("overcommit_ratio", "50"),
		value("panic_on_oom", "0"), value("swappiness", "0"),
	}}

	pidDir  = dirDef{index: 10, entries: append([]entry{{name: "task", dir: &taskDir}}, perProcess...)}
	taskDir = dirDef{name: "task", index: 11}
	tidDir  = dirDef{index: 12, entries: append([]entry{{name: "children", text: children}}, perProcess...)}
)

// perProcess is what a process's and a thread's directory show alike.
var perProcess = []entry{
	{name: "auxv", mode: 0o400, private: true, text: auxv},
	{name: "cgroup", text: func(*vfs.Ctx, *target) ([]byte, error) { return []byte("0::/\n"), nil }},
	{name: "cmdline", text: cmdline},
	{name: "comm", mode: 0o644, text: func(_ *vfs.Ctx, t *target) ([]byte, error) { return []byte(t.comm() + "\n"), nil }},
	{name: "cwd", private: true, link: cwd},
	{name: "environ", mode: 0o400, private: true, text: environ},
	{name: "exe", private: true, link: exe},
	{name: "fd", dir: &fdDir},
	{name: "fdinfo", dir: &fdInfoDir},
	{name: "io", mode: 0o400, private: true, text: ioCounts},
	{name: "limits", text: limits},
	{name: "maps", private: true, text: maps},
	{name: "mountinfo", text: mountinfo},
	{name: "mounts", text: mounts},
	{name: "oom_score", text: oomScore},
	{name: "oom_score_adj", mode: 0o644, text: readAdjust, write: writeAdjust},
	{name: "root", private: true, link: root},
	{name: "smaps", private: true, text: smaps},
	{name: "stat", text: stat},
	{name: "statm", text: statm},
	{name: "status", text: status},
	{name: "wchan", text: func(*vfs.Ctx, *target) ([]byte, error) { return []byte("0"), nil }},
}

func init() {
	rootDir.lookup, rootDir.list = lookupPid, listPids
	taskDir.lookup, taskDir.list = lookupTask, listTasks
	for _, p := range []*dirDef{&rootDir, &sysDir, &sysKernelDir, &sysNetDir, &pidDir, &taskDir} {
		for i := range p.entries {
			if d := p.entries[i].dir; d != nil {
				d.parent = p
			}
		}
	}
	pidDir.parent, tidDir.parent = &rootDir, &taskDir
}

// system makes a text of one that is about no process.
func system(f func(s *Server) []byte) func(*vfs.Ctx, *target) ([]byte, error) {
	return func(_ *vfs.Ctx, t *target) ([]byte, error) { return f(t.srv), nil }
}

// value is a figure that does not change.
func value(name, v string) entry {
	return entry{name: name, text: func(*vfs.Ctx, *target) ([]byte, error) { return []byte(v + "\n"), nil }}
}

func hostText(which uint64) func(*vfs.Ctx, *target) ([]byte, error) {
	return func(_ *vfs.Ctx, t *target) ([]byte, error) { return []byte(t.srv.systemName(which) + "\n"), nil }
}

func hostWrite(which uint64) func(*vfs.Ctx, *target, []byte) error {
	return func(x *vfs.Ctx, t *target, p []byte) error { return t.srv.setName(x, which, string(p)) }
}

// self is the caller's directory; with sub, and its pid again, that of its
// first thread.
func (s *Server) self(x *vfs.Ctx, sub string) (string, error) {
	r, err := s.caller(x)
	if err != nil {
		return "", absent(err)
	}
	if sub == "" {
		return strconv.Itoa(int(r.Pid)), nil
	}
	return fmt.Sprintf("%d%s%d", r.Pid, sub, r.Pid), nil
}

func lookupPid(x *vfs.Ctx, d dirNode, name string) (vfs.Node, error) {
	n, ok := number(name)
	if !ok || n == 0 {
		return nil, syscall.ENOENT
	}
	if n >= abi.FirstTID {
		return d.srv.lookupTID(x, n)
	}
	r, err := d.srv.recordIn(x, n)
	if err != nil {
		return nil, absent(err)
	}
	return dirNode{d.srv, &pidDir, key{pid: n, kpid: r.KPid}}, nil
}

// absent is what a name's lookup answers where a process could not be asked for: that
// there is no such name only if there is no such process.
func absent(err error) error {
	if err == syscall.ESRCH {
		return syscall.ENOENT
	}
	return err
}

func listPids(x *vfs.Ctx, d dirNode, after uint64, emit func(vfs.Entry) bool) error {
	last := uint32(0)
	if after >= dynamic {
		last = uint32(after - dynamic)
	}
	for {
		pids, err := d.srv.pids(last)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, p := range pids {
			e := vfs.Entry{Name: strconv.Itoa(int(p)), Cookie: dynamic + uint64(p), Ino: inode(key{pid: p}, pidDir.index<<6), Mode: syscall.S_IFDIR}
			if !emit(e) {
				return nil
			}
			last = p
		}
	}
}
