// Command go42srv is all of Go42's servers and the first process, in one
// binary: argv[0] says which. The kernel starts them from its boot table.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	initproc "go42/servers/init"
)

// programs are what this binary can be.
var programs = map[string]func() error{
	"proc":   runProc,
	"mount":  runMount,
	"file":   runFile,
	"pipe":   runPipe,
	"tty":    runTTY,
	"procfs": runProcFS,
	"init":   initproc.Run,
}

func main() {
	name := filepath.Base(os.Args[0])
	run := programs[name]
	if run == nil {
		fmt.Fprintf(os.Stderr, "go42srv: argv[0] is %q: not a server\n", name)
		os.Exit(127)
	}
	// What a server keeps is small: collecting early costs little and keeps the
	// machine's memory for programs.
	percent := 10
	if name == "file" {
		percent = 25 // names and small files are worth scanning less often
	}
	debug.SetGCPercent(percent)
	if name != "init" {
		ipc.UseInfoPage()
	}
	if name != "proc" && name != "init" {
		// By this name it is seen in /proc.
		client.Proc{C: ipc.Native{}.Conn(), H: abi.HandleProc}.SetComm(name)
	}
	if err := run(); err != nil {
		ipc.Log(name + ": " + err.Error())
		os.Exit(1)
	}
}
