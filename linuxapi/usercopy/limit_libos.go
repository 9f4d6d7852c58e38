//go:build go42libos

package usercopy

import "go42/ipc/abi"

const limit uint64 = abi.ProgramHi
