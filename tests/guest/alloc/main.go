// Command alloc allocates and collects: it builds and drops binary trees, as
// the well-known garbage collection benchmark does. `go42 bench` runs it.
package main

import (
	"fmt"
	"os"
	"runtime"
)

type node struct{ left, right *node }

func build(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{build(depth - 1), build(depth - 1)}
}

func (n *node) count() int {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func main() {
	const depth, trees = 12, 200
	long := build(depth + 2)
	sum := 0
	for range trees {
		sum += build(depth).count()
	}
	sum += long.count()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if want := trees*(1<<(depth+1)-1) + 1<<(depth+3) - 1; sum != want || m.NumGC < 2 {
		fmt.Println("nodes", sum, "want", want, "collections", m.NumGC)
		os.Exit(1)
	}
}
