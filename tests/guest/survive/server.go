package main

func server(name string) {}
