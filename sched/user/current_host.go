//go:build !go42libos

package user

// hostCurrent answers current in tests of several dispatchers.
var hostCurrent func() *Dispatcher

func current() *Dispatcher {
	if hostCurrent != nil {
		return hostCurrent()
	}
	return &disps[0]
}
