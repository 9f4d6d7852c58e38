package bench

import "regexp"

// Op is an operation of tests/guest/bench.
type Op struct {
	Name  string
	What  string
	Group string
	Work  bool     // real work: long, and by programs that are not the bench program
	Parts []string // suffixes of its rows; none: one row
	OwnOf string   // the program's own part is the same as that operation's
}

// Groups of operations, in the order of the table.
const (
	GroupUser    = "The program alone"
	GroupCalls   = "Calls that need no server"
	GroupFiles   = "Files"
	GroupSignals = "Signals"
	GroupIPC     = "Pipes, sockets, poll"
	GroupThreads = "Threads"
	GroupMemory  = "Memory"
	GroupProcess = "Processes"
	GroupShared  = "Shared memory over fork (16 MiB)"
	GroupWork    = "Real work"
)

var phases = []string{".create", ".fork", ".touch", ".destroy", ".total"}

// Ops are all operations, in the order of the table. A test keeps them equal
// to the guest program's.
var Ops = []Op{
	{Name: "cpu_loop100", What: "100 additions in memory", Group: GroupUser},
	{Name: "memcpy_64k", What: "copy 64 KiB", Group: GroupUser},
	{Name: "sys_getppid", What: "getppid", Group: GroupCalls},
	{Name: "sys_getpid", What: "getpid", Group: GroupCalls},
	{Name: "gettimeofday", What: "gettimeofday by the vDSO", Group: GroupCalls},
	{Name: "gettimeofday_syscall", What: "gettimeofday by a system call", Group: GroupCalls},
	{Name: "clock_gettime", What: "clock_gettime by the vDSO", Group: GroupCalls},
	{Name: "clock_gettime_syscall", What: "clock_gettime by a system call", Group: GroupCalls},
	{Name: "sched_yield_alone", What: "sched_yield of a lone thread", Group: GroupCalls},
	{Name: "dup_close", What: "dup and close", Group: GroupCalls},
	{Name: "read1_devzero", What: "read 1 byte of /dev/zero", Group: GroupFiles},
	{Name: "write1_devnull", What: "write 1 byte to /dev/null", Group: GroupFiles},
	{Name: "pread1_file", What: "pread 1 byte", Group: GroupFiles},
	{Name: "pwrite1_file", What: "pwrite 1 byte", Group: GroupFiles},
	{Name: "lseek", What: "lseek", Group: GroupFiles},
	{Name: "lseek_read4k_file", What: "lseek and read 4 KiB", Group: GroupFiles},
	{Name: "pwrite4k_file", What: "pwrite 4 KiB", Group: GroupFiles},
	{Name: "open_read4k_close", What: "open, read 4 KiB, close", Group: GroupFiles},
	{Name: "open_close", What: "open and close", Group: GroupFiles},
	{Name: "stat", What: "stat", Group: GroupFiles},
	{Name: "fstat", What: "fstat", Group: GroupFiles},
	{Name: "creat_close_unlink", What: "create, close, unlink", Group: GroupFiles},
	{Name: "sigaction", What: "sigaction", Group: GroupSignals},
	{Name: "signal_self", What: "kill itself with a handled signal", Group: GroupSignals},
	{Name: "protfault_signal_mprotect2", What: "mprotect, fault, handler, mprotect", Group: GroupSignals},
	{Name: "poll_64", What: "poll of 64 empty pipes", Group: GroupIPC},
	{Name: "select_64", What: "select of 64 empty pipes", Group: GroupIPC},
	{Name: "pipe_self_write1_read1", What: "1 byte through a pipe to itself", Group: GroupIPC},
	{Name: "pipe_pingpong_rt", What: "1 byte to another process and back by pipes", Group: GroupIPC},
	{Name: "pipe_pingpong_rt_pin", What: "the same, both on one CPU", Group: GroupIPC},
	{Name: "unix_pingpong_rt", What: "1 byte there and back by a UNIX socket", Group: GroupIPC},
	{Name: "pipe_bw_64k", What: "64 KiB through a pipe", Group: GroupIPC},
	{Name: "unix_bw_64k", What: "64 KiB through a UNIX socket", Group: GroupIPC},
	{Name: "ctx_pipe_ring_2proc_hop", What: "a hop in a pipe ring of 2 processes", Group: GroupIPC},
	{Name: "ctx_pipe_ring_4proc_hop", What: "of 4", Group: GroupIPC},
	{Name: "ctx_pipe_ring_8proc_hop", What: "of 8", Group: GroupIPC},
	{Name: "ctx_pipe_ring_16proc_hop", What: "of 16", Group: GroupIPC},
	{Name: "ppc_unknown_method", What: "a call to a server that does nothing", Group: GroupIPC},
	{Name: "ctx_futex_ring_2thr_hop", What: "a hop in a futex ring of 2 threads", Group: GroupThreads},
	{Name: "ctx_futex_ring_4thr_hop", What: "of 4", Group: GroupThreads},
	{Name: "ctx_futex_ring_8thr_hop", What: "of 8", Group: GroupThreads},
	{Name: "ctx_futex_ring_16thr_hop", What: "of 16", Group: GroupThreads},
	{Name: "ctx_yield_2thr", What: "sched_yield among 2 threads", Group: GroupThreads},
	{Name: "ctx_yield_8thr", What: "among 8", Group: GroupThreads},
	{Name: "pthread_create_join", What: "create and join a thread", Group: GroupThreads},
	{Name: "mmap_munmap_64k", What: "mmap and munmap 64 KiB", Group: GroupMemory},
	{Name: "brk_grow_shrink", What: "brk up and down a page", Group: GroupMemory},
	{Name: "fault_anon_page", What: "first write to a private page", Group: GroupMemory},
	{Name: "fault_shared_anon_page", What: "first write to a shared page", Group: GroupMemory},
	{Name: "fault_file_cached_page", What: "first read of a file's mapped page", Group: GroupMemory},
	{Name: "fork_exit_wait", What: "fork, exit, wait", Group: GroupProcess},
	{Name: "fork_cow256_exit_wait", What: "with 256 pages written by the child", Group: GroupProcess},
	{Name: "fork_exit_wait_64MB", OwnOf: "fork_exit_wait", What: "with 64 MiB of private memory", Group: GroupProcess},
	{Name: "fork_exit_wait_64MB_shared", OwnOf: "fork_exit_wait", What: "with 64 MiB of shared memory", Group: GroupProcess},
	{Name: "fork_exit_wait_1000fd", OwnOf: "fork_exit_wait", What: "with 1,000 descriptors", Group: GroupProcess},
	{Name: "fork_pread1_exit_wait", What: "the child reads one inherited file", Group: GroupProcess},
	{Name: "fork_pread1x2_exit_wait", What: "the child reads it twice", Group: GroupProcess},
	{Name: "fork_pread2_exit_wait", What: "the child reads two inherited files", Group: GroupProcess},
	{Name: "fork_exec_wait_tiny", What: "fork and exec of three instructions", Group: GroupProcess},
	{Name: "vfork_exec_wait_tiny", What: "the same by vfork", Group: GroupProcess},
	{Name: "vfork_exec_wait_cbusybox_true", What: "vfork and exec of busybox true", Group: GroupProcess},
	{Name: "vfork_exec_wait_gohello", What: "of an empty Go program", Group: GroupProcess},
	{Name: "vfork_exec_wait_urootbb_true", What: "of u-root's true", Group: GroupProcess},
	{Name: "shm_anon_abundant", What: "anonymous; both touch all", Group: GroupShared, Parts: phases},
	{Name: "shm_anon_sparse", What: "anonymous; three pages each", Group: GroupShared, Parts: phases},
	{Name: "shm_anon_random", What: "anonymous; a quarter each", Group: GroupShared, Parts: phases},
	{Name: "shm_anon_multi", What: "anonymous; five children", Group: GroupShared, Parts: phases},
	{Name: "shm_populate_abundant", What: "populated; both touch all", Group: GroupShared, Parts: phases},
	{Name: "shm_populate_sparse", What: "populated; three pages each", Group: GroupShared, Parts: phases},
	{Name: "shm_populate_random", What: "populated; a quarter each", Group: GroupShared, Parts: phases},
	{Name: "shm_populate_multi", What: "populated; five children", Group: GroupShared, Parts: phases},
	{Name: "shm_sysv_abundant", What: "System V; both touch all", Group: GroupShared, Parts: phases},
	{Name: "shm_sysv_sparse", What: "System V; three pages each", Group: GroupShared, Parts: phases},
	{Name: "shm_sysv_random", What: "System V; a quarter each", Group: GroupShared, Parts: phases},
	{Name: "shm_sysv_multi", What: "System V; five children", Group: GroupShared, Parts: phases},
	{Name: "shm_tmpfile_abundant", What: "a file; both touch all", Group: GroupShared, Parts: phases},
	{Name: "shm_tmpfile_sparse", What: "a file; three pages each", Group: GroupShared, Parts: phases},
	{Name: "shm_tmpfile_random", What: "a file; a quarter each", Group: GroupShared, Parts: phases},
	{Name: "shm_tmpfile_multi", What: "a file; five children", Group: GroupShared, Parts: phases},
	{Name: "work_gosh_35", What: "gosh runs a script of 35 commands", Group: GroupWork, Work: true},
	{Name: "work_busybox_sh_35", What: "busybox sh runs the same", Group: GroupWork, Work: true},
	{Name: "work_find_wc", What: "find over 1,050 files and folders, wc", Group: GroupWork, Work: true},
	{Name: "work_tar_1000", What: "tar of 1,000 files", Group: GroupWork, Work: true},
	{Name: "work_sort_10MB", What: "sort of 10 MB", Group: GroupWork, Work: true},
	{Name: "work_go_alloc", What: "a Go program allocates and collects", Group: GroupWork, Work: true},
	{Name: "work_pipeline_200", What: "200 processes in a pipeline", Group: GroupWork, Work: true},
	{Name: BootRow, What: "the boot, to the start of the program", Group: GroupWork},
}

// BootRow is the row that no guest program measures.
const BootRow = "boot"

// Select returns the operations whose name matches re.
func Select(re *regexp.Regexp) []Op {
	var s []Op
	for _, o := range Ops {
		if re.MatchString(o.Name) {
			s = append(s, o)
		}
	}
	return s
}

// find returns the operation of that name.
func find(name string) *Op {
	for i := range Ops {
		if Ops[i].Name == name {
			return &Ops[i]
		}
	}
	return &Op{Name: name}
}

// rows are the names of the rows that o makes.
func (o Op) rows() []string {
	if o.Parts == nil {
		return []string{o.Name}
	}
	var s []string
	for _, p := range o.Parts {
		s = append(s, o.Name+p)
	}
	return s
}
