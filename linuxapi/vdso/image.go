// Package vdso makes the image of the virtual shared object: a small ELF whose
// functions answer clock_gettime, gettimeofday, time and getcpu from the
// kernel's information page, without a system call. Its bytes are laid out by
// package vdso/gen on the host and checked in as an array; it is position
// independent and mapped read-only and executable in the program half.
//
// A clock that the page does not hold goes to a real system call, whose
// instruction lies in the image, hence outside the libOS's text, and is
// reflected like any other.
package vdso
