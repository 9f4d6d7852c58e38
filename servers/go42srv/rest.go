package main

import (
	initproc "go42/servers/init"
)

func runInit() error { return initproc.Run() }
