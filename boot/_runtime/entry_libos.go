//go:build go42libos

package runtime

// earlyWrite drops what is printed before the libOS sets its hook.
func earlyWrite(b []byte) {}

// afterInits calls main.main, which returns: the libOS's way to set up what
// does not fit an initialiser.
func afterInits() { main_main() }
