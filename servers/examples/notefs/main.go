// Command notefs is a file system as a student could write one: files and
// directories in maps, gone when it ends. Run it as root:
//
//	mkdir /tmp/notes; notefs /tmp/notes &
//
// With -slow N each page that has to be read takes N milliseconds, as on a very
// slow device: `notefs -slow 200 /tmp/notes`. Whoever reads a file waits, and
// nobody else does.
package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"sync"
	"syscall"
	"time"

	"go42/servers/fsserver"
)

// note is a file or a directory.
type note struct {
	fsserver.Attr
	names map[string]uint64 // of a directory
	pages map[int64][]byte  // of a file: those that are not all zeroes
}

// notes is the file system: fsserver.WriteFS.
type notes struct {
	slow time.Duration

	mu   sync.Mutex
	last uint64
	all  map[uint64]*note
}

func (n *notes) get(ino uint64) (*note, error) {
	x := n.all[ino]
	if x == nil {
		return nil, syscall.ENOENT
	}
	return x, nil
}

func (n *notes) Stat(ino uint64) (fsserver.Attr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	x, err := n.get(ino)
	if err != nil {
		return fsserver.Attr{}, err
	}
	return x.Attr, nil
}

func (n *notes) Lookup(dir uint64, name string) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := n.get(dir)
	if err != nil {
		return 0, err
	}
	ino, ok := d.names[name]
	if !ok {
		return 0, syscall.ENOENT
	}
	return ino, nil
}

func (n *notes) ReadDir(dir uint64) ([]fsserver.Entry, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := n.get(dir)
	if err != nil {
		return nil, err
	}
	var es []fsserver.Entry
	for name, ino := range d.names {
		es = append(es, fsserver.Entry{Name: name, Ino: ino, Mode: n.all[ino].Mode})
	}
	sort.Slice(es, func(i, j int) bool { return es[i].Ino < es[j].Ino })
	return es, nil
}

func (n *notes) ReadPage(ino uint64, page int64, b []byte) error {
	time.Sleep(n.slow)
	n.mu.Lock()
	defer n.mu.Unlock()
	x, err := n.get(ino)
	if err != nil {
		return err
	}
	copy(b, x.pages[page])
	return nil
}

func (n *notes) WritePage(ino uint64, page int64, b []byte) error {
	time.Sleep(n.slow)
	n.mu.Lock()
	defer n.mu.Unlock()
	x, err := n.get(ino)
	if err != nil {
		return err
	}
	x.pages[page] = append([]byte(nil), b...)
	x.Time = time.Now()
	return nil
}

func (n *notes) SetSize(ino uint64, size int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	x, err := n.get(ino)
	if err != nil {
		return err
	}
	for p, b := range x.pages {
		switch begin := p * fsserver.PageSize; {
		case begin >= size:
			delete(x.pages, p)
		case size-begin < int64(len(b)):
			x.pages[p] = b[:size-begin]
		}
	}
	x.Size, x.Time = size, time.Now()
	return nil
}

func (n *notes) Make(dir uint64, name string, mode, uid, gid uint32) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := n.get(dir)
	if err != nil {
		return 0, err
	}
	n.last++
	n.all[n.last] = &note{fsserver.Attr{Mode: mode, UID: uid, GID: gid, Time: time.Now()}, map[string]uint64{}, map[int64][]byte{}}
	d.names[name] = n.last
	return n.last, nil
}

func (n *notes) Remove(dir uint64, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := n.get(dir)
	if err != nil {
		return err
	}
	delete(d.names, name)
	return nil
}

func (n *notes) Forget(ino uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.all, ino)
}

func main() {
	slow := flag.Int("slow", 0, "milliseconds that each page takes")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: notefs [-slow MS] DIRECTORY")
		os.Exit(2)
	}
	n := &notes{slow: time.Duration(*slow) * time.Millisecond, last: fsserver.Root}
	root := fsserver.Attr{Mode: syscall.S_IFDIR | 0o755, Time: time.Now()}
	n.all = map[uint64]*note{fsserver.Root: {root, map[string]uint64{}, nil}}
	fmt.Fprintln(os.Stderr, "notefs:", fsserver.Mount(n, fsserver.Config{Point: flag.Arg(0), Type: "notefs", Source: "notes"}))
	os.Exit(1)
}
