//go:build !go42debug

package spin

const debug = false

// Debug says that this is a debug build.
const Debug = debug

func push(*Lock)       {}
func pushSecond(*Lock) {}
func pushTry(*Lock)    {}
func pop(*Lock)        {}

// HoldsNone asserts, in a debug build, that the CPU holds no lock.
func HoldsNone() {}
