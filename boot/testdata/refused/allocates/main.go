package main

var list []int

//go:noinline
func grow(n int) { list = append(list, n) }

func main() { grow(1) }
