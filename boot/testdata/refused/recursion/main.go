package main

var sum int

//go:noinline
func down(n int) int {
	if n == 0 {
		return 0
	}
	return n + down(n-1)
}

func main() { sum = down(sum) }
