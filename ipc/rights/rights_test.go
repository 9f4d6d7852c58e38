package rights

import (
	"syscall"
	"testing"

	"go42/ipc"
	"go42/ipc/abi"
)

func call(pid, cred uint64, inherited bool) *ipc.Call {
	c := new(ipc.Call)
	c.BadgePid, c.BadgeCred = pid, cred
	if inherited {
		c.Flags = abi.CallInherited
	}
	return c
}

// TestPolicies walks the policies with right and wrong badges.
func TestPolicies(t *testing.T) {
	rootOnly := func(cred uint64) Rights {
		if cred == 0 {
			return All
		}
		return Attach
	}
	for _, c := range []struct {
		name string
		set  Set
		call *ipc.Call
		need Rights
		want error
	}{
		{"everyone reads", ForEveryone(Read), call(1, 1, false), Read, nil},
		{"everyone does not write", ForEveryone(Read), call(1, 1, false), Write, syscall.EACCES},
		{"owner", ForProcess(7, Read|Write), call(7, 1, false), Read | Write, nil},
		{"stranger", ForProcess(7, Read), call(8, 1, false), Read, syscall.EACCES},
		{"recycled number of another kind", ForProcess(7, Read), call(1<<32|7, 1, false), Read, syscall.EACCES},
		{"heir", ForProcess(7, Read), call(8, 1, true), Read, nil},
		{"heir does not gain", ForProcess(7, Read), call(8, 1, true), Write, syscall.EACCES},
		{"root", ForCredential(rootOnly), call(9, 0, false), Control, nil},
		{"other user", ForCredential(rootOnly), call(9, 5, false), Control, syscall.EACCES},
		{"other user attaches", ForCredential(rootOnly), call(9, 5, true), Attach, nil},
	} {
		if got := c.set.Check(c.call, c.need); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestHeirKeeps: an heir's rights last beyond its first call, a removed
// process's do not, and a sibling gains nothing from the heir.
func TestHeirKeeps(t *testing.T) {
	s := ForProcess(7, Read)
	if err := s.Check(call(8, 0, true), Read); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(call(8, 0, false), Read); err != nil {
		t.Error("heir's second call:", err)
	}
	if err := s.Check(call(9, 0, false), Read); err != syscall.EACCES {
		t.Error("sibling:", err)
	}
	s.Remove(8)
	if err := s.Check(call(8, 0, false), Read); err != syscall.EACCES {
		t.Error("former holder:", err)
	}
	s.Add(10, Read)
	if err := s.Check(call(10, 0, false), Read); err != nil {
		t.Error("one it was passed to:", err)
	}
}
