package qemu

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// Image is an initramfs in the making. Names are absolute guest paths; a later
// file of the same name replaces an earlier one. Everything belongs to root.
type Image struct {
	entries map[string]entry
	closers []io.Closer
}

type entry struct {
	rec  cpio.Record
	host string // regular file on the host, opened only while it is written
}

// NewImage makes an image with u-root's commands and the files and mount
// points that programs expect of a small Linux system.
func (p *Project) NewImage() (*Image, error) {
	file, err := p.URoot()
	if err != nil {
		return nil, err
	}
	f, recs, err := uRootRecords(file)
	if err != nil {
		return nil, err
	}
	m := &Image{entries: map[string]entry{}, closers: []io.Closer{f}}
	m.Dir("/", 0o755)
	for _, d := range []string{"/bin", "/bbin", "/dev", "/etc", "/go42", "/proc", "/sys", "/usr", "/usr/bin", "/sbin", "/var", "/run", "/home"} {
		m.Dir(d, 0o755)
	}
	m.Dir("/root", 0o700)
	m.Dir("/tmp", 0o1777)
	m.Dir("/var/tmp", 0o1777)
	for _, r := range recs {
		m.put("/"+r.Name, entry{rec: r})
		name := path.Base(r.Name)
		if name != "bb" && name != "init" {
			m.Symlink("/bin/"+name, "../bbin/bb")
		}
	}
	m.File("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
	m.File("/etc/group", 0o644, "root:x:0:\nnogroup:x:65534:\n")
	m.File("/etc/hosts", 0o644, "127.0.0.1\tlocalhost\n::1\tlocalhost\n")
	m.File("/etc/hostname", 0o644, "go42\n")
	m.File("/etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files\n")
	m.File("/etc/os-release", 0o644, "NAME=Go42\nID=go42\nPRETTY_NAME=\"Go42 with u-root\"\n")
	return m, nil
}

// Close releases the files behind the image.
func (m *Image) Close() {
	for _, c := range m.closers {
		c.Close()
	}
}

// Has reports whether the guest path is in the image.
func (m *Image) Has(name string) bool {
	_, ok := m.entries[path.Clean(name)]
	return ok
}

func (m *Image) put(name string, e entry) {
	name = path.Clean("/" + name)
	for up := path.Dir(name); name != "/" && !m.Has(up); up = path.Dir(up) {
		m.Dir(up, 0o755)
	}
	e.rec.Name = strings.TrimPrefix(name, "/")
	if name == "/" {
		e.rec.Name = "."
	}
	e.rec.UID, e.rec.GID, e.rec.NLink, e.rec.Ino = 0, 0, 1, 0
	e.rec.Dev, e.rec.Major, e.rec.Minor = 0, 0, 0
	m.entries[name] = e
}

// Dir adds a folder.
func (m *Image) Dir(name string, perm uint64) {
	m.put(name, entry{rec: cpio.Directory(name, perm)})
}

// Symlink adds a symbolic link.
func (m *Image) Symlink(name, target string) {
	m.put(name, entry{rec: cpio.Symlink(name, target)})
}

// File adds a regular file.
func (m *Image) File(name string, perm uint64, content string) {
	m.put(name, entry{rec: cpio.StaticFile(name, content, perm)})
}

// CharDev adds a character device node.
func (m *Image) CharDev(name string, perm, major, minor uint64) {
	m.put(name, entry{rec: cpio.CharDev(name, perm, major, minor)})
}

// Limit bounds what AddHost takes; zero fields mean no bound.
type Limit struct {
	Bytes int64
	Files int
}

// errLimit is what AddHost answers when the limit is exceeded.
var errLimit = errors.New("too large")

// AddHost adds a file or, with everything below it, a folder of the host.
// Permissions, times and symbolic links are kept; sockets, pipes and devices
// are left out.
func (m *Image) AddHost(host, guest string, limit Limit) error {
	host = filepath.Clean(host)
	if st, err := os.Stat(host); err != nil {
		return err
	} else if !st.IsDir() {
		// A link named by the user means the file behind it.
		return m.addHostFile(host, guest, st)
	}
	var files int
	var bytes int64
	return filepath.WalkDir(host+"/", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		files++
		bytes += st.Size()
		if limit.Files > 0 && files > limit.Files || limit.Bytes > 0 && bytes > limit.Bytes {
			return fmt.Errorf("%s: %w (more than %d files or %d MiB)", host, errLimit, limit.Files, limit.Bytes>>20)
		}
		rel, err := filepath.Rel(host, p)
		if err != nil {
			return err
		}
		return m.addHostFile(p, path.Join(guest, filepath.ToSlash(rel)), st)
	})
}

func (m *Image) addHostFile(host, guest string, st fs.FileInfo) error {
	perm := uint64(st.Mode().Perm())
	if st.Mode()&fs.ModeSetuid != 0 {
		perm |= 0o4000
	}
	if st.Mode()&fs.ModeSetgid != 0 {
		perm |= 0o2000
	}
	if st.Mode()&fs.ModeSticky != 0 {
		perm |= 0o1000
	}
	var e entry
	switch {
	case st.IsDir():
		e.rec = cpio.Directory(guest, perm)
	case st.Mode().IsRegular():
		e.rec.Info = cpio.Info{Mode: cpio.S_IFREG | perm, FileSize: uint64(st.Size())}
		e.host = host
	case st.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(host)
		if err != nil {
			return err
		}
		e.rec = cpio.Symlink(guest, target)
	default:
		return nil
	}
	e.rec.MTime = uint64(st.ModTime().Unix())
	m.put(guest, e)
	return nil
}

// WriteTo writes the archive (newc, not compressed), in the order of names so
// that a folder comes before its content.
func (m *Image) WriteTo(w io.Writer) (int64, error) {
	names := make([]string, 0, len(m.entries))
	for n := range m.entries {
		names = append(names, n)
	}
	sort.Strings(names)
	cw := &counter{w: bufio.NewWriterSize(w, 1<<20)}
	rw := cpio.Newc.Writer(cw)
	for i, n := range names {
		e := m.entries[n]
		e.rec.Ino = uint64(i + 1)
		if err := e.write(rw); err != nil {
			return cw.n, fmt.Errorf("initramfs: %s: %w", n, err)
		}
	}
	if err := cpio.WriteTrailer(rw); err != nil {
		return cw.n, err
	}
	return cw.n, cw.w.Flush()
}

func (e entry) write(rw cpio.RecordWriter) error {
	if e.host != "" {
		b, err := os.ReadFile(e.host)
		if err != nil {
			return err
		}
		// The file may have changed since it was listed.
		e.rec.FileSize = uint64(len(b))
		e.rec.ReaderAt = bytes.NewReader(b)
	}
	return rw.WriteRecord(e.rec)
}

type counter struct {
	w *bufio.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
