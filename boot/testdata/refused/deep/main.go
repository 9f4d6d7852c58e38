package main

var sum int

//go:noinline
func heavy(n int) int {
	var a [4200]int
	for i := range a {
		a[i] = n * i
	}
	return a[n&4095]
}

func main() { sum = heavy(sum) }
