//go:build go42kernel

package spin

// pause is the PAUSE instruction: this CPU waits for another.
func pause()
