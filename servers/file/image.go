package file

import (
	"sync"
	"syscall"

	"go42/ipc"
	"go42/ipc/abi"
	"go42/ipc/client"
	"go42/ipc/proto"
)

// The image of a file with set-id bits is a copy of it: who can write the file
// (or still has it mapped from when he could) does not change what runs with its
// owner's ids. One copy serves all who execute the file until it is written.

// Image implements vfs.Imager.
func (o *openFile) Image(f func(st proto.Stat, size int64, fcm uint64) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.image == nil || o.mapped {
		o.dropImage()
		if err := o.makeImage(); err != nil {
			return err
		}
	}
	return f(o.statLocked(), o.size, o.image.Handle())
}

// makeImage copies the content. f.mu is held.
func (f *regular) makeImage() error {
	n := pages(f.size)
	if f.size == 0 {
		return syscall.ENOEXEC
	}
	if err := f.ram.charge(n); err != nil {
		return syscall.ENOMEM
	}
	m, err := f.ram.mem.New(f.size)
	if err != nil {
		f.ram.charge(-n)
		return err
	}
	copy(m.Bytes(), f.bytes())
	f.image, f.imagePages = m, n
	return nil
}

// dropImage forgets the copy: the content is about to change, or nobody can
// execute it any more. Who runs it keeps its pages. f.mu is held.
func (f *regular) dropImage() {
	if f.image != nil {
		f.image.Close()
		f.ram.charge(-f.imagePages)
		f.image, f.imagePages = nil, 0
	}
}

// voucher makes the function that tells the process server.
func voucher(k ipc.Kernel) func(v *proto.Vouched, image uint64) (uint64, error) {
	pool := sync.Pool{New: func() any { return k.Conn() }}
	return func(v *proto.Vouched, image uint64) (uint64, error) {
		conn := pool.Get().(*client.Conn)
		defer pool.Put(conn)
		set, st := client.Proc{C: conn, H: abi.HandleProc}.Vouch(v, client.ReadOnly(image))
		if st < 0 {
			return 0, syscall.Errno(-st)
		}
		return set, nil
	}
}
