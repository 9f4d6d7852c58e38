package path

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		prefix, p, rest string
		ok              bool
	}{
		{"/", "/", "", true},
		{"/", "/etc/passwd", "etc/passwd", true},
		{"/", "//./etc", "etc", true},
		{"/proc", "/proc", "", true},
		{"/proc", "/proc/", "", true},
		{"/proc", "/proc/.", ".", true},
		{"/proc", "/./proc//self", "self", true},
		{"/proc", "/process", "", false},
		{"/proc", "/pro", "", false},
		{"/proc", "/../proc", "", false},
		{"/proc", "/a/../proc/x", "", false},
		{"/dev/pts", "/dev/pts/0", "0", true},
		{"/dev/pts", "/dev/./pts//0", "0", true},
		{"/dev/pts", "/dev/pt", "", false},
		{"/dev/pts", "/dev", "", false},
		{"/dev", "/dev/../etc", "../etc", true},
	} {
		n := Match([]byte(c.prefix), []byte(c.p))
		if (n >= 0) != c.ok {
			t.Errorf("Match(%q,%q) = %d", c.prefix, c.p, n)
			continue
		}
		if n >= 0 && c.p[n:] != c.rest {
			t.Errorf("Match(%q,%q) rest %q, want %q", c.prefix, c.p, c.p[n:], c.rest)
		}
	}
}

func TestJoin(t *testing.T) {
	for _, c := range []struct{ base, rest, want string }{
		{"/", "a/b", "/a/b"},
		{"", "a", "/a"},
		{"/mnt", "", "/mnt"},
		{"/mnt/", "/x", "/mnt/x"},
		{"/", "", "/"},
	} {
		var buf [16]byte
		n := Join(buf[:], []byte(c.base), []byte(c.rest))
		if n < 0 || string(buf[:n]) != c.want {
			t.Errorf("Join(%q,%q) = %q", c.base, c.rest, buf[:max(n, 0)])
		}
	}
	if Join(make([]byte, 3), []byte("/ab"), []byte("c")) != -1 {
		t.Error("overflow accepted")
	}
}

func TestNumber(t *testing.T) {
	for s, want := range map[string]int{"0": 0, "12": 12, "": -1, "1a": -1, "-1": -1, "99999999": -1} {
		if got := Number([]byte(s)); got != want {
			t.Errorf("Number(%q) = %d", s, got)
		}
	}
}
