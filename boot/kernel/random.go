//go:build go42kernel

package main

import (
	"math/bits"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/mm"
	"go42/sched"
)

// generator is the kernel's random generator: ChaCha20 (RFC 8439, section
// 2.3) run in counter mode, whose key is replaced by its own output after each
// use, so that what was handed out cannot be computed from the state later.
var generator struct {
	key     [8]uint32
	counter uint64
	block   [16]uint32
}

// seedRandom mixes RDRAND, where there is one, and the clocks into the key.
func seedRandom() {
	for i := range 4 {
		v, ok := amd64.RDRAND()
		if !ok {
			v = 0
		}
		v ^= bits.RotateLeft64(amd64.TSC(), 17*i)
		generator.key[2*i] ^= uint32(v)
		generator.key[2*i+1] ^= uint32(v >> 32)
	}
	rekey()
}

func rekey() {
	chacha(&generator.block, &generator.key, generator.counter)
	generator.counter++
	copy(generator.key[:], generator.block[:8])
}

// chacha computes one 64-byte block.
func chacha(out *[16]uint32, key *[8]uint32, counter uint64) {
	s := [16]uint32{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574,
		key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7],
		uint32(counter), uint32(counter >> 32), 0, 0}
	x := s
	for range 10 {
		quarter(&x, 0, 4, 8, 12)
		quarter(&x, 1, 5, 9, 13)
		quarter(&x, 2, 6, 10, 14)
		quarter(&x, 3, 7, 11, 15)
		quarter(&x, 0, 5, 10, 15)
		quarter(&x, 1, 6, 11, 12)
		quarter(&x, 2, 7, 8, 13)
		quarter(&x, 3, 4, 9, 14)
	}
	for i := range out {
		out[i] = x[i] + s[i]
	}
}

func quarter(x *[16]uint32, a, b, c, d int) {
	x[a] += x[b]
	x[d] = bits.RotateLeft32(x[d]^x[a], 16)
	x[c] += x[d]
	x[b] = bits.RotateLeft32(x[b]^x[c], 12)
	x[a] += x[b]
	x[d] = bits.RotateLeft32(x[d]^x[a], 8)
	x[c] += x[d]
	x[b] = bits.RotateLeft32(x[b]^x[c], 7)
}

// fillRandom fills b.
func fillRandom(b []byte) {
	for len(b) > 0 {
		chacha(&generator.block, &generator.key, generator.counter)
		generator.counter++
		for _, w := range generator.block[8:] {
			for range 4 {
				if len(b) == 0 {
					break
				}
				b[0] = byte(w)
				w >>= 8
				b = b[1:]
			}
		}
	}
	rekey()
}

func random64() uint64 {
	var b [8]byte
	fillRandom(b[:])
	v := uint64(0)
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v
}

// nativeRandom is NRandom, at most 256 bytes a call.
func nativeRandom(p *sched.Process, va, n uint64) int64 {
	var b [256]byte
	if n > uint64(len(b)) {
		n = uint64(len(b))
	}
	fillRandom(b[:n])
	if mm.CopyOut(p.Space, va, b[:n]) != int(n) {
		return -abi.EFAULT
	}
	return int64(n)
}
