package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tracer switches QEMU's log of executed instructions on and off while the
// guest runs: the monitor's commands singlestep (a translation block has one
// instruction) and log exec,nochain,mmu (each block as it is executed, and each
// change of CR3). The log goes through a named pipe.
type tracer struct {
	dir  string
	conn net.Conn
	log  *os.File // the pipe, open for both so that it has no end
}

func newTracer() (*tracer, error) {
	dir, err := os.MkdirTemp("", "go42-trace-")
	if err != nil {
		return nil, err
	}
	t := &tracer{dir: dir}
	if err := unix.Mkfifo(t.pipe(), 0o600); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if t.log, err = os.OpenFile(t.pipe(), os.O_RDWR|unix.O_NONBLOCK, 0); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return t, nil
}

func (t *tracer) pipe() string   { return filepath.Join(t.dir, "log") }
func (t *tracer) socket() string { return filepath.Join(t.dir, "monitor") }

// args are QEMU's arguments.
func (t *tracer) args() []string {
	return []string{"-chardev", "socket,id=mon,server=on,wait=off,path=" + t.socket(), "-mon", "chardev=mon,mode=readline"}
}

func (t *tracer) close() {
	if t.conn != nil {
		t.conn.Close()
	}
	t.log.Close()
	os.RemoveAll(t.dir)
}

const prompt = "(qemu) "

// command gives the monitor a command and waits until it is done.
func (t *tracer) command(c string) error {
	_, err := t.ask(c)
	return err
}

// ask is command, and returns what the monitor printed.
func (t *tracer) ask(c string) (string, error) {
	if t.conn == nil {
		conn, err := net.Dial("unix", t.socket())
		if err != nil {
			return "", err
		}
		t.conn = conn
		if _, err := t.expect(); err != nil {
			return "", err
		}
		// QEMU may log trace events from its start, and would keep the file open
		// for them.
		for _, c := range []string{"log none", "logfile " + t.pipe()} {
			if err := t.command(c); err != nil {
				return "", err
			}
		}
	}
	if _, err := fmt.Fprintf(t.conn, "%s\n", c); err != nil {
		return "", err
	}
	return t.expect()
}

func (t *tracer) expect() (string, error) {
	var seen []byte
	buf := make([]byte, 4096)
	t.conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		n, err := t.conn.Read(buf)
		seen = append(seen, buf[:n]...)
		if bytes.HasSuffix(seen, []byte(prompt)) {
			return string(seen), nil
		}
		if err != nil {
			return "", fmt.Errorf("QEMU's monitor: %w", err)
		}
	}
}

// start switches the log on; the trace is complete after stop.
func (t *tracer) start(mark uint64, known *spaces, watch func(site)) (*recording, error) {
	r := &recording{t: t, trace: newTrace(mark, known), stopping: make(chan struct{}), done: make(chan error, 1)}
	r.trace.watch = watch
	// The log tells changes of CR3: its first value is asked for, while the
	// machine stands.
	if err := t.command("stop"); err != nil {
		return nil, err
	}
	registers, err := t.ask("info registers")
	if err != nil {
		return nil, err
	}
	r.trace.space = cr3(registers)
	go r.read()
	for _, c := range []string{"singlestep on", "log exec,nochain,mmu", "cont"} {
		if err := t.command(c); err != nil {
			close(r.stopping)
			return nil, err
		}
	}
	return r, nil
}

// cr3 finds CR3 in what "info registers" prints; 0: not there.
func cr3(registers string) uint64 {
	i := strings.Index(registers, "CR3=")
	if i < 0 {
		return 0
	}
	v, _ := hex([]byte(registers[i+4:]))
	return v
}

type recording struct {
	t        *tracer
	trace    *trace
	stopping chan struct{} // closed when QEMU writes no more
	done     chan error
}

// drained is how long the pipe is silent when all is through: QEMU flushes each
// line, and has answered that its log is off.
const drained = 10 * time.Millisecond

// read takes from the pipe until stopping is closed and nothing comes any more.
func (r *recording) read() {
	buf := make([]byte, 1<<20)
	n := 0
	for {
		r.t.log.SetReadDeadline(time.Now().Add(drained))
		got, err := r.t.log.Read(buf[n:])
		n += got
		used := bytes.LastIndexByte(buf[:n], '\n') + 1
		r.trace.write(buf[:used])
		n = copy(buf, buf[used:n])
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			r.done <- err
			return
		}
		select {
		case <-r.stopping:
			r.done <- nil
			return
		default:
		}
	}
}

// stop switches the log off and returns what was recorded.
func (r *recording) stop() (*trace, error) {
	for _, c := range []string{"log none", "singlestep off"} {
		if err := r.t.command(c); err != nil {
			close(r.stopping)
			return nil, err
		}
	}
	close(r.stopping)
	return r.trace, <-r.done
}
