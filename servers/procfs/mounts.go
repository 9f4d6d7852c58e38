package procfs

import (
	"bytes"
	"fmt"
	"strings"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/servers/mount"
	"go42/servers/vfs"
)

// mounted is a line of the mount table.
type mounted struct {
	proto.MountInfo
	dev uint64
}

// mountTable reads the mount-point server's table; with dev, the device
// number of each file system too.
func (s *Server) mountTable(withDev bool) (l []mounted) {
	s.call(func(c *client.Conn) {
		m := client.Mount{C: c, H: abi.HandleMount}
		for i := uint64(0); i < maxMounts; i++ {
			_, info, root, st := m.Entry(i)
			if st < 0 {
				return
			}
			e := mounted{MountInfo: *info}
			if withDev {
				e.dev = s.deviceOf(c, root)
			}
			if root != 0 {
				s.kernel.Drop(root)
			}
			l = append(l, e)
		}
	})
	return l
}

const maxMounts = 4096

// deviceOf asks a file system's root for its device number; 0: it did not say.
func (s *Server) deviceOf(c *client.Conn, root uint64) uint64 {
	if i, err := s.kernel.HandleInfo(root); err == nil && i.Mine != 0 {
		if i.Object == s.SysRoot() {
			return sysfsDev
		}
		return dev
	}
	redir := make([]byte, 16)
	_, st, e := client.FileSystem{C: c, H: root}.Stat("", 0, client.OutBytes(redir))
	if e != 0 || st == nil {
		return 0
	}
	return st.Dev
}

// options are a mount's flags in words.
func options(flags uint64) string {
	o := "rw"
	if flags&1 != 0 {
		o = "ro"
	}
	for _, f := range []struct {
		bit  uint64
		name string
	}{{2, "nosuid"}, {4, "nodev"}, {8, "noexec"}, {16, "sync"}, {1024, "noatime"}} {
		if flags&f.bit != 0 {
			o += "," + f.name
		}
	}
	if flags&1024 == 0 {
		o += ",relatime"
	}
	return o
}

// octal keeps blanks out of a field.
func octal(s string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(s)
}

// mounts is PID/mounts.
func mounts(x *vfs.Ctx, t *target) ([]byte, error) {
	var b bytes.Buffer
	for _, m := range t.srv.mountTable(false) {
		fmt.Fprintf(&b, "%s %s %s %s 0 0\n", octal(mount.CString(m.Source[:])), octal(mount.CString(m.Point[:])), mount.CString(m.Type[:]), options(m.Flags))
	}
	return b.Bytes(), nil
}

// mountinfo is PID/mountinfo.
func mountinfo(x *vfs.Ctx, t *target) ([]byte, error) {
	var b bytes.Buffer
	l := t.srv.mountTable(true)
	for i, m := range l {
		point := mount.CString(m.Point[:])
		// The parent is the mount that the point lay in before.
		parent, best := m.ID, -1
		for _, p := range l[:i] {
			at := strings.TrimSuffix(mount.CString(p.Point[:]), "/")
			if len(at) >= best && (point == at || strings.HasPrefix(point, at+"/")) {
				parent, best = p.ID, len(at)
			}
		}
		super := "rw"
		if m.Flags&1 != 0 {
			super = "ro"
		}
		fmt.Fprintf(&b, "%d %d %d:%d / %s %s - %s %s %s\n", m.ID, parent, m.dev>>8, m.dev&0xff, octal(point), options(m.Flags),
			mount.CString(m.Type[:]), octal(mount.CString(m.Source[:])), super)
	}
	return b.Bytes(), nil
}
