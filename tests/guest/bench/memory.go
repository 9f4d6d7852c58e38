package main

// Operations of memory.

const (
	protRW      = 3
	mapShared   = 1
	mapPrivate  = 2
	mapAnon     = 0x20
	mapPopulate = 0x8000
	noFD        = ^uintptr(0)
	noHugePage  = 15

	faultPages = 1024
)

func mmap(size, prot, flags, fd uintptr) uintptr {
	return need(sys6(sysMmap, 0, size, prot, flags, fd, 0), "mmap\x00")
}

func mmapMunmap(n int) {
	for range n {
		sys(sysMunmap, mmap(64<<10, protRW, mapPrivate|mapAnon, noFD), 64<<10, 0)
	}
}

func brkGrowShrink(n int) {
	for range n {
		b := sys(sysBrk, 0, 0, 0)
		sys(sysBrk, b+4096, 0, 0)
		sys(sysBrk, b, 0, 0)
	}
}

func faultAnon(n int) {
	for range n {
		m := mmap(faultPages*4096, protRW, mapPrivate|mapAnon, noFD)
		sys(sysMadvise, m, faultPages*4096, noHugePage)
		writePages(m)
		sys(sysMunmap, m, faultPages*4096, 0)
	}
}

// writePages and readPages are the loops of the fault operations.
//
//go:noinline
func writePages(m uintptr) {
	for i := range uintptr(faultPages) {
		*(*uint8)(ptr(m + i*4096)) = 1
	}
}

//go:noinline
func readPages(m uintptr) {
	for i := range uintptr(faultPages) {
		sink += uint64(*(*uint8)(ptr(m + i*4096)))
	}
}

// ownWrites and ownReads are their instructions where no page is missing.
func ownWrites() int { return again(writePages) }
func ownReads() int  { return again(readPages) }

func again(loop func(m uintptr)) int {
	m := mmap(faultPages*4096, protRW, mapPrivate|mapAnon, noFD)
	writePages(m)
	loop(m)
	t := now()
	loop(m)
	return int(now() - t)
}

func faultShared(n int) {
	for range n {
		m := mmap(faultPages*4096, protRW, mapShared|mapAnon, noFD)
		writePages(m)
		sys(sysMunmap, m, faultPages*4096, 0)
	}
}

func makeBig(int) {
	file = open("/tmp/bench-big\x00", oCreat|oRdwr)
	for range faultPages {
		if r := sys(sysWrite, file, addr(&buf4k), 4096); r != 4096 {
			die(r, "write\x00")
		}
	}
}

func faultFile(n int) {
	for range n {
		m := mmap(faultPages*4096, 1, mapShared, file)
		readPages(m)
		sys(sysMunmap, m, faultPages*4096, 0)
	}
}

func cowMemory(int) {
	page = mmap(256*4096, protRW, mapPrivate|mapAnon, noFD)
	sys(sysMadvise, page, 256*4096, noHugePage)
	for i := range uintptr(256) {
		poke(page+i*4096, 1)
	}
}

// much maps and touches 64 MiB.
func much(flags int) {
	const size = 64 << 20
	m := mmap(size, protRW, uintptr(flags)|mapAnon, noFD)
	sys(sysMadvise, m, size, noHugePage)
	for i := uintptr(0); i < size; i += 4096 {
		poke(m+i, 1)
	}
}

// Memory shared between processes that fork: create, fork, touch, destroy.

const (
	shmAnon = iota
	shmPopulate
	shmSysV
	shmFile

	abundant = iota - 4 // parent and child touch every page
	sparse              // three pages each
	random              // a quarter of the pages each
	multi               // five children, a quarter each; the parent touches none

	shmSize  = 16 << 20
	shmPages = shmSize / 4096
)

var shmFD uintptr

func shmCreate(how int) uintptr {
	switch how {
	case shmAnon:
		return mmap(shmSize, protRW, mapShared|mapAnon, noFD)
	case shmPopulate:
		return mmap(shmSize, protRW, mapShared|mapAnon|mapPopulate, noFD)
	case shmSysV:
		id := need(sys(sysShmget, 0, shmSize, 0o1600), "shmget\x00")
		m := need(sys(sysShmat, id, 0, 0), "shmat\x00")
		need(sys(sysShmctl, id, 0, 0), "shmctl\x00")
		return m
	}
	const name = "/tmp/bench-shm\x00"
	shmFD = open(name, oCreat|oRdwr)
	need(sys(sysUnlink, cstring(name), 0, 0), "unlink\x00")
	need(sys(sysFtruncate, shmFD, shmSize, 0), "ftruncate\x00")
	return mmap(shmSize, protRW, mapShared, shmFD)
}

func shmDestroy(how int, m uintptr) {
	switch how {
	case shmSysV:
		need(sys(sysShmdt, m, 0, 0), "shmdt\x00")
	case shmFile:
		sys(sysMunmap, m, shmSize, 0)
		sys(sysClose, shmFD, 0, 0)
	default:
		sys(sysMunmap, m, shmSize, 0)
	}
}

func xorshift(s *uint32) uint32 {
	*s ^= *s << 13
	*s ^= *s >> 17
	*s ^= *s << 5
	return *s
}

//go:noinline
func touch(m uintptr, pattern, who int) {
	at := func(i uint32) *uint8 { return (*uint8)(ptr(m + uintptr(i)*4096 + uintptr(who))) }
	switch pattern {
	case abundant:
		for i := range uint32(shmPages) {
			*at(i) = 1
		}
	case sparse:
		*at(0), *at(shmPages / 2), *at(shmPages - 1) = 1, 1, 1
	default:
		seed := uint32(12345 + who*7919)
		for range shmPages / 4 {
			*at(xorshift(&seed) % shmPages) = 1
		}
	}
}

// shm measures the four phases. The program's own part of touch is what the
// same touches take where all pages are there, those of one process at a time.
func shm() {
	how, pattern := current.arg/8, current.arg%8
	children := 1
	if pattern == multi {
		children = 5
	}
	var create, split, use, destroy, total [maxReps]uint64
	before := look()
	for k := range reps {
		t0 := now()
		m := shmCreate(how)
		t1 := now()
		for c := 1; c <= children; c++ {
			if fork() == 0 {
				touch(m, pattern, c)
				exit(0)
			}
		}
		t2 := now()
		if pattern != multi {
			touch(m, pattern, 0)
		}
		for range children {
			if wait(noFD) != 0 {
				die(0, "child\x00")
			}
		}
		t3 := now()
		if pattern == abundant && (*(*uint8)(ptr(m + 1)) != 1 || *(*uint8)(ptr(m + shmSize - 4096 + 1)) != 1) {
			die(0, "the memory is not shared\x00")
		}
		t4 := now()
		shmDestroy(how, m)
		t5 := now()
		create[k], split[k], use[k], destroy[k] = t1-t0, t2-t1, t3-t2, t5-t4
		total[k] = t3 - t0 + t5 - t4
	}
	after := look()
	own := -1
	if !wall {
		m := shmCreate(shmPopulate)
		touch(m, pattern, 0)
		again := now()
		touch(m, pattern, 0)
		own = int(now()-again) * children
		if pattern != multi {
			own *= 2
		}
	}
	row(".create", 1, 0, create[:reps], nil, nil)
	row(".fork", 1, 0, split[:reps], nil, nil)
	row(".touch", 1, own, use[:reps], nil, nil)
	row(".destroy", 1, 0, destroy[:reps], nil, nil)
	row(".total", 1, own, total[:reps], &before, &after)
}
