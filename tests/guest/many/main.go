// Command many runs programs one after the other, as the lines of JSON that it
// reads say, and answers each with a line of what it did. It saves a boot for each.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// program is one that is to be run.
type program struct {
	Args []string
	Env  []string // added to this one's
	Dir  string   // is made if it does not exist
	// Limit is how long it may take; then it is killed, and the next one has its turn.
	Limit time.Duration
}

// result is what it did. Status is as a shell says it.
type result struct {
	Stdout, Stderr []byte
	Status         int
	Error          string // why there is no status
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var p program
		if err := json.Unmarshal(in.Bytes(), &p); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		b, err := json.Marshal(run(&p))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(string(b))
	}
}

func run(p *program) (r result) {
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		r.Error = err.Error()
		return r
	}
	var out, errs bytes.Buffer
	c := exec.Command(p.Args[0], p.Args[1:]...)
	c.Env, c.Dir, c.Stdout, c.Stderr = append(os.Environ(), p.Env...), p.Dir, &out, &errs
	c.WaitDelay = time.Minute
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err := c.Start()
	if err == nil {
		late := time.AfterFunc(p.Limit, func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
		err = c.Wait()
		if !late.Stop() {
			r.Error = fmt.Sprintf("did not end in %v", p.Limit)
		}
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.Error = err.Error()
		return r
	}
	ws := c.ProcessState.Sys().(syscall.WaitStatus)
	r.Stdout, r.Stderr, r.Status = out.Bytes(), errs.Bytes(), ws.ExitStatus()
	if ws.Signaled() {
		r.Status = 128 + int(ws.Signal())
	}
	return r
}
