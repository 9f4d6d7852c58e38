package main

import (
	"os"
	"testing"
)

// The page in the tree is the table's: run go generate ./linuxapi/table.
func TestPageIsCurrent(t *testing.T) {
	want, err := Page()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/syscalls.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/syscalls.md is not what the table says")
	}
}
