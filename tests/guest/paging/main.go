// Command paging tests files whose pages a slow server supplies. It is run in the
// guest: paging TEST. It prints what it measured, lines with FAIL for what is
// wrong, and "done".
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var failed atomic.Bool

func wrong(f string, a ...any) {
	failed.Store(true)
	fmt.Printf("FAIL "+f+"\n", a...)
}

func fail(f string, a ...any) {
	fmt.Printf("FAIL "+f+"\n", a...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		_, _, l, _ := runtime.Caller(1)
		fail("line %d: %v", l, err)
	}
}

var tests = map[string]func(){
	"siblings": siblings, "shared": shared, "cache": oneCache, "readahead": readAhead, "reclaim": reclaim,
	"killed": killed, "errors": badPages, "buffers": buffers, "pending": pending, "cpus": cpus,
	"private": private, "truncate": truncate, "oom": oom, "disabled": func() { disabled(); changed() }, "fork": forks, "dirty": dirtyPages, "threads": manyThreads, "stuck": stuckPager,
}

func main() {
	switch os.Args[1] {
	case "serve":
		n, _ := strconv.ParseInt(os.Args[3], 10, 64)
		serve(os.Args[2], n)
	case "child":
		child(os.Args[2:])
		return
	}
	debug.SetGCPercent(-1) // a collection would wait for the one who waits
	runtime.GOMAXPROCS(max(4, runtime.NumCPU()))
	t := tests[os.Args[1]]
	if t == nil {
		fail("no such test")
	}
	t()
	if failed.Load() {
		os.Exit(1)
	}
	fmt.Println("done")
}

func get(m []byte, off int64) uint64    { return binary.LittleEndian.Uint64(m[off:]) }
func put(m []byte, off int64, v uint64) { binary.LittleEndian.PutUint64(m[off:], v) }

// touch reads a page's first word and says whether there was a fault, and its
// address.
func touch(m []byte, p int64) (v uint64, fault bool) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if recover() != nil {
			fault = true
		}
	}()
	return get(m, p*page), false
}

// siblings: a thread waits for a slow page; its siblings count on, one that
// computes and one that sleeps now and then.
func siblings() {
	d := newDisk(64)
	d.ask("hold", 1)
	_, m := d.open(64, syscall.MAP_SHARED)
	var stop, back atomic.Bool
	var counts [2]atomic.Int64
	var wg sync.WaitGroup
	for i := range counts {
		wg.Go(func() {
			runtime.LockOSThread()
			for !stop.Load() {
				for range 1000 {
					counts[i].Add(1)
				}
				if i == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	wg.Go(func() {
		runtime.LockOSThread()
		if v := get(m, 20*page); v != word(20*page) {
			wrong("page 20: %#x", v)
		}
		back.Store(true)
	})
	if !d.held(1) {
		wrong("the page is not asked for")
	}
	begin := [2]int64{counts[0].Load(), counts[1].Load()}
	on := func(i int) int64 { return counts[i].Load() - begin[i] }
	if !soon(func() bool { return on(0) >= 50_000 && on(1) >= 5_000_000 }) {
		wrong("siblings stood still")
	}
	fmt.Println("while a page was waited for:", on(0), on(1))
	if back.Load() {
		wrong("the page did not come from the device")
	}
	d.ask("hold", 0)
	if !soon(back.Load) {
		wrong("the page does not come")
	}
	stop.Store(true)
	wg.Wait()
	d.end()
}

// manyThreads: each of many threads waits for another page, as many at a time as
// the device reads.
func manyThreads() {
	const n, parallel = 40, 16
	d := newDisk(4096)
	d.ask("hold", 1)
	_, m := d.open(4096, syscall.MAP_SHARED)
	runtime.GOMAXPROCS(n + 4)
	var wg sync.WaitGroup
	for i := range int64(n) {
		wg.Go(func() {
			runtime.LockOSThread()
			p := i * 100
			if get(m, p*page) != word(p*page) {
				wrong("page %d", p)
			}
		})
	}
	if !d.held(parallel) {
		wrong("they wait one after the other: %d at a time", d.number("waiting", 0))
	}
	d.ask("hold", 0)
	wg.Wait()
	d.end()
}

// shared: what is written to a shared mapping reaches the device by msync, by
// fsync, and after munmap by itself.
func shared() {
	d := newDisk(256)
	f, m := d.open(256, syscall.MAP_SHARED)
	put(m, 0, 100)
	put(m, 5*page+8, 105)
	check(msync(m))
	is := func(off int64, want uint64, how string) {
		if v := d.number("word", off); v != want {
			wrong("%s: device has %d at %d, want %d", how, v, off, want)
		}
	}
	is(0, 100, "msync")
	is(5*page+8, 105, "msync")
	is(8, word(8), "msync")
	put(m, 0, 200) // again: it is clean, and mapped by nobody
	put(m, 200*page, 201)
	check(f.Sync())
	is(0, 200, "fsync")
	is(200*page, 201, "fsync")
	put(m, 7*page, 300)
	for i := int64(100); i < 200; i++ {
		put(m, i*page+16, uint64(i))
	}
	b := make([]byte, 8)
	if _, err := f.ReadAt(b, 7*page); err != nil || binary.LittleEndian.Uint64(b) != 300 {
		wrong("read: %v %v", b, err)
	}
	binary.LittleEndian.PutUint64(b, 400)
	if _, err := f.WriteAt(b, 8*page); err != nil || get(m, 8*page) != 400 {
		wrong("a write is not seen in the mapping: %v", err)
	}
	check(syscall.Munmap(m))
	f.Close()
	if !soon(func() bool { return d.number("word", 7*page) == 300 && d.number("word", 199*page+16) == 199 }) {
		wrong("nothing came back after munmap")
	}
	is(8*page, 400, "munmap")
	d.end()
}

func msync(m []byte) error {
	_, _, e := syscall.Syscall(syscall.SYS_MSYNC, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), 4)
	if e != 0 {
		return e
	}
	return nil
}

// oneCache: two processes see one cache, and the device is read once.
func oneCache() {
	d := newDisk(128)
	_, m := d.open(128, syscall.MAP_SHARED)
	for p := range int64(128) {
		if get(m, p*page) != word(p*page) {
			wrong("page %d", p)
		}
	}
	put(m, 3*page, 77)
	reads := d.number("reads", 0)
	out, err := exec.Command("/proc/self/exe", "child", "see", d.path, "128", "3", "77").CombinedOutput()
	if err != nil {
		wrong("child: %v %s", err, out)
	}
	if v := get(m, 4*page); v != 78 {
		wrong("the child's write is not seen: %d", v)
	}
	if again := d.number("reads", 0); again != reads || reads != 128 {
		wrong("pages read: %d, then %d", reads, again)
	}
	fmt.Println("128 pages were read", reads, "times for two processes")
	d.end()
}

// child is another process: see PATH PAGES PAGE VALUE; hold PATH PAGE; loop PATH
// PAGES SEED; hog; stand.
func child(a []string) {
	switch a[0] {
	case "nothing":
		os.Exit(0)
	case "hog":
		hog()
	case "stand":
		stand()
	case "small":
		small()
	case "busy":
		busy()
	case "first":
		first()
	}
	d := &disk{path: a[1]}
	n, _ := strconv.Atoi(a[2])
	switch a[0] {
	case "see":
		_, m := d.open(n, syscall.MAP_SHARED)
		p, _ := strconv.ParseInt(a[3], 10, 64)
		v, _ := strconv.ParseUint(a[4], 10, 64)
		for q := range int64(n) {
			if want := word(q * page); q != p && get(m, q*page) != want {
				fail("page %d", q)
			}
		}
		if get(m, p*page) != v {
			fail("%d", get(m, p*page))
		}
		put(m, (p+1)*page, v+1)
	case "hold":
		_, m := d.open(n+1, syscall.MAP_SHARED)
		fmt.Println("holding")
		fmt.Println(get(m, int64(n)*page))
	case "loop":
		seed, _ := strconv.ParseUint(a[3], 10, 64)
		_, m := d.open(n, syscall.MAP_SHARED)
		r := rand.New(rand.NewPCG(seed, 1))
		for range 20_000 {
			p := r.Int64N(int64(n))
			if get(m, p*page) != word(p*page) {
				fail("page %d: %#x", p, get(m, p*page))
			}
			if r.IntN(8) == 0 {
				put(m, p*page+8*int64(seed), r.Uint64())
			}
			if r.IntN(500) == 0 {
				madvise(m, 4)
			}
		}
	}
}

func madvise(m []byte, advice int) error {
	_, _, e := syscall.Syscall(syscall.SYS_MADVISE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(advice))
	if e != 0 {
		return e
	}
	return nil
}

// readAhead: in order, there are few requests; out of order, none is wasted.
func readAhead() {
	const n = 1024
	d := newDisk(n)
	_, m := d.open(n, syscall.MAP_SHARED)
	for p := range int64(n) {
		if get(m, p*page) != word(p*page) {
			wrong("page %d", p)
		}
	}
	q := d.number("requests", 0)
	fmt.Println(n, "pages in order:", q, "requests")
	if q > n/32+10 {
		wrong("no read-ahead")
	}
	d.end()
	d = newDisk(n)
	_, m = d.open(n, syscall.MAP_SHARED)
	for i := range int64(64) {
		p := i * 613 % n
		if get(m, p*page) != word(p*page) {
			wrong("page %d", p)
		}
	}
	if r := d.number("reads", 0); r > 70 {
		wrong("64 pages out of order made %d be read", r)
	}
	d.end()
	d = newDisk(n)
	_, m = d.open(n, syscall.MAP_SHARED)
	check(madvise(m[:64*page], 3)) // WILLNEED
	vec := make([]byte, 64)
	if !soon(func() bool {
		syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), 64*page, uintptr(unsafe.Pointer(&vec[0])))
		return !bytes.Contains(vec, []byte{0})
	}) {
		wrong("WILLNEED brought %d pages in", bytes.Count(vec, []byte{1}))
	}
	d.end()
}

// reclaim: a file larger than memory is read and partly written, twice, beside
// memory that is in use.
func reclaim() {
	const mib = 256
	n := mib << 20 / page
	d := newDisk(n)
	f, m := d.open(n, syscall.MAP_SHARED)
	mine := make([]byte, 24<<20)
	for i := 0; i < len(mine); i += 8 {
		binary.LittleEndian.PutUint64(mine[i:], uint64(i))
	}
	for round := range uint64(2) {
		for p := range int64(n) {
			if v := get(m, p*page+64); v != word(p*page+64) {
				fail("round %d, page %d: %#x", round, p, v)
			}
			if p%50 == 0 {
				if v := get(m, p*page); round > 0 && v != uint64(p)+round-1 {
					fail("round %d: what was written to page %d is gone: %d", round, p, v)
				}
				put(m, p*page, uint64(p)+round)
			}
		}
		fmt.Println("round", round, "requests", d.number("requests", 0), "reads", d.number("reads", 0))
	}
	for i := 0; i < len(mine); i += 8 {
		if binary.LittleEndian.Uint64(mine[i:]) != uint64(i) {
			fail("own memory changed")
		}
	}
	check(f.Sync())
	for p := int64(0); p < int64(n); p += 500 {
		if v := d.number("word", p*page); v != uint64(p)+1 {
			wrong("device has %d for page %d", v, p)
		}
	}
	if r := d.number("reads", 0); r < uint64(n)*3/2 {
		wrong("%d reads: the cache holds more than memory", r)
	}
	d.end()
}

// dirtyPages: more than memory is written by way of a mapping, as fast as it
// goes; nothing is lost, and nobody is ended for it.
func dirtyPages() {
	const n = 256 << 20 / page
	d := newDisk(n)
	f, m := d.open(n, syscall.MAP_SHARED)
	for p := range int64(n) {
		put(m, p*page+8, uint64(p))
	}
	check(f.Sync())
	for p := int64(0); p < n; p += 100 {
		if v := d.number("word", p*page+8); v != uint64(p) {
			wrong("device has %d for page %d", v, p)
		}
	}
	b := make([]byte, 1<<20)
	for i := range int64(128) {
		for j := 0; j < len(b); j += 8 {
			binary.LittleEndian.PutUint64(b[j:], uint64(i))
		}
		if _, err := f.WriteAt(b, i<<20); err != nil {
			fail("write: %v", err)
		}
	}
	check(f.Sync())
	if v := d.number("word", 100<<20); v != 100 {
		wrong("device has %d", v)
	}
	d.end()
}

// killed: the pager is killed while a thread waits: SIGBUS, no hang.
func killed() {
	d := newDisk(64)
	_, m := d.open(64, syscall.MAP_SHARED)
	if get(m, 0) != word(0) {
		wrong("page 0")
	}
	put(m, 8, 5)
	d.ask("hold", 1)
	go func() {
		if !d.held(1) {
			wrong("the page is not asked for")
		}
		d.cmd.Process.Kill()
	}()
	_, fault := touch(m, 30)
	if !fault {
		wrong("no SIGBUS")
	}
	if _, fault = touch(m, 31); !fault {
		wrong("a page of a dead pager came")
	}
	if get(m, 0) != word(0) || get(m, 8) != 5 {
		wrong("pages that are there are gone")
	}
	if _, err := os.ReadFile(d.path); err == nil {
		wrong("a file of a dead server can be read")
	}
	if err := msync(m); err != syscall.EIO {
		wrong("msync: %v, want EIO", err)
	}
	d.cmd.Wait()
	if err := syscall.Unmount(d.path[:len(d.path)-len("/data")], 0); err != nil {
		wrong("umount of a dead server's file system: %v", err)
	}
}

// badPages: what the device cannot read is SIGBUS or EIO, each time it is
// touched; the rest is as ever.
func badPages() {
	d := newDisk(64)
	d.ask("bad", 10)
	f, m := d.open(64, syscall.MAP_SHARED)
	for range 2 {
		for p := range int64(64) {
			v, fault := touch(m, p)
			if fault != (p == 10) || !fault && v != word(p*page) {
				wrong("page %d: fault %v", p, fault)
			}
		}
	}
	b := make([]byte, page)
	if _, err := f.ReadAt(b, 10*page); !isErr(err, syscall.EIO) {
		wrong("read of a bad page: %v", err)
	}
	if _, err := f.ReadAt(b, 11*page); err != nil {
		wrong("read: %v", err)
	}
	if _, fault := touch(m[:], 63); fault {
		wrong("last page")
	}
	d.end()
}

func isErr(err error, want syscall.Errno) bool {
	p, ok := err.(*os.PathError)
	return ok && p.Err == want
}

// buffers: pages that are not there are given to read and write; the thread
// waits, and nothing is EFAULT.
func buffers() {
	d := newDisk(256)
	d.ask("delay", 20)
	_, m := d.open(256, syscall.MAP_SHARED)
	f, err := os.Create("/tmp/copy")
	check(err)
	if n, err := f.Write(m[:40*page]); n != 40*page || err != nil {
		wrong("write from the mapping: %d %v", n, err)
	}
	b, err := os.ReadFile("/tmp/copy")
	check(err)
	for i := int64(0); i < int64(len(b)); i += 8 {
		if get(b, i) != word(i) {
			fail("copied word %d", i)
		}
	}
	for i := int64(0); i < int64(len(b)); i += 8 {
		put(b, i, uint64(i))
	}
	check(os.WriteFile("/tmp/back", b, 0o600))
	g, err := os.Open("/tmp/back")
	check(err)
	if n, err := g.Read(m[100*page : 140*page]); n != 40*page || err != nil {
		wrong("read into the mapping: %d %v", n, err)
	}
	for i := int64(0); i < 40*page; i += 8 {
		if get(m, 100*page+i) != uint64(i) {
			fail("read word %d", i)
		}
	}
	// A pipe, and a path that lies in the mapping.
	r, w, err := os.Pipe()
	check(err)
	go func() { w.Write(m[200*page : 204*page]); w.Close() }()
	k := 0
	for buf := make([]byte, 5000); ; {
		n, err := r.Read(buf)
		for i := range n {
			if o := int64(200*page + k + i); buf[i] != byte(word(o&^7)>>(o&7*8)) {
				fail("byte %d from the pipe", k+i)
			}
		}
		if k += n; err != nil {
			break
		}
	}
	if k != 4*page {
		wrong("%d bytes from the pipe", k)
	}
	copy(m[220*page:], "/tmp/back\x00")
	if err := msync(m); err != nil {
		wrong("msync: %v", err)
	}
	madvise(m, 4)
	var st syscall.Stat_t
	if _, _, e := syscall.Syscall(syscall.SYS_STAT, uintptr(unsafe.Pointer(&m[220*page])), uintptr(unsafe.Pointer(&st)), 0); e != 0 || st.Size != 40*page {
		wrong("stat of a path in the mapping: %v", e)
	}
	if _, _, e := syscall.Syscall(syscall.SYS_STAT, uintptr(unsafe.Pointer(&m[230*page])), uintptr(unsafe.Pointer(&st)), 0); e != syscall.ENOENT && e != syscall.ENAMETOOLONG {
		wrong("stat of nonsense in a page that has to come: %v", e)
	}
	d.end()
}

// disabled: calls that the libOS answers with upcalls disabled write to pages
// that have to come: the dispatcher waits.
func disabled() {
	d := newDisk(64)
	d.ask("delay", 30)
	_, m := d.open(64, syscall.MAP_SHARED)
	at := func(p int) uintptr { return uintptr(unsafe.Pointer(&m[p*page])) }
	var ts syscall.Timespec
	check(syscall.Nanosleep(&syscall.Timespec{Nsec: 1}, nil))
	for i, c := range [][3]uintptr{
		{syscall.SYS_CLOCK_GETTIME, 1, at(1)},
		{syscall.SYS_GETTIMEOFDAY, at(2), 0},
		{syscall.SYS_UNAME, at(3), 0},
		{syscall.SYS_SYSINFO, at(4), 0},
		{syscall.SYS_GETRUSAGE, 0, at(5)},
		{syscall.SYS_TIMES, at(6), 0},
		{syscall.SYS_CLOCK_GETRES, 1, at(7)},
		{syscall.SYS_GETRESUID, at(8), at(9)},
	} {
		third := uintptr(0)
		if c[0] == syscall.SYS_GETRESUID {
			third = at(10)
		}
		if _, _, e := syscall.Syscall(c[0], c[1], c[2], third); e != 0 {
			wrong("call %d: %v", i, e)
		}
	}
	ts = *(*syscall.Timespec)(unsafe.Pointer(&m[page]))
	if ts.Nsec < 0 || ts.Nsec >= 1e9 || ts.Sec > 1e6 {
		wrong("clock_gettime: %v", ts)
	}
	if m[3*page] != 'L' || get(m, 8*page)<<32>>32 != 0 || get(m, 8*page+8) != word(8*page+8) {
		wrong("uname, getresuid: %q %#x", m[3*page:3*page+8], get(m, 8*page))
	}
	// A bad page is EFAULT, not death.
	d.ask("bad", 20)
	if _, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, at(20), 0); e != syscall.EFAULT {
		wrong("clock_gettime to a bad page: %v", e)
	}
	d.end()
}

// changed: what becomes of who waits for a page when its mapping changes meanwhile, and
// of calls whose words lie in pages that have to come.
func changed() {
	d := newDisk(64)
	d.ask("hold", 1)
	runtime.GOMAXPROCS(8)                            // one that waits for a page keeps its own
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would wait for them
	_, m := d.open(64, syscall.MAP_SHARED)
	at := func(p int) uintptr { return uintptr(unsafe.Pointer(&m[p*page])) }
	var wg sync.WaitGroup
	// These are unmapped, replaced, moved, and made inaccessible. The first leaves a hole
	// of one page, in which what is moved finds no place.
	pages := [4]int64{4, 8, 16, 24}
	var v [4]uint64
	var fault [4]bool
	for i, p := range pages {
		wg.Go(func() {
			runtime.LockOSThread()
			v[i], fault[i] = touch(m, p)
		})
	}
	// Words of futexes.
	const timedOut, again = syscall.ETIMEDOUT, syscall.EAGAIN
	var slept, awake syscall.Errno
	futex := func(p int, value uint64) syscall.Errno {
		ts := syscall.Timespec{Nsec: 1e6}
		_, _, e := syscall.Syscall6(syscall.SYS_FUTEX, at(p), 0, uintptr(uint32(value)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		return e
	}
	wg.Go(func() { slept = futex(40, word(40*page)) })
	wg.Go(func() { awake = futex(50, word(50*page)+1) })
	if !d.held(6) {
		wrong("%d pages are waited for, want 6", d.number("waiting", 0))
	}
	_, _, e1 := syscall.Syscall(syscall.SYS_MUNMAP, at(4), page, 0)
	_, _, e2 := syscall.Syscall6(syscall.SYS_MMAP, at(8), page, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_FIXED, ^uintptr(0), 0)
	to, _, e3 := syscall.Syscall6(syscall.SYS_MREMAP, at(16), page, 2*page, 1, 0, 0) // MREMAP_MAYMOVE
	_, _, e4 := syscall.Syscall(syscall.SYS_MPROTECT, at(24), page, syscall.PROT_NONE)
	if e1|e2|e3|e4 != 0 {
		wrong("%v %v %v %v", e1, e2, e3, e4)
	}
	d.ask("hold", 0)
	wg.Wait()
	if !fault[0] || fault[1] || v[1] != 0 || !fault[2] || !fault[3] {
		wrong("unmapped %v, replaced %v %#x, moved %v, protected %v", fault[0], fault[1], v[1], fault[2], fault[3])
	}
	if moved := *(*uint64)(unsafe.Add(unsafe.Pointer(nil), to)); moved != word(16*page) {
		wrong("the moved page: %#x", moved)
	}
	if slept != timedOut || awake != again {
		wrong("futex: %v %v", slept, awake)
	}
	// A thread that ends with its robust list and its id in pages that have to come.
	d.ask("delay", 30)
	onThread(func() {
		syscall.Syscall(syscall.SYS_SET_ROBUST_LIST, at(60), 24, 0)
		syscall.Syscall(syscall.SYS_SET_TID_ADDRESS, at(62), 0, 0)
	})
	if !soon(func() bool { return uint32(get(m, 62*page)) == 0 }) {
		wrong("the thread's id is not cleared")
	}
	d.end()
}

// forks: a process forks, and its child runs, while a thread waits for a page.
func forks() {
	d := newDisk(64)
	d.ask("hold", 1)
	_, m := d.open(64, syscall.MAP_SHARED)
	var wg sync.WaitGroup
	for i := range int64(3) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			if get(m, i*20*page) != word(i*20*page) {
				wrong("page %d", i*20)
			}
		}()
	}
	if !d.held(3) {
		wrong("the pages are not asked for")
	}
	var done atomic.Bool
	go func() {
		for range 3 {
			check(exec.Command("/proc/self/exe", "child", "nothing").Run())
		}
		done.Store(true)
	}()
	if !soon(done.Load) {
		wrong("fork waited for a page")
	}
	d.ask("hold", 0)
	wg.Wait()
	d.end()
}

// pending: processes are killed while they wait, again and again.
func pending() {
	d := newDisk(4096)
	d.ask("delay", 100)
	for i := range 30 {
		c := exec.Command("/proc/self/exe", "child", "hold", d.path, fmt.Sprint(1000+i*50))
		out, err := c.StdoutPipe()
		check(err)
		check(c.Start())
		out.Read(make([]byte, 8))
		time.Sleep(time.Duration(i%5) * 10 * time.Millisecond)
		c.Process.Kill()
		c.Wait()
	}
	_, m := d.open(4096, syscall.MAP_SHARED)
	if get(m, 4000*page) != word(4000*page) {
		wrong("page")
	}
	d.end()
	if memoryCheck() != 0 {
		wrong("the kernel's memory structures are broken")
	}
}

// memoryCheck is NDebug's; a kernel that does not check itself has none.
func memoryCheck() syscall.Errno {
	_, _, e := syscall.Syscall6(0x4200+68, 1, 0, 0, 0, 0, 0)
	if e == syscall.ENOSYS {
		return 0
	}
	return e
}

// cpus: processes on several CPUs map the same file, read, write, and let go.
func cpus() {
	d := newDisk(512)
	var cs []*exec.Cmd
	for i := range 4 {
		c := exec.Command("/proc/self/exe", "child", "loop", d.path, "512", fmt.Sprint(i+1))
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		check(c.Start())
		cs = append(cs, c)
	}
	for _, c := range cs {
		if err := c.Wait(); err != nil {
			wrong("%v", err)
		}
	}
	fmt.Println(d.number("requests", 0), "requests by four processes")
	d.end()
	if memoryCheck() != 0 {
		wrong("the kernel's memory structures are broken")
	}
}

// private: what is written to a private mapping stays there, over a fork too.
func private() {
	d := newDisk(64)
	d.ask("delay", 10)
	f, m := d.open(64, syscall.MAP_PRIVATE)
	for p := int64(0); p < 64; p += 2 {
		put(m, p*page, 9)
		if get(m, p*page+8) != word(p*page+8) {
			wrong("page %d was not copied", p)
		}
	}
	_, s := d.open(64, syscall.MAP_SHARED)
	for p := range int64(64) {
		if get(s, p*page) != word(p*page) {
			wrong("page %d of the file has changed", p)
		}
	}
	put(s, 3*page, 33) // not written privately: seen
	if get(m, 3*page) != 33 || get(m, 2*page) != 9 {
		wrong("private view")
	}
	check(f.Sync())
	if d.number("word", 0) != word(0) || d.number("word", 3*page) != 33 {
		wrong("device")
	}
	d.end()
}

// truncate: beyond the end is SIGBUS, what comes back is the device's.
func truncate() {
	d := newDisk(64)
	f, m := d.open(64, syscall.MAP_SHARED)
	for p := range int64(64) {
		put(m, p*page, 1)
	}
	check(f.Truncate(10*page + 100))
	for p := range int64(64) {
		v, fault := touch(m, p)
		if fault != (p > 10) || !fault && v != 1 {
			wrong("page %d: %d %v", p, v, fault)
		}
	}
	for i := int64(104); i < page; i += 8 {
		if get(m, 10*page+i) != 0 {
			fail("behind the end: %d", i)
		}
	}
	b := make([]byte, 100*page)
	if n, _ := f.ReadAt(b, 0); n != 10*page+100 {
		wrong("read %d", n)
	}
	d.end()
}

// stuckPager: one that never answers hurts those who touch its pages, nobody else.
func stuckPager() {
	d, other := newDisk(64), newDisk(64)
	d.ask("stuck", 5)
	c := exec.Command("/proc/self/exe", "child", "hold", d.path, "5")
	out, err := c.StdoutPipe()
	check(err)
	check(c.Start())
	out.Read(make([]byte, 8))
	_, m := d.open(64, syscall.MAP_SHARED)
	_, n := other.open(64, syscall.MAP_SHARED)
	begin := time.Now()
	for p := range int64(64) {
		if p != 5 && get(m, p*page) != word(p*page) || get(n, p*page) != word(p*page) {
			wrong("page %d", p)
		}
	}
	if took := time.Since(begin); took > time.Minute {
		wrong("others waited %v", took)
	}
	c.Process.Kill()
	if err := c.Wait(); err == nil {
		wrong("the child ended by itself")
	}
	d.end()
	other.end()
}

// oom: a program that takes all memory is ended; others, smaller, are not.
func oom() {
	by := exec.Command("/proc/self/exe", "child", "stand")
	in, err := by.StdinPipe()
	check(err)
	out, err := by.StdoutPipe()
	check(err)
	check(by.Start())
	out.Read(make([]byte, 8))
	d := newDisk(1024)
	_, m := d.open(1024, syscall.MAP_SHARED)
	for p := range int64(1024) {
		put(m, p*page, 7)
	}
	// One that asks for what others are refused first when memory is short.
	asks := exec.Command("/proc/self/exe", "child", "busy")
	asks.Stdout = os.Stdout
	end, err := asks.StdinPipe()
	check(err)
	check(asks.Start())
	killed := func(c *exec.Cmd, err error) {
		if err == nil || err.Error() != "signal: killed" {
			wrong("%s: %v, want SIGKILL", c.Args[2], err)
		}
	}
	c := exec.Command("/proc/self/exe", "child", "hog")
	killed(c, c.Run())
	end.Close()
	if err := asks.Wait(); err != nil {
		wrong("one that forks, and makes pipes and files: %v", err)
	}
	// One that has told the system to end it first.
	soon := exec.Command("/proc/self/exe", "child", "first")
	out, err = soon.StdoutPipe()
	check(err)
	check(soon.Start())
	out.Read(make([]byte, 8))
	c = exec.Command("/proc/self/exe", "child", "hog")
	killed(c, c.Run())
	killed(soon, soon.Wait())
	smallHogs()
	for p := range int64(1024) {
		if get(m, p*page) != 7 {
			wrong("page %d of a file was lost", p)
		}
	}
	in.Write([]byte("x"))
	if err := by.Wait(); err != nil {
		wrong("the bystander: %v", err)
	}
	d.end()
}

// smallHogs: many, of which none has an eighth of memory, take all of it together. Some
// are ended, not all, and who asks for this and that meanwhile gets it.
func smallHogs() {
	asks := exec.Command("/proc/self/exe", "child", "busy")
	asks.Stdout = os.Stdout
	end, err := asks.StdinPipe()
	check(err)
	check(asks.Start())
	const n = 12
	var hogs [n]*exec.Cmd
	var let [n]io.Closer
	var wg sync.WaitGroup
	for i := range hogs {
		c := exec.Command("/proc/self/exe", "child", "small")
		hogs[i] = c
		let[i], err = c.StdinPipe()
		check(err)
		out, err := c.StdoutPipe()
		check(err)
		check(c.Start())
		wg.Go(func() { out.Read(make([]byte, 1)) }) // it is full, or dead
	}
	wg.Wait()
	end.Close()
	if err := asks.Wait(); err != nil {
		wrong("one that forks, and makes pipes and files, beside small hogs: %v", err)
	}
	ended := 0
	for i, c := range hogs {
		let[i].Close()
		if err := c.Wait(); err == nil {
			continue
		} else if err.Error() != "signal: killed" {
			wrong("a small hog: %v", err)
		}
		ended++
	}
	if ended == 0 || ended > n*3/4 {
		wrong("%d of %d small hogs were ended", ended, n)
	}
	fmt.Println("small hogs ended:", ended)
}

// small holds what is less than an eighth of memory, until its input ends.
func small() {
	b := make([]byte, 14<<20)
	for i := 0; i < len(b); i += page {
		b[i] = byte(i / page)
	}
	fmt.Println("full")
	os.Stdin.Read(make([]byte, 1))
	for i := 0; i < len(b); i += page {
		if b[i] != byte(i/page) {
			fail("a page of a small hog")
		}
	}
	os.Exit(0)
}

func hog() {
	for {
		b := make([]byte, 4<<20)
		for i := 0; i < len(b); i += page {
			b[i] = 1
		}
		hogged = append(hogged, b)
	}
}

var hogged [][]byte

// busy forks, makes pipes and files, and maps shared memory, until its input ends.
func busy() {
	var done atomic.Bool
	go func() {
		os.Stdin.Read(make([]byte, 1))
		done.Store(true)
	}()
	n := 0
	for ; !done.Load(); n++ {
		r, w, err := os.Pipe()
		check(err)
		r.Close()
		w.Close()
		check(os.WriteFile("/tmp/busy", make([]byte, 200_000), 0o600))
		f, err := os.OpenFile("/tmp/busy", os.O_RDWR, 0)
		check(err)
		m, err := syscall.Mmap(int(f.Fd()), 0, 200_000, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		check(err)
		for i := 0; i < len(m); i += page {
			m[i] = 1
		}
		check(syscall.Munmap(m))
		f.Close()
		check(os.Remove("/tmp/busy"))
		check(exec.Command("/proc/self/exe", "child", "nothing").Run())
	}
	fmt.Println("busy", n, "times")
	os.Exit(0)
}

// first asks to be ended first, and holds a little.
func first() {
	check(os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = 1
	}
	score, err := os.ReadFile("/proc/self/oom_score")
	check(err)
	if n, _ := strconv.Atoi(string(score[:len(score)-1])); n < 1333 {
		fail("oom_score %s", score)
	}
	fmt.Println("standing")
	time.Sleep(time.Hour)
}

// stand holds some memory until it is told to look at it.
func stand() {
	b := make([]byte, 8<<20)
	for i := range b {
		b[i] = byte(i * 7)
	}
	fmt.Println("standing")
	os.Stdin.Read(make([]byte, 1))
	for i := range b {
		if b[i] != byte(i*7) {
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// onThread runs f on a thread that ends after it, as one does with the goroutine that
// is locked to it; only a Go program's first thread does not.
func onThread(f func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		if syscall.Gettid() != syscall.Getpid() {
			f()
			return
		}
		onThread(f) // on another one: this is taken
		runtime.UnlockOSThread()
	})
	wg.Wait()
}
