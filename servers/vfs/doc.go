// Package vfs is the layer that all file systems share: walking paths with
// the caller's credentials, permission checks, redirects, open objects with
// their offsets, directory reading, file locks. A file system gives Nodes;
// package vfs makes of them what proto.FileSystem and proto.File ask for.
//
// Objects: Server (the objects that handles name), FS (one file system),
// Object (a directory handle or an open file), Node and its optional
// interfaces (what a file system implements).
//
// Lock order: FS.Lock (names: held shared by walks, exclusively by changes),
// then a file system's own node locks. An Object's mu (offset and flags) is
// taken before node locks and never together with FS.Lock. The lock table's mu
// is a leaf.
package vfs
