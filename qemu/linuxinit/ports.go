package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"go42/qemu/runspec"
)

// ports writes to I/O ports. The right to do so belongs to a thread, so that
// one goroutine, locked to its thread, does all of it.
type ports struct {
	jobs chan job
}

type job struct {
	port uint16
	data []byte
	done chan struct{}
}

// outs writes the bytes to the port.
func outs(port uint16, p []byte)

// rdtsc reads the time stamp counter.
func rdtsc() uint64

func openPorts() (*ports, error) {
	p := &ports{jobs: make(chan job)}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread()
		// The range ioperm can grant holds all of the ports.
		_, _, errno := unix.RawSyscall(unix.SYS_IOPERM, runspec.PortLog, runspec.PortExit-runspec.PortLog+1, 1)
		if errno != 0 {
			ready <- fmt.Errorf("ioperm: %w", errno)
			return
		}
		ready <- nil
		for j := range p.jobs {
			outs(j.port, j.data)
			close(j.done)
		}
	}()
	return p, <-ready
}

// write returns when the device has taken all bytes.
func (p *ports) write(port uint16, data []byte) {
	if len(data) == 0 {
		return
	}
	j := job{port, data, make(chan struct{})}
	p.jobs <- j
	<-j.done
}

// end switches the machine off.
func (p *ports) end() {
	p.write(runspec.PortExit, []byte{0})
	select {}
}
