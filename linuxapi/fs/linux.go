package fs

// Linux's numbers for the x86_64 file interface (asm-generic/fcntl.h,
// sys/stat.h, poll.h, ...).
const (
	oAccMode   = 3
	oRdOnly    = 0
	oWrOnly    = 1
	oRdWr      = 2
	oCreat     = 0o100
	oExcl      = 0o200
	oNoCtty    = 0o400
	oTrunc     = 0o1000
	oAppend    = 0o2000
	oNonBlock  = 0o4000
	oDSync     = 0o10000
	oAsync     = 0o20000
	oDirect    = 0o40000
	oLargeFile = 0o100000
	oDirectory = 0o200000
	oNoFollow  = 0o400000
	oNoAtime   = 0o1000000
	oCloexec   = 0o2000000
	oSync      = 0o4010000
	oPath      = 0o10000000
	oTmpfile   = 0o20200000

	// What F_SETFL can change.
	setflMask = oAppend | oNonBlock | oAsync | oDirect | oNoAtime

	atFdcwd         = -100
	atSymNoFollow   = 0x100
	atEAccess       = 0x200
	atRemoveDir     = 0x200
	atSymFollow     = 0x400
	atNoAutomount   = 0x800
	atEmptyPath     = 0x1000
	atStatxSyncMask = 0x6000

	sIFMT   = 0o170000
	sIFSOCK = 0o140000
	sIFLNK  = 0o120000
	sIFREG  = 0o100000
	sISUID  = 0o4000
	sISGID  = 0o2000
	sIFBLK  = 0o060000
	sIFDIR  = 0o040000
	sIFCHR  = 0o020000
	sIFIFO  = 0o010000

	seekSet  = 0
	seekCur  = 1
	seekEnd  = 2
	seekData = 3
	seekHole = 4

	fDupfd        = 0
	fGetfd        = 1
	fSetfd        = 2
	fGetfl        = 3
	fSetfl        = 4
	fGetlk        = 5
	fSetlk        = 6
	fSetlkw       = 7
	fSetown       = 8
	fGetown       = 9
	fSetsig       = 10
	fGetsig       = 11
	fSetownEx     = 15
	fGetownEx     = 16
	fOfdGetlk     = 36
	fOfdSetlk     = 37
	fOfdSetlkw    = 38
	fSetlease     = 1024
	fGetlease     = 1025
	fNotify       = 1026
	fDupfdCloexec = 1030
	fSetpipeSz    = 1031
	fGetpipeSz    = 1032
	fAddSeals     = 1033
	fGetSeals     = 1034

	fdCloexec = 1

	pollIn     = 0x001
	pollPri    = 0x002
	pollOut    = 0x004
	pollErr    = 0x008
	pollHup    = 0x010
	pollNval   = 0x020
	pollRdNorm = 0x040
	pollRdBand = 0x080
	pollWrNorm = 0x100
	pollWrBand = 0x200
	pollRdHup  = 0x2000

	epollExclusive = 1 << 28
	epollWakeup    = 1 << 29
	epollOneShot   = 1 << 30
	epollET        = 1 << 31

	pathMax = 4096
	nameMax = 255
	iovMax  = 1024
	maxRW   = 0x7ffff000 // MAX_RW_COUNT

	lockSh = 1
	lockEx = 2
	lockNb = 4
	lockUn = 8

	closeRangeUnshare = 2
	closeRangeCloexec = 4
)

// Device numbers as user space encodes them for small majors and minors.
func mkdev(major, minor uint64) uint64 {
	return minor&0xff | major&0xfff<<8 | minor&^0xff<<12 | major&^0xfff<<32
}
