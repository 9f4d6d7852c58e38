package thread

import (
	"go42/ipc/client"
	"go42/linuxapi/errno"
	"go42/linuxapi/usercopy"
	"go42/sched/user"
)

// Client is the thread's connection for the stubs of ipc/client. One call at a
// time; what a stub's result points to holds until the next.
func (t *Thread) Client() *client.Conn {
	if t.Conn.Do == nil {
		t.Conn.Do, t.Conn.Fetch, t.Conn.Store = invoke, fetch, store
	}
	return &t.Conn
}

// fetch and store are for what a message carries of the program's memory.
func fetch(dst []byte, addr uint64) bool { return usercopy.CopyIn(dst, addr) == errno.OK }

func store(addr uint64, src []byte) bool { return usercopy.CopyOut(addr, src) == errno.OK }

// A call for which the kernel has no memory, or no record, is made again for some
// time: who has them is served, or ended. Linux's calls do not fail so, and what a
// server was to be told it would not be.
const (
	callTries = 100
	callPause = 1_000_000 // ns
)

// CallServer makes the call in c.M for the current thread. After an error c.R.Tag is 0
// if it could not be made; else the error is the server's, and c.R what came with it.
func CallServer(c *client.Conn, handle uint64, method uint32) errno.Errno {
	for try := 1; ; try++ {
		c.R.Tag = 0
		e := user.CallServer(handle, method, &c.M, &c.R)
		if e != errno.ENOMEM || c.R.Tag != 0 || try == callTries {
			return e
		}
		user.Sleep(user.Now()+callPause, false)
	}
}

// invoke makes the call that a stub has prepared. A server's own error is left
// to the stub, with the results that came with it.
func invoke(c *client.Conn, handle uint64, method uint32) int64 {
	e := CallServer(c, handle, method)
	if e == errno.OK || c.R.Tag != 0 && c.R.Status != -int64(errno.EOWNERDEAD) {
		return 0
	}
	return e.Ret()
}
