package rt

import "testing"

func TestStandIn(t *testing.T) {
	var g G
	g.SetStack(4096, 8192)
	if lo, hi := g.Stack(); lo != 4096 || hi != 8192 {
		t.Errorf("stack %d to %d", lo, hi)
	}
}
