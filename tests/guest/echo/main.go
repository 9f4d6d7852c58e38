// Command echo shows what a program gets from the system that starts it:
// arguments, environment, working directory, standard streams, parentage; and
// ends as it is told.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println("hello, world")
		return
	}
	switch os.Args[1] {
	case "args":
		for _, a := range os.Args[2:] {
			fmt.Printf("%q\n", a)
		}
	case "env":
		for _, k := range os.Args[2:] {
			v, ok := os.LookupEnv(k)
			fmt.Printf("%s=%q %v\n", k, v, ok)
		}
	case "cwd":
		wd, err := os.Getwd()
		fmt.Println(wd, err)
	case "cat":
		n, err := io.Copy(os.Stdout, os.Stdin)
		fmt.Fprintln(os.Stderr, n, err)
	case "both":
		for i := range 1000 {
			fmt.Printf("out %d\n", i)
			fmt.Fprintf(os.Stderr, "err %d\n", i)
		}
	case "who":
		fmt.Println("uid", os.Getuid(), "root", os.Getpid() == 1, "child of init", os.Getppid() == 1)
		for _, f := range []string{"/proc/self/stat", "/dev/null", "/tmp"} {
			_, err := os.Stat(f)
			fmt.Println(f, err)
		}
		fmt.Println(os.WriteFile("/tmp/new", []byte("x"), 0o644))
	case "exit":
		n, _ := strconv.Atoi(os.Args[2])
		os.Exit(n)
	case "kill":
		n, _ := strconv.Atoi(os.Args[2])
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(time.Hour)
	case "panic":
		panic("as told")
	case "nil":
		var p *int
		*p = 1
	}
}
