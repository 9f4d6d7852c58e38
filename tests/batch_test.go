package tests

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go42/qemu"
)

// A batch runs programs of several subtests in one machine, one after the other,
// each in a folder of its own: a boot takes longer than most of them. Only those
// subtests take part that -run asks for.
type batch struct {
	cfg      qemu.Config   // but for the program
	limit    time.Duration // of each program; 0: batchLimit
	programs []batchProgram
	once     sync.Once
	results  []batchResult
	trouble  string // why there are fewer than programs
}

// What guest/many reads and writes.
type (
	batchProgram struct {
		Args, Env []string
		Dir       string
		Limit     time.Duration
	}
	batchResult struct {
		Stdout, Stderr []byte
		Status         int
		Error          string
	}
)

// batchLimit is how long one program may take: only a hang takes as long.
const batchLimit = 5 * time.Minute

// run makes t parallel and returns what a program did. It is called by subtests of
// one test.
func (b *batch) run(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	i := len(b.programs)
	dir := filepath.Join("/var/tmp/batch", fmt.Sprint(i))
	b.programs = append(b.programs, batchProgram{Args: args, Env: env, Dir: dir, Limit: max(b.limit, batchLimit)})
	// What follows is run when all have come here.
	t.Parallel()
	many := goProgram(t, "many")
	b.once.Do(func() { b.boot(t, many) })
	if i >= len(b.results) {
		t.Fatalf("not run, after %d others: %s", len(b.results), b.trouble)
	}
	r := b.results[i]
	if r.Error != "" {
		t.Fatalf("%s; output:\n%s%s", r.Error, tail(string(r.Stdout), 2000), tail(string(r.Stderr), 2000))
	}
	return outcome{stdout: string(r.Stdout), stderr: string(r.Stderr), status: r.Status}
}

func (b *batch) boot(t *testing.T, many string) {
	var in strings.Builder
	enc := json.NewEncoder(&in)
	for _, p := range b.programs {
		enc.Encode(p)
		b.cfg.Adds = append(b.cfg.Adds, qemu.Add{Host: p.Args[0]})
	}
	b.cfg.Args, b.cfg.Stdin = []string{many}, strings.NewReader(in.String())
	b.cfg.Timeout = max(b.limit, batchLimit) * time.Duration(1+len(b.programs))
	o, err := tryBoot(t, b.cfg)
	if err != nil {
		b.trouble = err.Error()
		return
	}
	dec := json.NewDecoder(strings.NewReader(o.stdout))
	for {
		var r batchResult
		if err := dec.Decode(&r); err != nil {
			b.trouble = fmt.Sprintf("%v, %v; output:\n%s%s\nkernel log:\n%s", err, o.result,
				tail(o.stdout, 2000), tail(o.stderr, 2000), tail(string(o.result.LogTail), 3000))
			return
		}
		b.results = append(b.results, r)
	}
}
