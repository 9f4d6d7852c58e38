package main

func touch()

func main() { touch() }
