//go:build !go42kernel || !go42debug

package spin

func (l *Lock) noteOwner() {}
func (l *Lock) own()       {}
func noteWait(Rank)        {}

// PrintSites logs, in a debug build, where locks were waited for.
func PrintSites() {}
