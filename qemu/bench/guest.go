package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go42/qemu"
)

// Guest is what the guest gets beside u-root.
type Guest struct {
	Prog string // the bench program, on the host
	Adds []qemu.Add
	// Missing names operations that cannot run for want of a file on the host.
	Missing map[string]string
}

// Flags of the linker for the bench program: its entry, and a place of its own
// for its text, so that an address tells whose instruction it is.
const (
	linkFlags = "-E main.start -T 0x40001000"
	textLow   = 0x40000000
	textHigh  = 0x41000000
)

// busyboxPath is where Debian's package busybox-static puts it.
const busyboxPath = "/usr/bin/busybox"

// NewGuest makes the files in dir. root is the source tree.
func NewGuest(root, dir string) (*Guest, error) {
	g := &Guest{Prog: filepath.Join(dir, "bench"), Missing: map[string]string{}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	build := func(out, pkg string, flags ...string) error {
		c := exec.Command("go", append(append([]string{"build", "-trimpath", "-buildvcs=false"}, flags...), "-o", out, pkg)...)
		c.Dir = root
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
		if b, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", pkg, err, b)
		}
		return nil
	}
	hello := filepath.Join(dir, "gohello.go")
	if err := os.WriteFile(hello, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		return nil, err
	}
	for _, b := range []struct {
		out, pkg string
		flags    []string
	}{
		{g.Prog, "./tests/guest/bench", []string{"-ldflags", linkFlags}},
		{filepath.Join(dir, "alloc"), "./tests/guest/alloc", nil},
		{filepath.Join(dir, "gohello"), hello, []string{"-ldflags", "-s -w"}},
	} {
		if err := build(b.out, b.pkg, b.flags...); err != nil {
			return nil, err
		}
	}
	add := func(host, guest string) { g.Adds = append(g.Adds, qemu.Add{Host: host, Guest: guest}) }
	add(filepath.Join(dir, "alloc"), "/bench/alloc")
	add(filepath.Join(dir, "gohello"), "/bench/gohello")
	for name, content := range map[string][]byte{
		"tiny": tiny(), "lines": lines(10 << 20), "script.gosh": []byte(script), "script.sh": []byte("PATH=/bench/applets\n" + script),
		"pipeline.sh": pipeline(200),
	} {
		f := filepath.Join(dir, name)
		// 0o755 for all: tiny has to be executable.
		if err := os.WriteFile(f, content, 0o755); err != nil {
			return nil, err
		}
		add(f, "/bench/"+name)
	}
	tree := filepath.Join(dir, "tree")
	if err := makeTree(tree); err != nil {
		return nil, err
	}
	add(tree, "/bench/tree")
	if _, err := os.Stat(busyboxPath); err != nil {
		for _, n := range []string{"vfork_exec_wait_cbusybox_true", "work_busybox_sh_35", "work_find_wc", "work_tar_1000", "work_sort_10MB", "work_pipeline_200"} {
			g.Missing[n] = "no busybox on the host: apt-get install busybox-static"
		}
		return g, nil
	}
	add(busyboxPath, "/bin/busybox")
	applets := filepath.Join(dir, "applets")
	os.RemoveAll(applets)
	if err := os.Mkdir(applets, 0o755); err != nil {
		return nil, err
	}
	for _, a := range appletsOf(script) {
		if err := os.Symlink("/bin/busybox", filepath.Join(applets, a)); err != nil {
			return nil, err
		}
	}
	add(applets, "/bench/applets")
	return g, nil
}

// script has 35 commands that u-root and busybox both have.
const script = `cd /tmp
mkdir -p w/a w/b
seq 1 100 > w/n
cat w/n > w/m
sort -r w/n > w/s
uniq w/s > w/u
wc -l w/u
head -n 5 w/u
tail -n 5 w/u
grep 7 w/n
grep -c 1 w/n
tr 0-9 a-j < w/n > w/t
basename /x/y.z .z
dirname /x/y/z
cp w/n w/a/c
cmp w/n w/a/c
mv w/a/c w/b/d
ls w
ls -l w/b
ln -s n w/l
readlink w/l
touch w/e
chmod 600 w/e
truncate -s 10 w/e
md5sum w/n
base64 w/n
dd if=w/n of=w/dd bs=64 count=2
find w
tee w/t1 < w/n
gzip w/t1
tar -c -f w/x.tar w/a w/b
date
uname
id
printenv HOME
rm -r w
`

// appletsOf lists the commands of a script, cd apart.
func appletsOf(s string) []string {
	var a []string
	seen := map[string]bool{"cd": true}
	for _, l := range strings.Split(strings.TrimSpace(s), "\n") {
		c, _, _ := strings.Cut(l, " ")
		if !seen[c] {
			seen[c] = true
			a = append(a, c)
		}
	}
	return a
}

// pipeline is a shell script of n processes.
func pipeline(n int) []byte {
	return []byte("/bin/busybox echo go" + strings.Repeat(" | /bin/busybox cat", n-1) + "\n")
}

// lines is size bytes of text, the same at each call.
func lines(size int) []byte {
	r := rand.New(rand.NewPCG(4, 2))
	b := make([]byte, 0, size)
	for len(b) < size {
		n := min(16+r.IntN(96), size-len(b)-1)
		for range n {
			b = append(b, 'a'+byte(r.IntN(26)))
		}
		b = append(b, '\n')
	}
	return b
}

// makeTree makes 50 folders of 20 files.
func makeTree(dir string) error {
	content := bytes.Repeat([]byte("0123456789abcde\n"), 64)
	for i := range 50 {
		d := filepath.Join(dir, fmt.Sprintf("d%02d", i))
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
		for j := range 20 {
			if err := os.WriteFile(filepath.Join(d, fmt.Sprintf("f%02d", j)), content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// tiny is an ELF program of three instructions: exit_group(0).
func tiny() []byte {
	const base, headers = 0x400000, 64 + 56
	code := []byte{0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05} // mov $231,%eax; xor %edi,%edi; syscall
	var b bytes.Buffer
	w := func(v ...any) {
		for _, x := range v {
			binary.Write(&b, binary.LittleEndian, x)
		}
	}
	b.WriteString("\x7fELF\x02\x01\x01")
	b.Write(make([]byte, 9))
	w(uint16(2), uint16(62), uint32(1), uint64(base+headers), uint64(64), uint64(0), uint32(0),
		uint16(64), uint16(56), uint16(1), uint16(0), uint16(0), uint16(0))
	size := uint64(headers + len(code))
	w(uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), size, size, uint64(4096))
	b.Write(code)
	return b.Bytes()
}
