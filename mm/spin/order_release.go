//go:build !go42debug

package spin

const debug = false

func push(*Lock)       {}
func pushSecond(*Lock) {}
func pushTry(*Lock)    {}
func pop(*Lock)        {}

// HoldsNone asserts, in a debug build, that the CPU holds no lock.
func HoldsNone() {}
