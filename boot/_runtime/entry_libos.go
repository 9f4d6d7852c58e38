//go:build go42libos

package runtime

import _ "unsafe" // for go:linkname

// earlyWrite drops what is printed before the libOS sets its hook.
func earlyWrite(b []byte) {}

// keepMain makes main.main, and with it what it alone refers to, reachable:
// the ELF entry is assembly.
//
//go:linkname rt_main
func rt_main() { main_main() }
