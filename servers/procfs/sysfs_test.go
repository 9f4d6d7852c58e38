package procfs

import (
	"slices"
	"syscall"
	"testing"

	"go42/ipc/abi"
	"go42/ipc/client"
)

// Two CPUs in packages of their own: fakeMachine's APIC ids are far apart.
func TestSysFS(t *testing.T) {
	w := newWorld(t)
	w.MountAt(w.app, "/sys", client.Object(w.srv.SysRoot()), abi.Grant{})
	w.root = "/sys"
	const cpu = "devices/system/cpu"
	for _, n := range []string{"online", "possible", "present"} {
		w.want(n, w.must(w.Init, cpu+"/"+n), "0-1\n")
	}
	w.want("kernel_max", w.must(w.Init, cpu+"/kernel_max"), "7\n")
	w.want("offline", w.must(w.Init, cpu+"/offline"), "\n")
	w.want("names", slices.Equal(w.list(w.Init, cpu), []string{"isolated", "kernel_max", "offline", "online", "possible", "present", "cpu0", "cpu1"}), true)
	for file, want := range map[string]string{
		"core_id": "0\n", "core_cpus": "2\n", "core_cpus_list": "1\n", "package_cpus": "2\n", "thread_siblings_list": "1\n",
	} {
		w.want(file, w.must(w.Init, cpu+"/cpu1/topology/"+file), want)
	}
	w.want("a package of its own", w.must(w.Init, cpu+"/cpu0/topology/physical_package_id") != w.must(w.Init, cpu+"/cpu1/topology/physical_package_id"), true)
	for _, n := range []string{"cpu2", "cpu", "cpu01", "cpu-1", "cpu0x"} {
		if _, st := w.open(w.Init, cpu+"/"+n, 0); st != -int64(syscall.ENOENT) {
			t.Errorf("%s: %d", n, st)
		}
	}
	if _, st := w.open(w.Init, cpu+"/online", syscall.O_WRONLY); st != -int64(syscall.EACCES) {
		t.Errorf("online for writing: %d", st)
	}
}

func TestCores(t *testing.T) {
	l := []place{{0, 0}, {0, 0}, {0, 1}, {1, 0}, {1, 1}}
	if a, b, c, d := sameCore(l, 1), samePackage(l, 2), coresOf(l, 0), samePackage(l, 4); a != 3 || b != 7 || c != 2 || d != 0x18 {
		t.Error(a, b, c, d)
	}
	if s := maskText(sameCore)(l, 2); s != "04" {
		t.Error(s)
	}
}
