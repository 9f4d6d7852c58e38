package runtime

import (
	"internal/bytealg"
	"unsafe"
)

type tmpBuf [32]byte

func rawstring(n int) []byte {
	return unsafe.Slice((*byte)(mallocgc(uintptr(n), nil, false)), n)
}

// bufOrNew returns room for n bytes: the caller's stack buffer if they fit.
func bufOrNew(buf *tmpBuf, n int) []byte {
	if buf != nil && n <= len(buf) {
		return buf[:n]
	}
	return rawstring(n)
}

func concatbytes(buf *tmpBuf, a []string) []byte {
	n := 0
	for _, s := range a {
		n += len(s)
	}
	if n == 0 {
		return []byte{}
	}
	b := bufOrNew(buf, n)
	i := 0
	for _, s := range a {
		i += copy(b[i:], s)
	}
	return b
}

func concatstrings(buf *tmpBuf, a []string) string {
	// A single non-empty operand needs no copy unless it may sit in a
	// frame that is going away.
	last, count := 0, 0
	for i, s := range a {
		if len(s) != 0 {
			last, count = i, count+1
		}
	}
	if count == 0 {
		return ""
	}
	if count == 1 && (buf != nil || !onStack(unsafe.StringData(a[last]))) {
		return a[last]
	}
	b := concatbytes(buf, a)
	return unsafe.String(&b[0], len(b))
}

func onStack(p *byte) bool {
	s := &getg().stack
	return uintptr(unsafe.Pointer(p)) >= s.lo && uintptr(unsafe.Pointer(p)) < s.hi
}

func concatstring2(buf *tmpBuf, a0, a1 string) string { return concatstrings(buf, []string{a0, a1}) }
func concatstring3(buf *tmpBuf, a0, a1, a2 string) string {
	return concatstrings(buf, []string{a0, a1, a2})
}
func concatstring4(buf *tmpBuf, a0, a1, a2, a3 string) string {
	return concatstrings(buf, []string{a0, a1, a2, a3})
}
func concatstring5(buf *tmpBuf, a0, a1, a2, a3, a4 string) string {
	return concatstrings(buf, []string{a0, a1, a2, a3, a4})
}

func concatbyte2(buf *tmpBuf, a0, a1 string) []byte { return concatbytes(buf, []string{a0, a1}) }
func concatbyte3(buf *tmpBuf, a0, a1, a2 string) []byte {
	return concatbytes(buf, []string{a0, a1, a2})
}
func concatbyte4(buf *tmpBuf, a0, a1, a2, a3 string) []byte {
	return concatbytes(buf, []string{a0, a1, a2, a3})
}
func concatbyte5(buf *tmpBuf, a0, a1, a2, a3, a4 string) []byte {
	return concatbytes(buf, []string{a0, a1, a2, a3, a4})
}

func slicebytetostring(buf *tmpBuf, ptr *byte, n int) string {
	if n == 0 {
		return ""
	}
	if n == 1 {
		return unsafe.String((*byte)(unsafe.Pointer(&staticuint64s[*ptr])), 1)
	}
	b := bufOrNew(buf, n)
	memmove(unsafe.Pointer(&b[0]), unsafe.Pointer(ptr), uintptr(n))
	return unsafe.String(&b[0], n)
}

func slicebytetostringtmp(ptr *byte, n int) string { return unsafe.String(ptr, n) }

func stringtoslicebyte(buf *tmpBuf, s string) []byte {
	if len(s) == 0 {
		return []byte{}
	}
	b := bufOrNew(buf, len(s))
	copy(b, s)
	return b
}

func stringtoslicerune(buf *[32]rune, s string) []rune {
	n := countrunes(s)
	var a []rune
	if buf != nil && n <= len(buf) {
		a = buf[:n]
	} else {
		a = unsafe.Slice((*rune)(mallocgc(uintptr(n)*4, nil, true)), n)
	}
	i := 0
	for _, r := range s {
		a[i] = r
		i++
	}
	return a
}

func slicerunetostring(buf *tmpBuf, a []rune) string {
	n := 0
	var enc [4]byte
	for _, r := range a {
		n += encoderune(enc[:], r)
	}
	if n == 0 {
		return ""
	}
	b := bufOrNew(buf, n)
	i := 0
	for _, r := range a {
		k := encoderune(enc[:], r)
		i += copy(b[i:], enc[:k])
	}
	return unsafe.String(&b[0], n)
}

func intstring(buf *[4]byte, v int64) string {
	var b []byte
	if buf != nil {
		b = buf[:]
	} else {
		b = rawstring(4)
	}
	if int64(rune(v)) != v {
		v = runeError
	}
	return unsafe.String(&b[0], encoderune(b, rune(v)))
}

// gostringnocopy views a NUL-terminated string, such as the linker's tables
// hold.
func gostringnocopy(p *byte) string {
	n := bytealg.IndexByteString(unsafe.String(p, 1<<20), 0)
	return unsafe.String(p, n)
}
