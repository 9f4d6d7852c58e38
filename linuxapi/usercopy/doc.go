// Package usercopy is the only way in which the libOS touches memory that the
// program named. Each routine is assembly that is listed in a fixup table: a
// trap inside it becomes EFAULT.
//
// Addresses are checked against the program half first, so that a program
// cannot make its libOS overwrite itself by mistake (it is no protection:
// both have the same rights).
//
// Any of them may be called with upcalls enabled or disabled. A page that has
// to come from a server makes the thread (enabled) or the dispatcher (disabled)
// wait: leaf calls touch at most a few bytes.
package usercopy
