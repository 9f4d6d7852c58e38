package main

// Real work: programs, with their output thrown away.

// program runs argv once for each n.
func program(n int) {
	for range n {
		pid := fork()
		if pid == 0 {
			null := open("/dev/null\x00", oRdwr)
			sys(sysDup2, null, 0, 0)
			sys(sysDup2, null, 1, 0)
			sys(sysExecve, argv[0], addr(&argv), environment())
			exit(127)
		}
		runs(pid, "execve\x00")
	}
}

func command(n int, a ...string) {
	argv = [8]uintptr{}
	for i, s := range a {
		argv[i] = cstring(s)
	}
	program(n)
}

func workGosh(n int) { command(n, "/bin/gosh\x00", "/bench/script.gosh\x00") }
func workSh(n int)   { command(n, "/bin/busybox\x00", "sh\x00", "/bench/script.sh\x00") }
func workFind(n int) {
	command(n, "/bin/busybox\x00", "sh\x00", "-c\x00", "busybox find /bench/tree | busybox wc\x00")
}
func workTar(n int) {
	command(n, "/bin/busybox\x00", "tar\x00", "-cf\x00", "/tmp/bench.tar\x00", "/bench/tree\x00")
}
func workSort(n int)     { command(n, "/bin/busybox\x00", "sort\x00", "/bench/lines\x00") }
func workAlloc(n int)    { command(n, "/bench/alloc\x00") }
func workPipeline(n int) { command(n, "/bin/busybox\x00", "sh\x00", "/bench/pipeline.sh\x00") }
