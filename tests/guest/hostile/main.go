// Command hostile attacks the system that it runs on: wild arguments for every
// call number, privileged instructions, jumps and stacks where none should be,
// damaged executables, forged handles, fork bombs, memory hogs. It survives by
// letting children do the deeds; what matters is that the system survives.
//
//	hostile calls FROM TO   wild arguments for call numbers FROM..TO-1
//	hostile raw FROM TO     native calls past the library, seeds FROM..TO-1
//	hostile instructions    one child for each instruction; prints their ends
//	hostile libos           writes into the library half of the address space
//	hostile elf PROGRAM N [list]   N damaged copies of PROGRAM
//	hostile forkbomb        forks up to its limit
//	hostile hog             allocates up to its limit
//
// It must never run on a machine that matters.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	switch os.Args[1] {
	case "calls":
		calls(number(2), number(3))
	case "probe":
		probe(number(2), number(3))
	case "raw":
		rawCalls(number(2), number(3))
	case "rawprobe":
		rawProbe(number(2))
	case "instructions":
		instructions()
	case "instruction":
		instruction(os.Args[2])
	case "libos":
		libOS()
	case "scribble":
		scribble(uintptr(number(2)))
	case "elf":
		damagedELF(os.Args[2], number(3), len(os.Args) > 4)
	case "forkbomb":
		forkBomb()
	case "forker":
		forker()
	case "hog":
		hog()
	case "hogger":
		hogger()
	default:
		os.Exit(2)
	}
	fmt.Println("alive")
}

func number(i int) int {
	n, err := strconv.ParseInt(os.Args[i], 0, 64)
	if err != nil {
		panic(err)
	}
	return int(n)
}
