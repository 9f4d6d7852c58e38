// Package file is the file server: file systems in memory. The root is filled
// from the initramfs, whose data stays where it is until somebody writes to
// it or maps it; /dev and /tmp are two more instances.
//
// Objects: Server; ram (one file system), dir, regular, symlink, special (its
// nodes), content (a file's bytes: in the initramfs, in the heap, or in an
// FCM), Memory (where FCMs come from).
//
// Lock order: vfs.FS.Lock, then inode.mu. Directories' entries and the places
// of a node are guarded by FS.Lock; everything else of a node by its mu.
package file
