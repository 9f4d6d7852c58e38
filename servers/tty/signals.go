package tty

import "syscall"

const (
	sigHUP   = int(syscall.SIGHUP)
	sigINT   = int(syscall.SIGINT)
	sigQUIT  = int(syscall.SIGQUIT)
	sigCONT  = int(syscall.SIGCONT)
	sigTSTP  = int(syscall.SIGTSTP)
	sigTTIN  = int(syscall.SIGTTIN)
	sigTTOU  = int(syscall.SIGTTOU)
	sigWINCH = int(syscall.SIGWINCH)
)
