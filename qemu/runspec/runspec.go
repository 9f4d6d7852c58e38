// Package runspec is what the host tool and the guest's init agree on: the
// file that says which program to run, the frames that carry standard input
// and window sizes to the guest, and the lines that carry results back.
//
// Both Go42's init and the small init that the tool gives to Linux use it, so
// that one program is started in the same way on either system. The package
// imports nothing that touches a machine.
//
// The devices (all of an ordinary PC):
//
//	COM1                the terminal
//	COM2                frames, host to guest (AppendFrame, Decoder)
//	debug console 0xe9  kernel log
//	debug console 0xea  the program's standard output
//	debug console 0xeb  the program's standard error
//	debug console 0xec  status lines, guest to host (ParseStatus)
//	debug exit    0xf4  ends the machine
package runspec

// Path is the absolute path of the run file in the guest.
const Path = "/go42/run.json"

// I/O ports of the devices between the tool and the guest.
const (
	PortLog    = 0xe9
	PortOut    = 0xea
	PortErr    = 0xeb
	PortStatus = 0xec
	PortExit   = 0xf4
)

// Spec says what init runs. It is the JSON content of Path.
type Spec struct {
	// Args is the program and its arguments. Args[0] without a slash is looked
	// for in the PATH of Env. Empty: the interactive shell, DefaultShell.
	Args []string `json:"args"`
	// Env is the whole environment, "K=V".
	Env []string `json:"env"`
	// Dir is the working directory; init falls back to no other.
	Dir string `json:"dir"`
	// TTY: the program's descriptors 0, 1 and 2 are the terminal (COM1), which
	// is its controlling terminal and whose foreground group it is. Otherwise
	// 0 is a pipe fed by FrameInput and ended by FrameEOF, 1 and 2 go byte for
	// byte to PortOut and PortErr.
	TTY bool `json:"tty"`
}

// DefaultShell is what an empty Spec.Args stands for.
const DefaultShell = "/bin/gosh"

// DefaultPath is the PATH of a guest program unless told otherwise.
const DefaultPath = "/bin:/bbin:/usr/bin:/sbin:/usr/sbin"

// Exit statuses that init reports when the program could not be started, as a
// shell has them.
const (
	StatusCannotRun = 126
	StatusNotFound  = 127
)
