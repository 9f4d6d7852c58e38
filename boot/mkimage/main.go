// Command mkimage builds Go42's boot image.
//
//	go run ./boot/mkimage [-o build/go42.elf] [-kernel-only] [-debug] [-v]
//
// Beside the image it leaves kernel.elf and libos.elf, with symbols and DWARF
// for gdb, and the server go42srv.
package main

import (
	"flag"
	"fmt"
	"os"

	"go42/boot/image"
)

func main() {
	var o image.Options
	flag.StringVar(&o.Out, "o", "build/go42.elf", "image to write")
	flag.BoolVar(&o.KernelOnly, "kernel-only", false, "leave libOS and server out")
	flag.StringVar(&o.Kernel, "kernel", "", "kernel main package, instead of the system's")
	flag.StringVar(&o.LibOS, "libos", "", "libOS main package, instead of the system's")
	flag.StringVar(&o.Server, "server", "", "server main package, instead of the system's")
	flag.BoolVar(&o.Debug, "debug", false, "assert lock order, let mm.Check be asked for (tag go42debug)")
	verbose := flag.Bool("v", false, "say what is done")
	flag.Parse()
	if *verbose {
		o.Logf = func(format string, args ...any) { fmt.Fprintf(os.Stderr, "mkimage: "+format+"\n", args...) }
	}
	if err := image.Build(o); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}
