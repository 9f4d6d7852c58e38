package procfs

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"go42/ipc/abi"
	"go42/ipc/proto"
	"go42/servers/vfs"
)

// /sys is a second file system of this server: of what Linux shows there, the CPUs.
// They are neither added nor taken away, so that those that are possible, present
// and online are the same ones.

// sysfsDev is its device number.
const sysfsDev = 24

// sysfsSize is what stat says of each file, as on Linux.
const sysfsSize = 4096

var (
	sysfsDir   = dirDef{index: 16, entries: []entry{{name: "devices", dir: &devicesDir}}}
	devicesDir = dirDef{name: "devices", index: 17, entries: []entry{{name: "system", dir: &systemDir}}}
	systemDir  = dirDef{name: "system", index: 18, entries: []entry{{name: "cpu", dir: &cpusDir}}}
	cpusDir    = dirDef{name: "cpu", index: 19, entries: []entry{
		value("isolated", ""),
		value("kernel_max", strconv.Itoa(abi.MaxDispatchers-1)),
		value("offline", ""),
		{name: "online", text: system(allCPUs)},
		{name: "possible", text: system(allCPUs)},
		{name: "present", text: system(allCPUs)},
	}}
	cpuDir      = dirDef{index: 20, entries: []entry{{name: "topology", dir: &topologyDir}}}
	topologyDir = dirDef{name: "topology", index: 21, entries: []entry{
		cpuText("core_cpus", maskText(sameCore)),
		cpuText("core_cpus_list", listText(sameCore)),
		cpuText("core_id", func(l []place, n int) string { return fmt.Sprint(l[n].core) }),
		cpuText("core_siblings", maskText(samePackage)),
		cpuText("core_siblings_list", listText(samePackage)),
		cpuText("package_cpus", maskText(samePackage)),
		cpuText("package_cpus_list", listText(samePackage)),
		cpuText("physical_package_id", func(l []place, n int) string { return fmt.Sprint(l[n].pkg) }),
		cpuText("thread_siblings", maskText(sameCore)),
		cpuText("thread_siblings_list", listText(sameCore)),
	}}
)

func init() {
	cpusDir.lookup, cpusDir.list = lookupCPU, listCPUs
	for _, p := range []*dirDef{&sysfsDir, &devicesDir, &systemDir, &cpuDir} {
		for i := range p.entries {
			p.entries[i].dir.parent = p
		}
	}
	cpuDir.parent = &cpusDir
}

// newSysFS makes the file system.
func (s *Server) newSysFS() *vfs.FS {
	return s.vfs.AddFS(dirNode{s, &sysfsDir, key{}}, sysfsDev, func() proto.Statfs {
		return proto.Statfs{Type: 0x62656572, Bsize: 4096, Namelen: 255, Frsize: 4096}
	})
}

// inSysFS tells whether the directory is one of /sys.
func (d *dirDef) inSysFS() bool { return d.index >= sysfsDir.index }

func allCPUs(s *Server) []byte { return []byte(cpuList(1<<s.cpus()-1) + "\n") }

// cpuText is a file of a CPU's directory.
func cpuText(name string, f func(l []place, n int) string) entry {
	return entry{name: name, text: func(_ *vfs.Ctx, t *target) ([]byte, error) {
		return []byte(f(t.srv.places(), t.key.cpu-1) + "\n"), nil
	}}
}

func listText(f func(l []place, n int) uint64) func(l []place, n int) string {
	return func(l []place, n int) string { return cpuList(f(l, n)) }
}

// maskText shows a set as hexadecimal digits, as many as all CPUs take.
func maskText(f func(l []place, n int) uint64) func(l []place, n int) string {
	return func(l []place, n int) string { return fmt.Sprintf("%0*x", (len(l)+3)/4, f(l, n)) }
}

func lookupCPU(x *vfs.Ctx, d dirNode, name string) (vfs.Node, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "cpu"))
	if err != nil || n < 0 || n >= d.srv.cpus() || name != fmt.Sprint("cpu", n) {
		return nil, syscall.ENOENT
	}
	return dirNode{d.srv, &cpuDir, key{cpu: n + 1}}, nil
}

func listCPUs(x *vfs.Ctx, d dirNode, after uint64, emit func(vfs.Entry) bool) error {
	for n := range d.srv.cpus() {
		cookie := dynamic + uint64(n)
		if cookie > after && !emit(vfs.Entry{Name: fmt.Sprint("cpu", n), Cookie: cookie, Ino: inode(key{cpu: n + 1}, cpuDir.index<<6), Mode: syscall.S_IFDIR}) {
			return nil
		}
	}
	return nil
}
