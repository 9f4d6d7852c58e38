package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// damagedELF executes n copies of a program that are cut short or altered in
// their headers. Each must be refused with an error that execve has, or be the
// new process's end only; the time limit is for those that run on into a loop.
// With list, each one's end is printed, to be compared with Linux's.
func damagedELF(prog string, n int, list bool) {
	good, err := os.ReadFile(prog)
	if err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	d := damaged{good: good, rand: rand.New(rand.NewPCG(3, 4)), ends: map[string]int{}}
	if list {
		d.each = os.Stdout
	}
	for i, n := range []int{0, 1, 3, 4, 15, 16, 63, 64, 65, 100, 119, 120, 200, 400, 4095, 4096, 4097, len(good) / 2, len(good) - 1} {
		if n < len(good) {
			d.write(good[:n])
			d.run(fmt.Sprint("cut ", i))
		}
	}
	d.write(good)
	for i := range n {
		if i == n/2 { // the rest without most of its contents
			d.write(good[:min(len(good), 64<<10)])
		}
		what := d.damage()
		d.run(fmt.Sprint(i, " ", what))
	}
	for _, e := range slices.Sorted(func(yield func(string) bool) {
		for e := range d.ends {
			if !yield(e) {
				return
			}
		}
	}) {
		fmt.Fprintf(os.Stderr, "%5d %s\n", d.ends[e], e)
	}
	if out, err := exec.Command(prog, "echo", "whole").Output(); err != nil || string(out) != "whole\n" {
		fmt.Printf("FAIL: the undamaged program afterwards: %q, %v\n", out, err)
	}
}

const damagedFile = "/tmp/damaged"

// damaged is the file whose header is altered in place.
type damaged struct {
	good []byte
	rand *rand.Rand
	ends map[string]int
	each *os.File
}

func (d *damaged) write(b []byte) {
	os.Remove(damagedFile)
	if err := os.WriteFile(damagedFile, b, 0o755); err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
}

// extreme are values that fields of an ELF header do not expect.
var extreme = []uint64{0, 1, 0xfff, 0x1000, 0x1001, 1 << 20, 1<<31 - 1, 1 << 32, 1 << 40, 1 << 46, 0x7dff_ffff_f000, 0x7e00_1000_0000,
	1<<47 - 1, 1<<47 - 4096, 1 << 47, 1 << 62, 1 << 63, ^uint64(0), ^uint64(4095), 0xffff_ffff_8000_0000}

// damage alters the header and says how.
func (d *damaged) damage() string {
	const room = 64 + 12*56
	r := d.rand
	h := slices.Clone(d.good[:room])
	segments := min(int(binary.LittleEndian.Uint16(h[56:])), 12)
	segment := func() []byte { return h[64+56*r.IntN(segments):][:56] }
	var what []string
	for range 1 + r.IntN(3) {
		switch k := r.IntN(7); k {
		case 0:
			at, bit := 4+r.IntN(room-4), r.IntN(8)
			h[at] ^= 1 << bit
			what = append(what, fmt.Sprint("bit ", at, ".", bit))
		case 1:
			at := 4 + r.IntN(room-4)
			h[at] = byte(r.Uint32())
			what = append(what, fmt.Sprint("byte ", at))
		case 2: // a word of a program header
			at := 8 * (1 + r.IntN(6))
			v := extreme[r.IntN(len(extreme))]
			binary.LittleEndian.PutUint64(segment()[at:], v)
			what = append(what, fmt.Sprintf("word %d %#x", at, v))
		case 3: // segments that overlap, or are the same
			copy(segment()[8:], segment()[8:32])
			what = append(what, "overlap")
		case 4: // memory sizes below the file's, or beyond any
			s := segment()
			v := extreme[r.IntN(len(extreme))]
			binary.LittleEndian.PutUint64(s[40:], v)
			what = append(what, fmt.Sprintf("size %#x", v))
		case 5: // entry, offsets and counts in the file's header
			at := 24 + 8*r.IntN(3)
			v := extreme[r.IntN(len(extreme))]
			binary.LittleEndian.PutUint64(h[at:], v)
			what = append(what, fmt.Sprintf("head %d %#x", at, v))
		case 6: // types: another becomes a load, an interpreter, a stack
			types := []uint32{0, 1, 2, 3, 4, 6, 7, 0x6474e551}
			v := types[r.IntN(len(types))]
			binary.LittleEndian.PutUint32(segment(), v)
			what = append(what, fmt.Sprintf("type %#x", v))
		}
	}
	f, err := os.OpenFile(damagedFile, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(h, 0)
		f.Close()
	}
	if err != nil {
		fmt.Println("FAIL: writing a header:", err)
		os.Exit(1)
	}
	return strings.Join(what, ", ")
}

// refusals are the errors that execve may give for a file that can be read and
// executed.
var refusals = []syscall.Errno{syscall.ENOEXEC, syscall.EINVAL, syscall.ENOMEM, syscall.EIO, syscall.ELIBBAD,
	syscall.ENOENT, syscall.EACCES, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.ENOTDIR, syscall.EFAULT}

// run executes the file and notes how that ended.
func (d *damaged) run(what string) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	defer null.Close()
	end := ""
	pid, err := syscall.ForkExec(damagedFile, []string{"busybox", "true"}, &syscall.ProcAttr{
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}, Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		end = "refused: " + err.Error()
		if e, ok := err.(syscall.Errno); !ok || !slices.Contains(refusals, e) {
			fmt.Println("FAIL:", what, end)
		}
	} else {
		late := time.AfterFunc(300*time.Millisecond, func() { syscall.Kill(-pid, syscall.SIGKILL) })
		var ws syscall.WaitStatus
		syscall.Wait4(pid, &ws, 0, nil)
		if late.Stop() {
			end = fmt.Sprintf("status %#x", uint32(ws)&^0x80)
		} else {
			end = "late"
		}
	}
	d.ends[end]++
	if d.each != nil {
		fmt.Fprintln(d.each, what, "->", end)
	}
}
