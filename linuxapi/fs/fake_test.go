package fs

import (
	"testing"
	"unsafe"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
	"go42/linuxapi/fs/fdtable"
	"go42/linuxapi/native"
)

// The fake machine of these tests: a mount-point server with a fixed table and
// file systems whose walk is a function of the path. Program memory is the
// test's own.

type fake struct {
	version uint64
	mounts  []struct {
		point string
		root  uint64
	}
	// open answers FileSystem.Open at a root: a kind, or a redirect.
	open    func(dir uint64, path string) (kind uint64, st int64, redir string)
	calls   int
	dropped map[uint64]bool
	poll    map[uint64]uint64         // state by handle
	edges   map[uint64][2]uint32      // of input and output, by handle
	onPoll  func(h uint64)            // called for each question
	refuse  func(method uint32) int64 // called for each call: < 0 is its answer
	nextObj uint64
}

func newFake(t *testing.T) *fake {
	k := &fake{version: 1, dropped: map[uint64]bool{}, poll: map[uint64]uint64{}, edges: map[uint64][2]uint32{}, nextObj: 1000}
	bootConn.Do = k.do
	native.Host = k.native
	table = fdtable.Table[File]{}
	filesUsed, filesFree = 0, 0
	epollsUsed, epollsFree, itemsUsed, itemsFree = 0, 0, 0, 0
	mountCount, mountVersion, mountPage = 0, 0, 0
	cwd, rootDir, umask = nil, nil, 0o022
	services = [numServices]uint64{}
	bufs, bounces = scratch[pathBuf]{}, scratch[bounce]{}
	return k
}

func (k *fake) mount(point string, root uint64) {
	k.mounts = append(k.mounts, struct {
		point string
		root  uint64
	}{point, root})
	k.version++
}

func (k *fake) native(nr uint64, a [6]uint64) (int64, uint64) {
	switch nr {
	case abi.NDrop:
		for _, h := range unsafe.Slice((*uint64)(at(a[0])), a[1]) {
			k.dropped[h] = true
		}
		return 0, 0
	case abi.NMap:
		return hostMap(a[0]), 0
	case abi.NRandom:
		return 0, 0
	}
	return -38, 0
}

func text(m *abi.Message, at int) (string, int) {
	n := int(m.Data[at]) | int(m.Data[at+1])<<8
	return string(m.Data[at+2 : at+2+n]), at + 2 + n
}

func (k *fake) do(c *client.Conn, h uint64, method uint32) int64 {
	k.calls++
	m, r := &c.M, &c.R
	r.Args, r.Handles, r.NGrants = [6]uint64{}, [4]uint64{}, 4
	r.Status = 0
	if k.refuse != nil {
		if r.Status = k.refuse(method); r.Status < 0 {
			return 0
		}
	}
	switch method {
	case proto.MountVersion:
		r.Args[0] = k.version
	case proto.MountEntry:
		i := m.Args[0]
		r.Args[0] = k.version
		if i >= uint64(len(k.mounts)) {
			r.Status = -ENOENT
			break
		}
		info := (*proto.MountInfo)(unsafe.Pointer(&r.Data))
		*info = proto.MountInfo{ID: 100 + i}
		copy(info.Point[:], k.mounts[i].point)
		r.Handles[0] = k.mounts[i].root
	case proto.FileSystemOpen:
		p, _ := text(m, 0)
		kind, st, redir := k.open(h, p)
		r.Status = st
		if st > 0 {
			out := unsafe.Slice((*byte)(at(m.Ranges[0].Addr)), m.Ranges[0].Len)
			r.Args[0] = uint64(copy(out, redir))
		}
		if st == 0 {
			k.nextObj++
			*(*proto.OpenResult)(unsafe.Pointer(&r.Data)) = proto.OpenResult{Kind: kind}
			r.Handles[0] = k.nextObj
		}
	case proto.FileReopen:
		k.nextObj++
		*(*proto.OpenResult)(unsafe.Pointer(&r.Data)) = proto.OpenResult{Kind: proto.KindFile}
		r.Handles[0] = k.nextObj
	case proto.FilePoll:
		if k.onPoll != nil {
			k.onPoll(h)
		}
		r.Args[0] = k.poll[h] & m.Args[0]
		if m.Args[0]&proto.PollEdges != 0 {
			r.Args[0] = proto.PollState(k.poll[h], k.edges[h][0], k.edges[h][1])
		}
	case proto.FileRead:
		r.Status = -EAGAIN
		r.Args[1] = k.poll[h]
	default:
		r.Status = -ENOSYS
	}
	return 0
}

// hostMap answers NMap of anonymous memory; of an FCM it is refused.
func hostMap(args uint64) int64 {
	m := (*abi.MapArgs)(at(args))
	if m.FCM != 0 {
		return -12
	}
	b := make([]uint64, m.Len/8)
	sink = append(sink, b)
	return int64(uintptr(unsafe.Pointer(&b[0])))
}

// cstr is a program's string; keep it alive by holding the slice.
func cstr(s string) []byte { return append([]byte(s), 0) }

// at is a pointer to the memory at an address that a call carried.
func at(addr uint64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }
