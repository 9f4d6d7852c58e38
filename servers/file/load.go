package file

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"
	"syscall"

	"github.com/u-root/u-root/pkg/cpio"

	"go42/ipc/proto"
)

// load fills the file system from a newc archive, or several behind one
// another (zero bytes between them are padding). The nodes refer to archive:
// it has to stay. A later entry replaces an earlier one of the same name, as
// with Linux's initramfs. What lies below /tmp goes to tmp, which will be mounted
// there.
func (r *ram) load(archive []byte, tmp *ram) error {
	type inoKey struct {
		in                *ram
		ino, major, minor uint64
	}
	for base := 0; base < len(archive); {
		if archive[base] == 0 {
			base++
			continue
		}
		linked := map[inoKey]*regular{}
		data := archive[base:]
		rr := cpio.Newc.Reader(bytes.NewReader(data))
		end := -1
		for {
			rec, err := rr.ReadRecord()
			if err == io.EOF {
				break
			}
			if err != nil {
				return fmt.Errorf("initramfs at %d: %w", base, err)
			}
			size := int64(rec.FileSize)
			if rec.FilePos+size > int64(len(data)) {
				return fmt.Errorf("initramfs: %s is cut off", rec.Name)
			}
			end = int(rec.FilePos + size)
			name := path.Clean("/" + rec.Name)
			in := r
			if rest, ok := strings.CutPrefix(name, "/tmp/"); ok && tmp != nil {
				in, name = tmp, "/"+rest
			}
			key := inoKey{in, rec.Ino, rec.Major, rec.Minor}
			mode := uint32(rec.Mode)
			mtime := proto.Time{Sec: int64(rec.MTime)}
			body := data[rec.FilePos : rec.FilePos+size : rec.FilePos+size]
			if rec.NLink > 1 && mode&syscall.S_IFMT == syscall.S_IFREG {
				if f := linked[key]; f != nil {
					if size > 0 {
						f.rom, f.size = body, size
					}
					d, base := in.parents(name)
					in.replace(d, base)
					f.nlink++
					d.put(base, f)
					continue
				}
			}
			n, err := in.enter(name, mode, uint32(rec.UID), uint32(rec.GID), rec.Rmajor<<8|rec.Rminor, body, mtime)
			if err != nil {
				return fmt.Errorf("initramfs: %s: %w", rec.Name, err)
			}
			if f, ok := n.(*regular); ok && rec.NLink > 1 {
				linked[key] = f
			}
		}
		// What follows the trailer: its record is behind the last file.
		t := max(end, 0)
		i := bytes.Index(data[t:], []byte(cpio.Trailer))
		if i < 0 {
			return nil
		}
		base += (t + i + len(cpio.Trailer) + 1 + 3) &^ 3
	}
	return nil
}

// parents makes the directories above name where they are missing.
func (r *ram) parents(name string) (*dir, string) {
	d := r.root
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for _, p := range parts[:len(parts)-1] {
		e := d.ents[p]
		if e != nil {
			if sub, ok := e.node.(*dir); ok {
				d = sub
				continue
			}
			r.replace(d, p)
		}
		n := r.newNode(syscall.S_IFDIR|0o755, 0, 0, 0, "").(*dir)
		n.nlink = 2
		d.put(p, n)
		d = n
	}
	return d, parts[len(parts)-1]
}

// replace takes a name away if it is there.
func (r *ram) replace(d *dir, name string) {
	if d.ents[name] != nil {
		r.unlinked(d.take(name))
	}
}

// enter makes one node. A directory that is there already only gets its
// attributes.
func (r *ram) enter(name string, mode, uid, gid uint32, rdev uint64, body []byte, mtime proto.Time) (ramNode, error) {
	var n ramNode
	switch {
	case name == "/":
		n = r.root
	default:
		d, base := r.parents(name)
		if e := d.ents[base]; e != nil {
			if old, ok := e.node.(*dir); ok && mode&syscall.S_IFMT == syscall.S_IFDIR {
				n = old
				break
			}
			r.replace(d, base)
		}
		switch mode & syscall.S_IFMT {
		case syscall.S_IFDIR, syscall.S_IFREG, syscall.S_IFLNK, syscall.S_IFCHR, syscall.S_IFBLK, syscall.S_IFIFO, syscall.S_IFSOCK:
		default:
			return nil, syscall.EINVAL
		}
		target := ""
		if mode&syscall.S_IFMT == syscall.S_IFLNK {
			target = string(body)
		}
		n = r.newNode(mode, uid, gid, rdev, target)
		if _, ok := n.(*dir); ok {
			n.base().nlink = 2
		} else {
			n.base().nlink = 1
		}
		d.put(base, n)
	}
	if f, ok := n.(*regular); ok && len(body) > 0 {
		f.rom, f.size = body, int64(len(body))
	}
	b := n.base()
	b.mode, b.uid, b.gid = mode, uid, gid
	b.atim, b.mtim, b.ctim = mtime, mtime, mtime
	return n, nil
}
