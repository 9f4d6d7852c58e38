//go:build go42kernel

package main

import (
	"math/bits"

	"go42/arch/amd64"
	"go42/ipc/abi"
	"go42/mm"
	"go42/sched"
)

// generator is a random generator: ChaCha20 (RFC 8439, section 2.3) run in
// counter mode, whose key is replaced by its own output after each use, so that
// what was handed out cannot be computed from the state later.
type generator struct {
	key     [8]uint32
	counter uint64
	block   [16]uint32
}

// generators is one for each CPU, which alone uses it.
var generators [amd64.MaxCPU]generator

// seedRandom makes the boot CPU's generator, whose output keys the others.
func seedRandom() {
	generators[0].seed()
	for i := 1; i < len(generators); i++ {
		g := &generators[i]
		for j := range g.key {
			g.key[j] = uint32(random64())
		}
	}
}

// seed mixes RDRAND, where there is one, and the clocks into the key.
func (g *generator) seed() {
	for i := range 4 {
		v, ok := amd64.RDRAND()
		if !ok {
			v = 0
		}
		v ^= bits.RotateLeft64(amd64.TSC(), 17*i)
		g.key[2*i] ^= uint32(v)
		g.key[2*i+1] ^= uint32(v >> 32)
	}
	g.rekey()
}

func (g *generator) next() {
	chacha(&g.block, &g.key, g.counter)
	g.counter++
}

func (g *generator) rekey() {
	g.next()
	copy(g.key[:], g.block[:8])
}

// chacha computes one 64-byte block. Its words are variables, not an array: the
// compiler keeps most of them in registers.
func chacha(out *[16]uint32, key *[8]uint32, counter uint64) {
	const c0, c1, c2, c3 = 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574
	n0, n1 := uint32(counter), uint32(counter>>32)
	x0, x1, x2, x3 := uint32(c0), uint32(c1), uint32(c2), uint32(c3)
	x4, x5, x6, x7 := key[0], key[1], key[2], key[3]
	x8, x9, x10, x11 := key[4], key[5], key[6], key[7]
	x12, x13, x14, x15 := n0, n1, uint32(0), uint32(0)
	for range 10 {
		x0, x4, x8, x12 = quarter(x0, x4, x8, x12)
		x1, x5, x9, x13 = quarter(x1, x5, x9, x13)
		x2, x6, x10, x14 = quarter(x2, x6, x10, x14)
		x3, x7, x11, x15 = quarter(x3, x7, x11, x15)
		x0, x5, x10, x15 = quarter(x0, x5, x10, x15)
		x1, x6, x11, x12 = quarter(x1, x6, x11, x12)
		x2, x7, x8, x13 = quarter(x2, x7, x8, x13)
		x3, x4, x9, x14 = quarter(x3, x4, x9, x14)
	}
	*out = [16]uint32{x0 + c0, x1 + c1, x2 + c2, x3 + c3,
		x4 + key[0], x5 + key[1], x6 + key[2], x7 + key[3],
		x8 + key[4], x9 + key[5], x10 + key[6], x11 + key[7],
		x12 + n0, x13 + n1, x14, x15}
}

func quarter(a, b, c, d uint32) (uint32, uint32, uint32, uint32) {
	a += b
	d = bits.RotateLeft32(d^a, 16)
	c += d
	b = bits.RotateLeft32(b^c, 12)
	a += b
	d = bits.RotateLeft32(d^a, 8)
	c += d
	b = bits.RotateLeft32(b^c, 7)
	return a, b, c, d
}

// fillRandom fills b.
func fillRandom(b []byte) {
	g := &generators[amd64.This().ID]
	for len(b) > 0 {
		g.next()
		for _, w := range &g.block {
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
	g.rekey()
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
