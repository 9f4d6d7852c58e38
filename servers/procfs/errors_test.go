package procfs

import (
	"fmt"
	"syscall"
	"testing"

	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// What the process server cannot be asked is told: no process is taken for absent.
func TestServerRefuses(t *testing.T) {
	w := newWorld(t)
	a := w.Init.Fork()
	w.publish(a)
	refused := uint32(0)
	w.srv.pool.New = func() any {
		c := w.app.Conn()
		do := c.Do
		c.Do = func(c *client.Conn, h uint64, method uint32) int64 {
			if method == refused {
				return -int64(syscall.ENOMEM)
			}
			return do(c, h, method)
		}
		return c
	}
	thread := fmt.Sprintf("%d/comm", abi.NewTID(uint32(a.Pid), 7))
	for _, c := range []struct {
		method uint32
		path   string
	}{
		{proto.ProcInfo, "self/comm"}, {proto.ProcInfoK, "self/comm"}, {proto.ProcInfo, thread},
		{proto.ProcList, "self/task/" + fmt.Sprint(a.Pid) + "/children"},
	} {
		refused = c.method
		_, st := w.read(a, c.path)
		w.want(c.path, st, -int64(syscall.ENOMEM))
		refused = 0
		w.must(a, c.path)
	}
	root, st := w.open(a, "", syscall.O_DIRECTORY)
	w.want("open", st, int64(0))
	refused = proto.ProcList
	_, st = root.Getdents(client.OutBytes(make([]byte, 4096)))
	w.want("getdents", st, -int64(syscall.ENOMEM))
}
