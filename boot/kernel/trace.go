//go:build go42kernel

package main

import (
	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/sched"
)

// tracing logs every native call; asked for by the word go42.trace on the
// kernel's command line.
var tracing bool

// straced says that every process logs its system calls: go42.strace.
var straced bool

var nativeNames = [abi.NumNative]string{
	abi.NYield: "yield", abi.NSetTimer: "settimer", abi.NInvoke: "invoke", abi.NReply: "reply",
	abi.NTakeCall: "takecall", abi.NNextReturn: "nextreturn", abi.NCopyFrom: "copyfrom", abi.NCopyTo: "copyto",
	abi.NNotify: "notify", abi.NDrop: "drop", abi.NNextLast: "nextlast", abi.NHandleInfo: "handleinfo",
	abi.NRevoke: "revoke", abi.NFork: "fork", abi.NStart: "start", abi.NExit: "exit", abi.NKill: "kill",
	abi.NSuspend: "suspend", abi.NResume: "resume", abi.NReset: "reset", abi.NProcessInfo: "processinfo", abi.NSetOOM: "setoom", abi.NRelieve: "relieve",
	abi.NNextExit: "nextexit", abi.NSetCred: "setcred", abi.NExecCred: "execcred", abi.NReadMemory: "readmemory", abi.NSetLimit: "setlimit",
	abi.NMap: "map", abi.NUnmap: "unmap", abi.NProtect: "protect", abi.NAdvise: "advise", abi.NMove: "move",
	abi.NQuery: "query", abi.NFCMCreate: "fcmcreate", abi.NFCMResize: "fcmresize", abi.NFCMInfo: "fcminfo", abi.NFCMNext: "fcmnext",
	abi.NModule: "module", abi.NMincore: "mincore", abi.NLog: "log", abi.NDevRead: "devread",
	abi.NDevWrite: "devwrite", abi.NIRQAttach: "irqattach", abi.NPower: "power", abi.NRandom: "random",
	abi.NSysInfo: "sysinfo", abi.NSetWall: "setwall", abi.NDebug: "debug", abi.NCPUInfo: "cpuinfo",
}

// traceCall logs a call as it comes in.
func traceCall(p *sched.Process, ctx *amd64.UserContext) {
	r := &ctx.Regs
	name := "?"
	if r.RAX < abi.NumNative && nativeNames[r.RAX] != "" {
		name = nativeNames[r.RAX]
	}
	println("trace", hex(p.KPid), name, hex(r.RDI), hex(r.RSI), hex(r.RDX), hex(r.R10), hex(r.R8))
}

// traceResult logs the result of a call that came back.
func traceResult(p *sched.Process, ctx *amd64.UserContext) {
	println("trace", hex(p.KPid), "=", int64(ctx.Regs.RAX), hex(ctx.Regs.RDX))
}

// hasWord reports whether the space-separated word w stands in line.
func hasWord(line []byte, w string) bool {
	for len(line) > 0 {
		n := 0
		for n < len(line) && line[n] != ' ' {
			n++
		}
		if string(line[:n]) == w {
			return true
		}
		if n == len(line) {
			break
		}
		line = line[n+1:]
	}
	return false
}
