// Package path does the part of path resolution that needs no server: it
// finds the mount whose prefix begins an absolute path.
//
// Prefixes and paths are bytes. A prefix is clean: "/" alone or "/a/b" without
// a slash at its end, with no "." or "..". Nothing here allocates.
package path

// Match compares the absolute path p with the clean prefix, component by
// component. Repeated slashes and "." components in p are skipped; a ".."
// ends the comparison, because what it means depends on symbolic links. It
// returns the offset in p of what follows the prefix (slashes skipped), or -1
// if p does not literally begin with the prefix.
func Match(prefix, p []byte) int {
	if len(prefix) > 1 && len(p) > 1 && p[1] != prefix[1] && p[1] != '/' && p[1] != '.' && p[0] == '/' {
		return -1 // most that do not begin so differ at once
	}
	i := skip(p, 0)
	if len(prefix) <= 1 {
		return i
	}
	j := 1 // after the prefix's first slash
	for {
		// The next component of the prefix.
		k := j
		for k < len(prefix) && prefix[k] != '/' {
			k++
		}
		n := end(p, i)
		if n-i != k-j || string(p[i:n]) != string(prefix[j:k]) {
			return -1
		}
		i = skip(p, n)
		if k == len(prefix) {
			return i
		}
		j = k + 1
	}
}

// skip returns the offset of the next component at or after i that is not ".".
func skip(p []byte, i int) int {
	for {
		for i < len(p) && p[i] == '/' {
			i++
		}
		n := end(p, i)
		if n-i != 1 || p[i] != '.' {
			return i
		}
		// A final "." demands a directory: leave it for the server.
		if n == len(p) {
			return i
		}
		i = n
	}
}

func end(p []byte, i int) int {
	for i < len(p) && p[i] != '/' {
		i++
	}
	return i
}

// Join writes base, a slash and rest into dst and returns the length, or -1 if
// dst is too small. base may be "/" or empty, rest may be empty or begin with
// slashes. base must not lie within dst unless it is dst's beginning.
func Join(dst, base, rest []byte) int {
	n := len(base)
	for n > 0 && base[n-1] == '/' {
		n--
	}
	i := 0
	for i < len(rest) && rest[i] == '/' {
		i++
	}
	rest = rest[i:]
	total := n + 1 + len(rest)
	if len(rest) == 0 && n > 0 {
		total = n
	}
	if total > len(dst) {
		return -1
	}
	// rest may lie in dst behind base: move it first.
	if len(rest) > 0 {
		copy(dst[n+1:], rest)
	}
	copy(dst, base[:n])
	if total > n {
		dst[n] = '/'
	}
	return total
}

// Number parses a decimal descriptor number that is all of p, or returns -1.
func Number(p []byte) int {
	if len(p) == 0 || len(p) > 7 {
		return -1
	}
	n := 0
	for _, c := range p {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
