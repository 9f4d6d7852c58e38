//go:build !go42libos

package client

var (
	never bool
	sink  []byte
)

// escape makes the compiler put b's array on the heap.
func escape(b []byte) {
	if never {
		sink = b
	}
}
