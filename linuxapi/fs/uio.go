package fs

// uio walks the program memory that one read or write names: a plain buffer,
// or an iovec array whose entries are fetched as they are reached. It lives on
// the caller's stack.
type uio struct {
	base, len uint64 // current piece
	vec       uint64 // address of the next iovec, when more is nonzero
	more      int
	total     uint64 // bytes left over all
}

// one makes u a plain buffer. Lengths beyond MAX_RW_COUNT are cut, as Linux does.
func (u *uio) one(base, n uint64) {
	if n > maxRW {
		n = maxRW
	}
	*u = uio{base: base, len: n, total: n}
}

// vector makes u an iovec array of n entries, checking every length first.
func (u *uio) vector(vec, n uint64) int64 {
	*u = uio{}
	if n > iovMax {
		return -EINVAL
	}
	var total uint64
	for i := uint64(0); i < n; i++ {
		l, ok := get64(vec + i*16 + 8)
		if !ok {
			return -EFAULT
		}
		if int64(l) < 0 {
			return -EINVAL
		}
		if total += l; total > maxRW {
			total = maxRW
		}
	}
	u.vec, u.more, u.total = vec, int(n), total
	return 0
}

// next makes the current piece non-empty; false: nothing is left (or EFAULT, bad set).
func (u *uio) next() (ok, bad bool) {
	for u.len == 0 {
		if u.more == 0 || u.total == 0 {
			return false, false
		}
		b, ok1 := get64(u.vec)
		l, ok2 := get64(u.vec + 8)
		if !ok1 || !ok2 {
			return false, true
		}
		if l > u.total {
			l = u.total
		}
		u.base, u.len = b, l
		u.vec += 16
		u.more--
	}
	return true, false
}

// advance consumes n bytes of the current piece.
func (u *uio) advance(n uint64) {
	u.base += n
	u.len -= n
	u.total -= n
}

// copyOut writes b to the program's memory at u, as much as fits, and returns
// the number of bytes; bad: a byte could not be written.
func (u *uio) copyOut(b []byte) (n int, bad bool) {
	for n < len(b) {
		ok, bad := u.next()
		if !ok {
			return n, bad
		}
		k := len(b) - n
		if uint64(k) > u.len {
			k = int(u.len)
		}
		if !copyOut(u.base, b[n:n+k]) {
			return n, true
		}
		u.advance(uint64(k))
		n += k
	}
	return n, false
}

// copyIn fills b from the program's memory at u.
func (u *uio) copyIn(b []byte) (n int, bad bool) {
	for n < len(b) {
		ok, bad := u.next()
		if !ok {
			return n, bad
		}
		k := len(b) - n
		if uint64(k) > u.len {
			k = int(u.len)
		}
		if !copyIn(b[n:n+k], u.base) {
			return n, true
		}
		u.advance(uint64(k))
		n += k
	}
	return n, false
}
