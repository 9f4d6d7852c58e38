package proto

// FileServer is the root object of the file server (service "file").
//
//ipc:base 10
type FileServer interface {
	// NewFS makes an empty file system of kind "tmpfs" and grants its root,
	// to be mounted. It lives as long as that handle and what is open in it.
	// options are mount(2)'s: size=, mode=, uid=, gid=, nr_inodes=. Root only.
	NewFS(kind string, options string) (root Handle, st Status)
}
