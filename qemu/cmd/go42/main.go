// Command go42 boots Go42 in QEMU: an interactive shell, or one program whose
// streams and exit status become its own. See docs/using.md, or `go42 help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go42/qemu"
)

const usage = `go42 boots Go42 in QEMU.

  go42 run [flags]                        a shell; Ctrl-A X or poweroff ends it
  go42 run [flags] [--] PROGRAM [ARGS...] one program; its streams and status are go42's
  go42 image [-linux] [-o FILE]           make the kernel image and an initramfs
  go42 boottime [flags]                   time from QEMU's start to the prompt
  go42 bench [flags]                      operations side by side with Linux
  go42 help

go42 run -h and go42 bench -h list the flags. Statuses of go42 run beside the program's own:
128+N killed by signal N, 124 time limit, 125 kernel panic, 123 failure of the
tool or QEMU, 126 program cannot be run, 127 program not found.
`

func main() {
	args := os.Args[1:]
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(qemu.StatusTool)
	}
	var status int
	switch args[0] {
	case "run":
		status = run(args[1:])
	case "image":
		status = image(args[1:])
	case "boottime":
		status = bootTime(args[1:])
	case "bench":
		status = benchmark(args[1:])
	case "help", "-h", "--help":
		fmt.Print(usage)
	default:
		fmt.Fprintf(os.Stderr, "go42: unknown command %q\n%s", args[0], usage)
		status = qemu.StatusTool
	}
	os.Exit(status)
}

// fail reports an error of the tool's own.
func fail(err error) int {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(os.Stderr, "go42:", err)
	return qemu.StatusTool
}
