package bench

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go42/qemu"
)

// A machine that ends in the middle of an operation costs that operation, and
// no other: the next boot goes on behind it.
func TestMachinesThatEnd(t *testing.T) {
	var boots [][]string
	fake := func(ctx context.Context, c qemu.Config) (*qemu.Result, error) {
		ops := c.Args[1:]
		boots = append(boots, ops)
		fmt.Fprint(c.Stdout, "cpus 1\nused 7\n")
		for _, op := range ops {
			fmt.Fprintf(c.Stdout, "begin %s\n", op)
			switch op {
			case "stat":
				return &qemu.Result{Panic: "lost"}, nil
			case "fstat":
				<-ctx.Done() // silence
				return &qemu.Result{Killed: true}, nil
			case "open_close":
				fmt.Fprintf(c.Stdout, "row %s per 1 iters 1 own -1 ti", op)
				io.WriteString(c.Stdout, "cks 5\n")
			}
			fmt.Fprintf(c.Stdout, "end %s 0\n", op)
		}
		fmt.Fprint(c.Stdout, "over\n")
		return &qemu.Result{Ended: true, Marks: []qemu.Mark{{Stage: "program", TSC: 99}}}, nil
	}
	b := &Bencher{Guest: &Guest{Prog: "prog", Missing: map[string]string{"lseek": "no file"}}, Silence: 5 * time.Second, machine: fake}
	var ops []Op
	for _, n := range []string{"open_close", "lseek", "stat", "fstat", "dup_close"} {
		ops = append(ops, *find(n))
	}
	boot, err := b.run(context.Background(), "x", false, 1, true, nil, ops)
	if err != nil {
		t.Fatal(err)
	}
	if len(boots) != 3 || len(boots[1]) != 2 || len(boots[2]) != 1 {
		t.Errorf("boots: %v", boots)
	}
	for n, want := range map[string]string{"stat": "kernel panic: lost", "fstat": "hangs", "lseek": "no file"} {
		if r := boot.Rows[n]; r == nil || !strings.HasPrefix(r.Status, want) {
			t.Errorf("%s: %+v, want %s", n, r, want)
		}
	}
	if r := boot.Rows["open_close"]; r == nil || r.Value() != 5 {
		t.Errorf("open_close: %+v", r)
	}
	// A guest that never says a word is an error of the whole.
	b.machine = func(ctx context.Context, c qemu.Config) (*qemu.Result, error) { return &qemu.Result{}, nil }
	if _, err := b.run(context.Background(), "x", false, 1, true, nil, ops); err == nil {
		t.Error("a boot without a word is no error")
	}
}
