package tests

import (
	"testing"

	"go42/qemu"
)

// goChecks are gofeatures' checks of what this system is to have; those of
// sockets are apart.
var goChecks = []string{
	"goroutines", "mutexes", "threads", "gc", "preemption", "timers", "tickers", "nilpointer", "stacks",
	"exec", "execmany", "execkill", "execenv", "signals", "files", "pipes", "deadlines",
}

func TestGo(t *testing.T) {
	t.Parallel()
	args := append([]string{goProgram(t, "gofeatures")}, goChecks...)
	got := boot(t, qemu.Config{Args: args, Hardware: qemu.Hardware{Mem: "512M"}})
	same(t, got, host(t, []string{"TMPDIR=/tmp"}, "", args...))
}

func TestGoSockets(t *testing.T) {
	t.Parallel()
	args := []string{goProgram(t, "gofeatures"), "sockets", "resets", "timeouts"}
	same(t, boot(t, qemu.Config{Args: args}), host(t, nil, "", args...))
}
