// Package mm is the kernel's memory: physical frames, typed pools, accounts,
// memory objects (FCMs) with K42's fork chains, regions, page tables (HAT)
// and address spaces made of two halves (DESIGN.md sections 9, 10, 14).
//
// # Objects
//
//   - frame: 4 KiB of RAM, described by one entry of the frame table. A frame
//     belongs to exactly one holder: the free lists, a pool, a page table, one
//     page index of one FCM, or the kernel proper. Page-table entries hold no
//     reference: they are a cache of what the FCMs say.
//   - Account: what is charged for frames, address space and pool entries; a
//     tree.
//   - Pool[T]: type-stable, generation-checked storage. Everything in this
//     package that comes and goes lives in one.
//   - FCM: a memory object: a shared anonymous piece, a file's pages, fixed
//     physical memory, or a private node of a fork chain. One with a pager has
//     its pages from a server (pager*.go, dirty.go, reclaim.go).
//   - Region: a range of a half, mapping (part of) an FCM. A private region
//     has two: the object below (a file, or nothing: zeroes), and a private
//     leaf with the pages that were written.
//   - Half: an ordered set of regions and the page-table subtree beneath some
//     top-level slots. A program half may be shared by several address spaces.
//   - AddressSpace: a root table and its two halves.
//
// # Invariants (Check verifies them)
//
//   - A present entry of a page table maps the frame that the region's FCMs
//     name for that page, or the shared zero frame if they name none.
//   - It is writable only if the region is, and, in a private region, only if
//     the frame is in the region's own leaf.
//   - A page of a pager's that is mapped writable is dirty; one that rests is
//     not mapped. What is asked for is not there, and the pager knows or is told.
//   - Hidden nodes of a fork chain are never mapped themselves and have at
//     least one child; those with exactly one are on the work list.
//   - Frame counts by kind, by account and by FCM agree with the frame table.
//
// # Several CPUs
//
// Every exported function may be called on any CPU at any time, by callers who
// hold no lock of this package, unless it says otherwise. Locks are package
// spin's, in the order Half, FCM, Work, Pool, Frame. Two halves: a fork's parent
// before its child. Two FCMs: leaf before parent before
// grandparent; an object counts as parent of all leaves. Two of Pool or of Frame:
// a CPU's cache before what all CPUs share. A lock is held for one bounded step,
// never over a whole operation, nor while other CPUs are waited for (flush.go).
//
// An address space is used while its process, or a grace period, keeps it: its
// entry is type-stable, but it may be another's after Destroy has ended.
//
// What is set before the second CPU starts and read ever after has no guard: the
// frame table, hooks, the zero frame, the root template, pools' shapes.
//
// # Bounded work
//
// No call does much more than Budget units of work. Operations that may need more
// return EAGAIN (or done == false) having kept their progress in the objects
// themselves: call again with the same arguments. Memory of dead fork-chain
// nodes and objects is given back by Work, which every operation that drops
// something also runs with what is left of its budget.
package mm
