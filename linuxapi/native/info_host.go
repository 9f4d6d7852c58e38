//go:build !go42libos

package native

import "go42/ipc/abi"

// HostInfo stands in for the information page in tests.
var HostInfo = abi.InfoPage{Magic: abi.InfoMagic, Mult: 1, NCPU: 1, MemTotal: 1 << 40, XSaveSize: 832, XCR0: 7}

func infoPage() *abi.InfoPage { return &HostInfo }
