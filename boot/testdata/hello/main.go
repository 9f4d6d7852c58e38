// Command hello is the smallest kernel: the test fixture of boot.
package main

func main() {
	println("hello from ring 0")
	exit(0)
}

// exit ends QEMU through isa-debug-exit, with status 2*code+1.
func exit(code uint32)
