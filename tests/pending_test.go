package tests

// pending names the tests of what is not complete yet, each with what is
// missing. They fail when run (make test-all, or -run with the name) and are
// left out of make test; an entry goes as soon as its test passes.
var pending = map[string]string{
	"TestStdlibOS": "os.TestRootMultiStat can hang, os.TestKillStartProcess has died once",
	// Both pass nearly always. About one guest in forty stops before its first
	// line, with the CPU busy and the kernel's log empty; the cause is not found.
	"TestHogs":     "about one guest in forty hangs at its start",
	"TestForkBomb": "has hung once in about thirty runs",
}
