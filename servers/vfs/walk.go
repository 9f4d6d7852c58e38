package vfs

import (
	"strings"
	"syscall"

	"go42/ipc/proto"
)

// found is where a walk ended.
type found struct {
	dir   Dir    // directory of the last component; nil: the walk ended at its start, or in "." or ".."
	name  string // last component; "" with dir nil
	node  Node   // nil: no such name
	slash bool   // the path ended in a slash: must be a directory
}

const (
	maxLinks = 40
	nameMax  = 255
	pathMax  = 4096
)

// walk goes along path from start. follow: a symbolic link in the last place
// is followed. FS.Lock is held.
func (fs *FS) walk(x *Ctx, start Node, path string, follow bool) (found, *Redirect, error) {
	if path == "" {
		return found{node: start}, nil, nil
	}
	if len(path) >= pathMax {
		return found{}, nil, syscall.ENAMETOOLONG
	}
	if strings.IndexByte(path, 0) >= 0 {
		return found{}, nil, syscall.EINVAL
	}
	cur, ok := start.(Dir)
	if !ok {
		return found{}, nil, syscall.ENOTDIR
	}
	links := 0
	for {
		slashed := false
		for len(path) > 0 && path[0] == '/' {
			path, slashed = path[1:], true
		}
		if path == "" {
			return found{node: cur, slash: slashed}, nil, nil
		}
		name, rest := path, ""
		if i := strings.IndexByte(path, '/'); i >= 0 {
			name, rest = path[:i], path[i:]
		}
		st := cur.Stat(x)
		if !x.Cred.Permitted(st.Mode, st.UID, st.GID, 1) {
			return found{}, nil, syscall.EACCES
		}
		switch name {
		case ".":
			path = rest
			if path == "" {
				return found{node: cur}, nil, nil
			}
			continue
		case "..":
			up, _, _ := cur.Place()
			if x.fence != nil && cur == x.fence {
				up = cur // as at the root of all
			}
			if up == nil {
				return found{}, &Redirect{proto.RedirectUp, strings.TrimLeft(rest, "/")}, nil
			}
			cur, path = up, rest
			if path == "" {
				return found{node: cur}, nil, nil
			}
			continue
		}
		if len(name) > nameMax {
			return found{}, nil, syscall.ENAMETOOLONG
		}
		last := strings.Trim(rest, "/") == ""
		n, err := cur.Lookup(x, name)
		if err == syscall.ENOENT && last {
			return found{dir: cur, name: name, slash: rest != ""}, nil, nil
		}
		if err != nil {
			return found{}, nil, err
		}
		if l, ok := n.(Link); ok && (!last || follow || rest != "") {
			if links++; links > maxLinks {
				return found{}, nil, syscall.ELOOP
			}
			if m, ok := n.(MagicLink); ok {
				to, red, err := m.Follow(x)
				if err != nil {
					return found{}, nil, err
				}
				if red != nil {
					return found{}, &Redirect{red.Kind, red.Path + rest}, nil
				}
				if last && rest == "" {
					return found{dir: cur, name: name, node: to}, nil, nil
				}
				d, ok := to.(Dir)
				if !ok {
					return found{}, nil, syscall.ENOTDIR
				}
				cur, path = d, rest
				continue
			}
			target, err := l.Readlink(x)
			if err != nil {
				return found{}, nil, err
			}
			if target == "" {
				return found{}, nil, syscall.ENOENT
			}
			if len(target)+len(rest) >= pathMax {
				return found{}, nil, syscall.ENAMETOOLONG
			}
			if target[0] == '/' {
				return found{}, &Redirect{proto.RedirectAbsolute, target + rest}, nil
			}
			path = target + rest
			continue
		}
		d, isDir := n.(Dir)
		if isDir && fs.covered[d] {
			return found{}, &Redirect{proto.RedirectCovered, pathOf(d) + rest}, nil
		}
		if last {
			if rest != "" && !isDir {
				return found{}, nil, syscall.ENOTDIR
			}
			return found{dir: cur, name: name, node: n, slash: rest != ""}, nil, nil
		}
		if !isDir {
			return found{}, nil, syscall.ENOTDIR
		}
		cur, path = d, rest
	}
}

// walkName is walk for calls that make or remove the last name: a slash behind
// it does not make them follow a symbolic link there.
func (fs *FS) walkName(x *Ctx, start Node, path string, _ bool) (found, *Redirect, error) {
	name := strings.TrimRight(path, "/")
	slash := len(name) < len(path)
	if name == "" {
		name, slash = path, false
	}
	p, red, err := fs.walk(x, start, name, false)
	if slash {
		p.slash = true
		if red != nil {
			red.Path += "/"
		}
	}
	return p, red, err
}

// pathOf is a directory's path from its file system's root.
func pathOf(d Node) string {
	p, _ := placeOf(d)
	return p
}

// placeOf is a node's path from the root; ok is false if it, or a directory
// above it, has been removed.
func placeOf(n Node) (path string, ok bool) {
	var parts []string
	ok = true
	for {
		up, name, there := n.Place()
		if up == nil {
			if !there {
				ok = false
				if name != "" {
					parts = append(parts, name)
				}
			}
			break
		}
		ok = ok && there
		parts = append(parts, name)
		n = up
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(parts[i])
	}
	if b.Len() == 0 {
		return "/", ok
	}
	return b.String(), ok
}
