package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"go42/qemu"
)

// bootTime boots the shell several times and prints the wall time from QEMU's
// start to the prompt.
func bootTime(args []string) int {
	o := newOptions("go42 boottime")
	n := o.fs.Int("n", 5, "number of boots")
	prompt := o.fs.String("prompt", "", "what the prompt ends with; default as gosh prints it")
	if err := o.parse(args); err != nil {
		return qemu.StatusTool
	}
	p, err := qemu.FindProject()
	if err != nil {
		return fail(err)
	}
	if *prompt == "" {
		*prompt = "> "
	}
	var times []time.Duration
	for range *n {
		t, err := promptTime(p, o.cfg, []byte(*prompt))
		if err != nil {
			return fail(err)
		}
		fmt.Fprintf(os.Stderr, "go42: prompt after %.0f ms\n", ms(t))
		times = append(times, t)
	}
	slices.Sort(times)
	fmt.Printf("prompt: median %.0f ms, fastest %.0f ms, slowest %.0f ms of %d\n",
		ms(times[len(times)/2]), ms(times[0]), ms(times[len(times)-1]), len(times))
	return 0
}

func promptTime(p *qemu.Project, c qemu.Config, prompt []byte) (time.Duration, error) {
	c.TTY = true
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	var start time.Time
	var took time.Duration
	c.Started = func(*qemu.Machine) { start = time.Now() }
	c.Attach = func(m *qemu.Machine) {
		var seen []byte
		answers := &qemu.Answerer{To: m.Terminal}
		buf := make([]byte, 4096)
		for {
			n, err := m.Terminal.Read(buf)
			seen = append(seen, buf[:n]...)
			answers.Write(buf[:n])
			if took == 0 && bytes.Contains(seen, prompt) {
				took = time.Since(start)
				m.Kill()
			}
			if err != nil {
				io.Copy(io.Discard, m.Terminal)
				return
			}
		}
	}
	r, err := p.Run(context.Background(), c)
	if err == nil && took == 0 {
		err = fmt.Errorf("no prompt: %v", r)
	}
	return took, err
}
