// Package abi is the contract between the kernel, the libOS and the servers:
// the address-space layout, the dispatcher page, the upcall entries, the
// native calls and the layout of messages. Kernel and libOS both compile it;
// so do the servers. It holds constants and plain structs only.
//
// docs/abi.md says in prose what each piece means. DESIGN terms are used
// throughout: dispatcher, upcall, PPC, call record, badge, handle, FCM.
package abi
