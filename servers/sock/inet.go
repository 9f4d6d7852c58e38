package sock

import (
	"fmt"
	"net/netip"
	"syscall"

	"go42/ipc"
	"go42/ipc/proto"
)

// The internet families, over the loopback interface: streams (TCP) and
// datagrams (UDP) between processes of this machine. There is no other
// interface: other addresses are unreachable. All loopback addresses of a
// family are one.

const (
	firstPort = 32768 // ephemeral ports
	lastPort  = 60999
	v6only    = syscall.IPPROTO_IPV6<<16 | syscall.IPV6_V6ONLY
)

// split parses a name of o's family.
func (o *sock) split(name string) (a netip.Addr, port int, err error) {
	size := 4
	if o.fam == syscall.AF_INET6 {
		size = 16
	}
	if len(name) != 2+size {
		return a, 0, syscall.EINVAL
	}
	a, _ = netip.AddrFromSlice([]byte(name[2:]))
	return a, int(name[0])<<8 | int(name[1]), nil
}

// inetName is split's inverse.
func (o *sock) inetName(a netip.Addr, port int) string {
	b := []byte{byte(port >> 8), byte(port)}
	if o.fam == syscall.AF_INET6 {
		x := a.As16()
		return string(append(b, x[:]...))
	}
	if !a.Unmap().Is4() {
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	x := a.Unmap().As4()
	return string(append(b, x[:]...))
}

// inetKey identifies a port of one family's loopback.
func (o *sock) inetKey(v6 bool, port int) string {
	v := 4
	if v6 {
		v = 6
	}
	return fmt.Sprintf("%d/%d/%d", o.typ, v, port)
}

func (o *sock) any() netip.Addr {
	if o.fam == syscall.AF_INET6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// target is the key of who is reached by a name.
func (o *sock) target(name string) (string, error) {
	a, port, err := o.split(name)
	if err != nil {
		return "", err
	}
	// The unspecified address means this machine.
	if u := a.Unmap(); !u.IsLoopback() && !a.IsUnspecified() {
		return "", syscall.ENETUNREACH
	}
	if port == 0 {
		return "", syscall.ECONNREFUSED
	}
	return o.inetKey(o.fam == syscall.AF_INET6 && !a.Is4In6(), port), nil
}

// bindInet is Bind for the internet families.
func (o *sock) bindInet(name string) int64 {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if o.key != "" {
		return -int64(syscall.EINVAL)
	}
	return o.bindLocked(name)
}

// bindLocked gives o a port; name "": of the server's choice. s.mu is held.
func (o *sock) bindLocked(name string) int64 {
	s := o.s
	a, port := o.any(), 0
	if name != "" {
		var err error
		if a, port, err = o.split(name); err != nil {
			return ipc.Errno(err)
		}
		if !a.Unmap().IsLoopback() && !a.IsUnspecified() {
			return -int64(syscall.EADDRNOTAVAIL)
		}
	}
	v6 := o.fam == syscall.AF_INET6 && !a.Is4In6()
	both := v6 && a.IsUnspecified() && o.opts[v6only] == 0
	free := func(p int) bool {
		return s.names[o.inetKey(v6, p)] == nil && (!both || s.names[o.inetKey(false, p)] == nil)
	}
	if port == 0 {
		for n := 0; n <= lastPort-firstPort; n++ {
			p := firstPort + int(s.auto%(lastPort-firstPort+1))
			s.auto++
			if free(p) {
				port = p
				break
			}
		}
		if port == 0 {
			return -int64(syscall.EADDRINUSE)
		}
	} else if !free(port) {
		return -int64(syscall.EADDRINUSE)
	}
	o.name, o.key = o.inetName(a, port), o.inetKey(v6, port)
	s.names[o.key] = o
	if both {
		o.key2 = o.inetKey(false, port)
		s.names[o.key2] = o
	}
	return 0
}

// settle gives o, which connected to name, the addresses that connecting
// decides. s.mu is held.
func (o *sock) settle(name string) (to netip.Addr, port, own int) {
	to, port, _ = o.split(name)
	_, own, _ = o.split(o.name)
	if to.IsUnspecified() {
		to = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if o.fam == syscall.AF_INET6 {
			to = netip.IPv6Loopback()
		}
	}
	o.name, o.peerName = o.inetName(to, own), o.inetName(to, port)
	return to, port, own
}

// named gives both ends of a new connection their names: o connected to name,
// e is the other end. s.mu is held.
func (o *sock) named(name string, e *sock) {
	to, port, own := o.settle(name)
	if e.fam == syscall.AF_INET6 && to.Is4() {
		to = netip.AddrFrom16(to.As16())
	}
	e.name, e.peerName = e.inetName(to, port), e.inetName(to, own)
}

// sendInet sends a datagram to whoever has key ("": the connected one), or to
// nobody. s.mu is held.
func (o *sock) sendInet(key string, data []byte) (uint64, uint64, int64) {
	s := o.s
	if key == "" {
		if !o.connected {
			return 0, o.state(), -int64(syscall.EDESTADDRREQ)
		}
		key = o.peerKey
	}
	switch {
	case o.refused:
		o.refused = false
		return 0, o.state(), -int64(syscall.ECONNREFUSED)
	case o.shutW:
		return 0, o.state(), -int64(syscall.EPIPE)
	case len(data) > 65507:
		return 0, o.state(), -int64(syscall.EMSGSIZE)
	}
	if o.key == "" {
		if st := o.bindLocked(""); st < 0 {
			return 0, o.state(), st
		}
	}
	t := s.names[key]
	if t == nil || t.closed {
		o.refused = o.connected // as an ICMP message would say
		return uint64(len(data)), o.state(), 0
	}
	a, port, _ := o.split(o.name)
	if a.IsUnspecified() {
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if t.fam == syscall.AF_INET6 && t.key2 == "" {
			a = netip.IPv6Loopback()
		}
	}
	if t.fam == syscall.AF_INET6 && a.Is4() {
		a = netip.AddrFrom16(a.As16())
	}
	// A connected socket hears its peer only; a full one nobody.
	if !(t.connected && t.peerKey != o.key) && t.room() && !t.shutR {
		t.queue = append(t.queue, &message{data: data, from: o.own, name: t.inetName(a, port)})
		t.bytes += len(data)
		t.edge(proto.PollIn)
	}
	o.edge(proto.PollOut) // it has left this end, which is what counts
	return uint64(len(data)), o.state(), 0
}
