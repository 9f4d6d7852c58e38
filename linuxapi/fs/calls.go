package fs

import (
	"go42/linuxapi/call"
	"go42/linuxapi/fs/fdtable"
	"go42/linuxapi/thread"
)

// Calls are the system calls of this package. All run enabled: nearly all may
// have to wait for a server.
var Calls = [...]call.Entry{
	{Nr: 0, Name: "read", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Read(a[0], a[1], a[2]) }},
	{Nr: 1, Name: "write", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Write(a[0], a[1], a[2]) }},
	{Nr: 2, Name: "open", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Open(a[0], a[1], a[2]) }},
	{Nr: 3, Name: "close", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Close(a[0]) }},
	{Nr: 4, Name: "stat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Stat(a[0], a[1]) }},
	{Nr: 5, Name: "fstat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fstat(a[0], a[1]) }},
	{Nr: 6, Name: "lstat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Lstat(a[0], a[1]) }},
	{Nr: 7, Name: "poll", Support: "full", Fn: pollCall},
	{Nr: 8, Name: "lseek", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Lseek(a[0], a[1], a[2]) }},
	{Nr: 16, Name: "ioctl", Support: "partial: requests of terminals, FIONREAD, FIONBIO, FIOCLEX", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Ioctl(a[0], a[1], a[2]) }},
	{Nr: 17, Name: "pread64", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Pread64(a[0], a[1], a[2], a[3]) }},
	{Nr: 18, Name: "pwrite64", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Pwrite64(a[0], a[1], a[2], a[3]) }},
	{Nr: 19, Name: "readv", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Readv(a[0], a[1], a[2]) }},
	{Nr: 20, Name: "writev", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Writev(a[0], a[1], a[2]) }},
	{Nr: 21, Name: "access", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Access(a[0], a[1]) }},
	{Nr: 22, Name: "pipe", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Pipe(a[0]) }},
	{Nr: 23, Name: "select", Support: "full", Fn: selectCall},
	{Nr: 32, Name: "dup", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Dup(a[0]) }},
	{Nr: 33, Name: "dup2", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Dup2(a[0], a[1]) }},
	{Nr: 40, Name: "sendfile", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Sendfile(a[0], a[1], a[2], a[3]) }},
	{Nr: 41, Name: "socket", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Socket(a[0], a[1], a[2]) }},
	{Nr: 42, Name: "connect", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Connect(a[0], a[1], a[2]) }},
	{Nr: 43, Name: "accept", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Accept(a[0], a[1], a[2]) }},
	{Nr: 44, Name: "sendto", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Sendto(a[0], a[1], a[2], a[3], a[4], a[5]) }},
	{Nr: 45, Name: "recvfrom", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Recvfrom(a[0], a[1], a[2], a[3], a[4], a[5]) }},
	{Nr: 46, Name: "sendmsg", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Sendmsg(a[0], a[1], a[2]) }},
	{Nr: 47, Name: "recvmsg", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Recvmsg(a[0], a[1], a[2]) }},
	{Nr: 48, Name: "shutdown", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Shutdown(a[0], a[1]) }},
	{Nr: 49, Name: "bind", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Bind(a[0], a[1], a[2]) }},
	{Nr: 50, Name: "listen", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Listen(a[0], a[1]) }},
	{Nr: 51, Name: "getsockname", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Getsockname(a[0], a[1], a[2]) }},
	{Nr: 52, Name: "getpeername", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Getpeername(a[0], a[1], a[2]) }},
	{Nr: 53, Name: "socketpair", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Socketpair(a[0], a[1], a[2], a[3]) }},
	{Nr: 54, Name: "setsockopt", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Setsockopt(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 55, Name: "getsockopt", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Getsockopt(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 72, Name: "fcntl", Support: "partial: no leases, signals of O_ASYNC, or seals", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fcntl(a[0], a[1], a[2]) }},
	{Nr: 73, Name: "flock", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Flock(a[0], a[1]) }},
	{Nr: 74, Name: "fsync", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fsync(a[0]) }},
	{Nr: 75, Name: "fdatasync", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fdatasync(a[0]) }},
	{Nr: 76, Name: "truncate", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Truncate(a[0], a[1]) }},
	{Nr: 77, Name: "ftruncate", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Ftruncate(a[0], a[1]) }},
	{Nr: 78, Name: "getdents", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Getdents(a[0], a[1], a[2]) }},
	{Nr: 79, Name: "getcwd", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Getcwd(a[0], a[1]) }},
	{Nr: 80, Name: "chdir", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Chdir(a[0]) }},
	{Nr: 81, Name: "fchdir", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fchdir(a[0]) }},
	{Nr: 82, Name: "rename", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Rename(a[0], a[1]) }},
	{Nr: 83, Name: "mkdir", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Mkdir(a[0], a[1]) }},
	{Nr: 84, Name: "rmdir", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Rmdir(a[0]) }},
	{Nr: 85, Name: "creat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Creat(a[0], a[1]) }},
	{Nr: 86, Name: "link", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Link(a[0], a[1]) }},
	{Nr: 87, Name: "unlink", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Unlink(a[0]) }},
	{Nr: 88, Name: "symlink", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Symlink(a[0], a[1]) }},
	{Nr: 89, Name: "readlink", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Readlink(a[0], a[1], a[2]) }},
	{Nr: 90, Name: "chmod", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Chmod(a[0], a[1]) }},
	{Nr: 91, Name: "fchmod", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fchmod(a[0], a[1]) }},
	{Nr: 92, Name: "chown", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Chown(a[0], a[1], a[2]) }},
	{Nr: 93, Name: "fchown", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fchown(a[0], a[1], a[2]) }},
	{Nr: 94, Name: "lchown", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Lchown(a[0], a[1], a[2]) }},
	{Nr: 95, Name: "umask", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Umask(a[0]) }},
	{Nr: 132, Name: "utime", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Utime(a[0], a[1]) }},
	{Nr: 133, Name: "mknod", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Mknod(a[0], a[1], a[2]) }},
	{Nr: 137, Name: "statfs", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Statfs(a[0], a[1]) }},
	{Nr: 138, Name: "fstatfs", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fstatfs(a[0], a[1]) }},
	{Nr: 155, Name: "pivot_root", Support: "none: ENOSYS", Fn: nosys},
	{Nr: 161, Name: "chroot", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Chroot(a[0]) }},
	{Nr: 162, Name: "sync", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Sync() }},
	{Nr: 165, Name: "mount", Support: "partial: tmpfs, bind mounts, and further mounts of what is mounted; a remount changes ro, nosuid, nodev and noexec of the file system as a whole", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Mount(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 166, Name: "umount2", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Umount2(a[0], a[1]) }},
	{Nr: 187, Name: "readahead", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return readahead(a[0], a[1], a[2]) }},
	{Nr: 188, Name: "setxattr", Support: "partial: EOPNOTSUPP, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Setxattr(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 189, Name: "lsetxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Lsetxattr(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 190, Name: "fsetxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fsetxattr(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 191, Name: "getxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Getxattr(a[0], a[1], a[2], a[3]) }},
	{Nr: 192, Name: "lgetxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Lgetxattr(a[0], a[1], a[2], a[3]) }},
	{Nr: 193, Name: "fgetxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fgetxattr(a[0], a[1], a[2], a[3]) }},
	{Nr: 194, Name: "listxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Listxattr(a[0], a[1], a[2]) }},
	{Nr: 195, Name: "llistxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Llistxattr(a[0], a[1], a[2]) }},
	{Nr: 196, Name: "flistxattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Flistxattr(a[0], a[1], a[2]) }},
	{Nr: 197, Name: "removexattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Removexattr(a[0], a[1]) }},
	{Nr: 198, Name: "lremovexattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Lremovexattr(a[0], a[1]) }},
	{Nr: 199, Name: "fremovexattr", Support: "partial: EOPNOTSUPP or ENODATA, as on a file system without them", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fremovexattr(a[0], a[1]) }},
	{Nr: 213, Name: "epoll_create", Support: "partial: parent and child have an instance each after fork", Fn: func(_ *thread.Thread, a *call.Args) int64 { return EpollCreate(a[0]) }},
	{Nr: 217, Name: "getdents64", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Getdents64(a[0], a[1], a[2]) }},
	{Nr: 221, Name: "fadvise64", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return fadvise(a[0], a[1], a[2], a[3]) }},
	{Nr: 232, Name: "epoll_wait", Support: "full", Fn: epollWaitCall},
	{Nr: 233, Name: "epoll_ctl", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return EpollCtl(a[0], a[1], a[2], a[3]) }},
	{Nr: 235, Name: "utimes", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Utimes(a[0], a[1]) }},
	{Nr: 253, Name: "inotify_init", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return InotifyInit1(0) }},
	{Nr: 254, Name: "inotify_add_watch", Support: "partial: in the file systems in memory; EXDEV in others; writes through mappings go unseen", Fn: func(_ *thread.Thread, a *call.Args) int64 { return InotifyAddWatch(a[0], a[1], a[2]) }},
	{Nr: 255, Name: "inotify_rm_watch", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return InotifyRmWatch(a[0], a[1]) }},
	{Nr: 257, Name: "openat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Openat(a[0], a[1], a[2], a[3]) }},
	{Nr: 258, Name: "mkdirat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Mkdirat(a[0], a[1], a[2]) }},
	{Nr: 259, Name: "mknodat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Mknodat(a[0], a[1], a[2], a[3]) }},
	{Nr: 260, Name: "fchownat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fchownat(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 261, Name: "futimesat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Futimesat(a[0], a[1], a[2]) }},
	{Nr: 262, Name: "newfstatat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Newfstatat(a[0], a[1], a[2], a[3]) }},
	{Nr: 263, Name: "unlinkat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Unlinkat(a[0], a[1], a[2]) }},
	{Nr: 264, Name: "renameat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Renameat(a[0], a[1], a[2], a[3]) }},
	{Nr: 265, Name: "linkat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Linkat(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 266, Name: "symlinkat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Symlinkat(a[0], a[1], a[2]) }},
	{Nr: 267, Name: "readlinkat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Readlinkat(a[0], a[1], a[2], a[3]) }},
	{Nr: 268, Name: "fchmodat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fchmodat(a[0], a[1], a[2]) }},
	{Nr: 269, Name: "faccessat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Faccessat(a[0], a[1], a[2]) }},
	{Nr: 270, Name: "pselect6", Support: "full", Fn: pselect6Call},
	{Nr: 271, Name: "ppoll", Support: "full", Fn: ppollCall},
	{Nr: 275, Name: "splice", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Splice(a[0], a[1], a[2], a[3], a[4], a[5]) }},
	{Nr: 276, Name: "tee", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Tee(a[0], a[1], a[2], a[3]) }},
	{Nr: 277, Name: "sync_file_range", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return syncFileRange(a[0], a[1], a[2], a[3]) }},
	{Nr: 278, Name: "vmsplice", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Vmsplice(a[0], a[1], a[2], a[3]) }},
	{Nr: 280, Name: "utimensat", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Utimensat(a[0], a[1], a[2], a[3]) }},
	{Nr: 281, Name: "epoll_pwait", Support: "full", Fn: epollPwaitCall},
	{Nr: 282, Name: "signalfd", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return signalfdOld(a[0], a[1], a[2]) }},
	{Nr: 283, Name: "timerfd_create", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return TimerfdCreate(a[0], a[1]) }},
	{Nr: 284, Name: "eventfd", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return eventfdOld(a[0]) }},
	{Nr: 285, Name: "fallocate", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fallocate(a[0], a[1], a[2], a[3]) }},
	{Nr: 286, Name: "timerfd_settime", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return TimerfdSettime(a[0], a[1], a[2], a[3]) }},
	{Nr: 287, Name: "timerfd_gettime", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return TimerfdGettime(a[0], a[1]) }},
	{Nr: 288, Name: "accept4", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Accept4(a[0], a[1], a[2], a[3]) }},
	{Nr: 289, Name: "signalfd4", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Signalfd4(a[0], a[1], a[2], a[3]) }},
	{Nr: 290, Name: "eventfd2", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Eventfd2(a[0], a[1]) }},
	{Nr: 291, Name: "epoll_create1", Support: "partial: parent and child have an instance each after fork", Fn: func(_ *thread.Thread, a *call.Args) int64 { return EpollCreate1(a[0]) }},
	{Nr: 292, Name: "dup3", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Dup3(a[0], a[1], a[2]) }},
	{Nr: 293, Name: "pipe2", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Pipe2(a[0], a[1]) }},
	{Nr: 294, Name: "inotify_init1", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return InotifyInit1(a[0]) }},
	{Nr: 295, Name: "preadv", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Preadv(a[0], a[1], a[2], a[3]) }},
	{Nr: 296, Name: "pwritev", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Pwritev(a[0], a[1], a[2], a[3]) }},
	{Nr: 299, Name: "recvmmsg", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Recvmmsg(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 300, Name: "fanotify_init", Support: "none: ENOSYS", Fn: nosys},
	{Nr: 301, Name: "fanotify_mark", Support: "none: ENOSYS", Fn: nosys},
	{Nr: 303, Name: "name_to_handle_at", Support: "none: EOPNOTSUPP", Fn: notsup},
	{Nr: 304, Name: "open_by_handle_at", Support: "none: EOPNOTSUPP", Fn: notsup},
	{Nr: 306, Name: "syncfs", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Syncfs(a[0]) }},
	{Nr: 307, Name: "sendmmsg", Support: "partial: local sockets, and the internet families within this machine", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Sendmmsg(a[0], a[1], a[2], a[3]) }},
	{Nr: 316, Name: "renameat2", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Renameat2(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 319, Name: "memfd_create", Support: "partial: no seals", Fn: func(_ *thread.Thread, a *call.Args) int64 { return MemfdCreate(a[0], a[1]) }},
	{Nr: 326, Name: "copy_file_range", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return CopyFileRange(a[0], a[1], a[2], a[3], a[4], a[5]) }},
	{Nr: 327, Name: "preadv2", Support: "partial: no RWF_NOWAIT, RWF_APPEND", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Preadv2(a[0], a[1], a[2], a[3], a[4], a[5]) }},
	{Nr: 328, Name: "pwritev2", Support: "partial: no RWF_NOWAIT, RWF_APPEND", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Pwritev2(a[0], a[1], a[2], a[3], a[4], a[5]) }},
	{Nr: 332, Name: "statx", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Statx(a[0], a[1], a[2], a[3], a[4]) }},
	{Nr: 424, Name: "pidfd_send_signal", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return PidfdSendSignal(a[0], a[1], a[2], a[3]) }},
	{Nr: 434, Name: "pidfd_open", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return PidfdOpen(a[0], a[1]) }},
	{Nr: 436, Name: "close_range", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return CloseRange(a[0], a[1], a[2]) }},
	{Nr: 437, Name: "openat2", Support: "none: ENOSYS, programs use openat", Fn: nosys},
	{Nr: 439, Name: "faccessat2", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Faccessat2(a[0], a[1], a[2], a[3]) }},
	{Nr: 441, Name: "epoll_pwait2", Support: "full", Fn: epollPwait2Call},
	{Nr: 452, Name: "fchmodat2", Support: "full", Fn: func(_ *thread.Thread, a *call.Args) int64 { return Fchmodat2(a[0], a[1], a[2], a[3]) }},
}

func nosys(*thread.Thread, *call.Args) int64  { return -ENOSYS }
func notsup(*thread.Thread, *call.Args) int64 { return -EOPNOTSUPP }

// signalfdOld is signalfd(2) without flags.
func signalfdOld(fd, mask, size uint64) int64 { return Signalfd4(fd, mask, size, 0) }

// eventfdOld is eventfd(2) without flags.
func eventfdOld(initval uint64) int64 { return Eventfd2(initval, 0) }

// The advice calls check their arguments; files are in memory already.

func readahead(fd, off, n uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := int64(0)
	if f.kind != kindFile {
		r = -EINVAL
	} else if !f.canRead() {
		r = -EBADF
	}
	f.put()
	return r
}

func fadvise(fd, off, n, advice uint64) int64 {
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := int64(0)
	switch {
	case f.kind == kindPipe:
		r = -ESPIPE
	case advice > 5 || int64(n) < 0:
		r = -EINVAL
	}
	f.put()
	return r
}

func syncFileRange(fd, off, n, flags uint64) int64 {
	if flags&^7 != 0 || int64(off) < 0 || int64(n) < 0 {
		return -EINVAL
	}
	f := getIO(fd)
	if f == nil {
		return -EBADF
	}
	r := int64(0)
	if f.kind != kindFile && f.kind != kindDir {
		r = -ESPIPE
	}
	f.put()
	return r
}

// MaxFD is the number of descriptors a process can have.
const MaxFD = fdtable.Max
