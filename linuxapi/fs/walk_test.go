package fs

import (
	"strings"
	"testing"

	"go42/ipc/proto"
)

func openPath(p string) int64 {
	b := cstr(p)
	return Open(addrOf(b), oRdOnly, 0)
}

func TestWalk(t *testing.T) {
	k := newFake(t)
	k.mount("/", 10)
	k.mount("/proc", 20)
	k.mount("/mnt/x", 30)
	var trace []string
	k.open = func(dir uint64, p string) (uint64, int64, string) {
		trace = append(trace, map[uint64]string{10: "root:", 20: "proc:", 30: "x:"}[dir]+p)
		switch {
		case dir == 10 && p == "link":
			return 0, proto.RedirectAbsolute, "/proc/target"
		case dir == 10 && strings.HasPrefix(p, "a/../proc"):
			return 0, proto.RedirectCovered, "proc" + strings.TrimPrefix(p, "a/../proc")
		case dir == 30 && strings.HasPrefix(p, "../"):
			return 0, proto.RedirectUp, strings.TrimPrefix(p, "../")
		case dir == 10 && p == "loop":
			return 0, proto.RedirectAbsolute, "/loop"
		case dir == 20 && strings.HasPrefix(p, "self/fd/"):
			return 0, proto.RedirectFD, strings.TrimPrefix(p, "self/fd/")
		case dir == 10 && p == "dir":
			return proto.KindDir, 0, ""
		case p == "none":
			return 0, -ENOENT, ""
		}
		return proto.KindFile, 0, ""
	}
	for _, c := range []struct {
		path, want string
		r          int64
	}{
		{"/etc/passwd", "root:etc/passwd", 0},
		{"/proc/meminfo", "proc:meminfo", 1},
		{"/mnt/x/f", "x:f", 2},
		{"/mnt/xy", "root:mnt/xy", 3},
		{"/link", "root:link proc:target", 4},
		{"/a/../proc/stat", "root:a/../proc/stat proc:stat", 5},
		{"/mnt/x/../y", "x:../y root:mnt/y", 6},
		{"/none", "root:none", -ENOENT},
		{"/loop", "", -ELOOP},
		{"", "", -ENOENT},
		{"rel", "root:rel", 7},
		{"/dir", "root:dir", 8},
		{"/proc/self/fd/8/sub", "proc:self/fd/8/sub sub", 9},
		{"/proc/self/fd/0", "proc:self/fd/0", 10},
		{"/proc/self/fd/77", "proc:self/fd/77", -ENOENT},
	} {
		trace = nil
		r := openPath(c.path)
		if r != c.r || c.want != "" && strings.Join(trace, " ") != c.want {
			t.Errorf("%q: %d by %q; want %d by %q", c.path, r, trace, c.r, c.want)
		}
	}
	free := 0
	for c := bufs.free; c != nil; c = c.next {
		free++
	}
	if free != bufs.fresh {
		t.Errorf("%d of %d path buffers free", free, bufs.fresh)
	}
	// A call for a longer path than fits is refused.
	if r := openPath("/" + strings.Repeat("a", 5000)); r != -ENAMETOOLONG {
		t.Errorf("long path: %d", r)
	}
	// Mounting changes where paths go.
	k.mount("/etc", 20)
	trace = nil
	openPath("/etc/passwd")
	if got := strings.Join(trace, " "); got != "proc:passwd" {
		t.Errorf("after mount: %q", got)
	}
	if k.dropped[10] {
		// Duplicate grants of roots are dropped; the fake gives the same number
		// each time, so only the count of entries can be checked.
		t.Log("root dropped as duplicate")
	}
	if mountCount != 4 {
		t.Errorf("%d mounts", mountCount)
	}
	// Umount.
	k.mounts = k.mounts[:2]
	k.version++
	trace = nil
	openPath("/mnt/x/f")
	if got := strings.Join(trace, " "); got != "root:mnt/x/f" {
		t.Errorf("after umount: %q", got)
	}
}
