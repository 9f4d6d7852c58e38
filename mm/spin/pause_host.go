//go:build !go42kernel

package spin

import "runtime"

func pause() { runtime.Gosched() }
