//go:build !go42debug

package mm

const lockDebug = false

func lockPush(*Lock)    {}
func lockPushTry(*Lock) {}
func lockPop(*Lock)     {}
