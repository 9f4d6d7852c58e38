package qemu

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"go42/qemu/runspec"
)

// Hardware is what QEMU is to emulate and how.
type Hardware struct {
	QEMU     string   // program; default qemu-system-x86_64
	SMP      int      // CPUs; default 1
	Mem      string   // as QEMU's -m; default 1G
	ICount   bool     // exact instruction counting: one virtual ns an instruction
	GDB      string   // address for gdb ("tcp::1234"); the machine waits for it
	Args     []string // further arguments for QEMU
	Kernel   string
	Initrd   string
	Append   string // kernel command line
	Serial3  bool   // COM3 carries the kernel log (Linux)
	Terminal bool   // COM1 is connected to Machine.Terminal
}

// Machine is a running QEMU. The caller reads Out, Err, Status and Log until
// they end, which they do when QEMU has ended; what is not read stops the
// guest.
type Machine struct {
	Terminal net.Conn // COM1; nil without Hardware.Terminal
	Control  net.Conn // COM2
	Out      *os.File // debug console PortOut
	Err      *os.File // debug console PortErr
	Status   *os.File // debug console PortStatus
	Log      *os.File // debug console PortLog, or COM3

	cmd    *exec.Cmd
	stderr strings.Builder // QEMU's own complaints
	ready  chan struct{}
	began  chan struct{}
	done   chan struct{}
	err    error
	once   sync.Once
}

// args returns QEMU's arguments; fds names the inherited descriptors.
func (h *Hardware) args(fds map[string]int) []string {
	accel := []string{"-accel", "tcg,thread=multi"}
	if h.ICount {
		accel = []string{"-accel", "tcg", "-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1"}
	}
	// With protection keys on, Linux's signals cost five times as much under TCG.
	a := append(accel, "-machine", "pc", "-cpu", "max,la57=off,pku=off",
		"-smp", strconv.Itoa(max(h.SMP, 1)), "-m", or(h.Mem, "1G"),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none",
		"-kernel", h.Kernel, "-append", h.Append)
	if h.Initrd != "" {
		a = append(a, "-initrd", h.Initrd)
	}
	if h.Terminal {
		a = append(a, "-chardev", fmt.Sprintf("socket,id=term,fd=%d", fds["term"]), "-serial", "chardev:term")
	} else {
		a = append(a, "-serial", "null")
	}
	a = append(a, "-chardev", fmt.Sprintf("socket,id=ctl,fd=%d", fds["ctl"]), "-serial", "chardev:ctl")
	// append=on: QEMU would truncate the file, which a pipe refuses.
	file := func(id string, set int) string {
		a = append(a, "-add-fd", fmt.Sprintf("fd=%d,set=%d", fds[id], set))
		a = append(a, "-chardev", fmt.Sprintf("file,id=%s,path=/dev/fdset/%d,append=on", id, set))
		return "chardev:" + id
	}
	debugcon := func(port int, id string, set int) {
		file(id, set)
		a = append(a, "-device", fmt.Sprintf("isa-debugcon,iobase=%#x,chardev=%s", port, id))
	}
	if h.Serial3 {
		a = append(a, "-serial", file("log", 1))
	} else {
		debugcon(runspec.PortLog, "log", 1)
	}
	debugcon(runspec.PortOut, "out", 2)
	debugcon(runspec.PortErr, "err", 3)
	debugcon(runspec.PortStatus, "status", 4)
	a = append(a, "-device", fmt.Sprintf("isa-debug-exit,iobase=%#x,iosize=4", runspec.PortExit))
	if h.GDB != "" {
		a = append(a, "-S", "-gdb", h.GDB)
	}
	return append(a, h.Args...)
}

// Start starts QEMU.
func (h *Hardware) Start() (*Machine, error) {
	m := &Machine{done: make(chan struct{}), ready: make(chan struct{}), began: make(chan struct{})}
	var guest []*os.File // QEMU's ends
	fds := map[string]int{}
	give := func(name string, f *os.File) {
		fds[name] = 3 + len(guest)
		guest = append(guest, f)
	}
	fail := func(err error) (*Machine, error) {
		closeAll(guest)
		m.closeHost()
		return nil, err
	}
	socket := func(name string, c *net.Conn) error {
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		give(name, os.NewFile(uintptr(p[1]), name))
		host := os.NewFile(uintptr(p[0]), name)
		defer host.Close() // FileConn duplicates
		*c, err = net.FileConn(host)
		return err
	}
	pipe := func(name string, f **os.File) error {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		*f = r
		give(name, w)
		return nil
	}
	if h.Terminal {
		if err := socket("term", &m.Terminal); err != nil {
			return fail(err)
		}
	}
	if err := socket("ctl", &m.Control); err != nil {
		return fail(err)
	}
	for name, f := range map[string]**os.File{"log": &m.Log, "out": &m.Out, "err": &m.Err, "status": &m.Status} {
		if err := pipe(name, f); err != nil {
			return fail(err)
		}
	}
	m.cmd = exec.Command(or(h.QEMU, "qemu-system-x86_64"), h.args(fds)...)
	m.cmd.ExtraFiles = guest
	m.cmd.Stderr = &m.stderr
	m.cmd.Stdout = &m.stderr
	// A process group of its own keeps the terminal's ^C away from QEMU; the
	// death signal takes QEMU down with the tool, however that ends.
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The death signal comes when the thread that forked ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := m.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		err = m.cmd.Wait()
		if _, exit := err.(*exec.ExitError); exit && m.cmd.ProcessState.ExitCode() != 1 {
			err = nil // isa-debug-exit makes any odd status
		}
		if err != nil || m.stderr.Len() > 0 && m.cmd.ProcessState.ExitCode() == 1 {
			m.err = fmt.Errorf("qemu: %s", strings.TrimSpace(m.stderr.String()))
		}
		close(m.done)
	}()
	err := <-started
	closeAll(guest)
	if err != nil {
		m.closeHost()
		return nil, fmt.Errorf("cannot start QEMU (Debian package qemu-system-x86): %w", err)
	}
	return m, nil
}

// Pid is QEMU's process id.
func (m *Machine) Pid() int { return m.cmd.Process.Pid }

// Kill ends QEMU at once.
func (m *Machine) Kill() { m.cmd.Process.Kill() }

// Ready is closed when the guest's init listens on COM2. Frames that come
// earlier may be lost with the serial port's set-up.
func (m *Machine) Ready() <-chan struct{} { return m.ready }

// Began is closed when the program is being started: COM1 is open.
func (m *Machine) Began() <-chan struct{} { return m.began }

// Done is closed when QEMU has ended.
func (m *Machine) Done() <-chan struct{} { return m.done }

// Wait waits for QEMU's end. The error is QEMU's own complaint, if it had one;
// how the guest ended is in its status lines.
func (m *Machine) Wait() error {
	<-m.done
	return m.err
}

// ExitCode is QEMU's exit status after Wait; -1 if it was killed.
func (m *Machine) ExitCode() int { return m.cmd.ProcessState.ExitCode() }

// Close ends QEMU if it still runs and releases the channels.
func (m *Machine) Close() {
	m.once.Do(func() {
		m.Kill()
		<-m.done
		m.closeHost()
	})
}

func (m *Machine) closeHost() {
	for _, c := range []net.Conn{m.Terminal, m.Control} {
		if c != nil {
			c.Close()
		}
	}
	for _, f := range []*os.File{m.Out, m.Err, m.Status, m.Log} {
		if f != nil {
			f.Close()
		}
	}
}

func closeAll(fs []*os.File) {
	for _, f := range fs {
		f.Close()
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
