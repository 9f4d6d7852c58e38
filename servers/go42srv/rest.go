package main

import "errors"

var errAbsent = errors.New("not in this binary")

func runTTY() error    { return errAbsent }
func runProcFS() error { return errAbsent }
