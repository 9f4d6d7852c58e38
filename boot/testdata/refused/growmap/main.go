package main

var m map[string]int

func main() { m = make(map[string]int, 100); m["a"] = 1 }
