// Package procfs is the server of /proc, and of /sys as far as there is one. It answers from the process server,
// the mount-point server, the kernel, and what each process publishes about
// itself (abi.ProcInfo); it keeps nothing of its own.
//
// Objects: Server, Machine (the kernel's figures), target (a process as a
// file's text sees it), and the nodes of the file system: dirNode, fileNode,
// linkNode, each a value of a table entry and a process. Texts are made when
// a file is read from its start.
//
// What a process publishes, and its memory, are its own words: lengths and
// indices are clamped, and nothing is decided by them but what is shown of
// that very process. Who may see what is Linux's rule: memory maps, the
// environment, descriptors, and the links to files are for the same user and
// root; the rest is for everybody.
//
// Locks: Server.mu guards the table of written values; it is a leaf.
package procfs
