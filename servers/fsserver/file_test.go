package fsserver

import "testing"

// A file that is mapped stays, though nobody had it open or mapped for a while: who
// touches it waits for its pages.
func TestMappedLater(t *testing.T) {
	inUse := map[uint64]bool{}
	was := mapped
	mapped = func(h uint64) bool { return inUse[h] }
	defer func() { mapped = was }()
	s := &Server{files: map[uint64]*file{}, byName: map[uint64]*file{}}
	for i := range uint64(maxClosed + 2) {
		f := &file{s: s, ino: i, name: i, h: i}
		s.files[i], s.byName[i] = f, f
		s.letGo(f)
		inUse[1] = i >= 1
	}
	if s.byName[0] != nil {
		t.Error("what nobody uses is kept")
	}
	if s.byName[1] == nil || s.files[1] == nil {
		t.Error("what somebody maps has been forgotten")
	}
	if inUse[1] = false; s.byName[1] != nil {
		s.letGo(s.byName[1])
	}
	if n := len(s.files); n != maxClosed || len(s.closed) != n {
		t.Errorf("%d files are kept, %d on the list", n, len(s.closed))
	}
}
