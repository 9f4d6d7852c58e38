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

// invoke makes the call that a stub has prepared. A server's own error is left
// to the stub, with the results that came with it.
func invoke(c *client.Conn, handle uint64, method uint32) int64 {
	c.R.Tag = 0
	e := user.CallServer(handle, method, &c.M, &c.R)
	if e == errno.OK || c.R.Tag != 0 && c.R.Status != -int64(errno.EOWNERDEAD) {
		return 0
	}
	return e.Ret()
}
