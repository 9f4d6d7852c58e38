package amd64

import "math/bits"

// Clocks: the TSC is the time base, the local APIC's one-shot timer (or the TSC
// deadline where CPUID offers it) the alarm. Both are measured against the PIT's
// channel 2 unless CPUID tells.

var (
	// TSCHz is the TSC's frequency.
	TSCHz uint64

	apicHz uint64
	// apicPerTSC is APIC ticks per TSC tick, 32.32 fixed point.
	apicPerTSC uint64
	tscMode    bool
)

const (
	pitHz = 1193182

	pitCh2  = 0x42
	pitCmd  = 0x43
	pitGate = 0x61

	// PIT ticks to measure over: about 5 ms.
	pitSpan = 5966
)

// Now returns the TSC.
func Now() uint64 { return TSC() }

// calibrate sets TSCHz, for all CPUs, and sets up the boot CPU's timer.
func calibrate() {
	tsc, apic := agreed()
	TSCHz, apicHz = snap(tsc), snap(apic)
	if hz := cpuidTSC(); hz != 0 {
		// What CPUID says is exact; the ratio to the APIC's clock stays.
		TSCHz = hz
	}
	apicPerTSC, _ = bits.Div64(apicHz>>32, apicHz<<32, TSCHz)
	tscMode = Features.TSCDeadline
	initTimer()
}

// agreed measures until two measurements agree within 1/256: one that an
// emulator was held up in for long (the PIT comes round every 55 ms) is wrong
// by much.
func agreed() (tscHz, apicHz uint64) {
	tscHz, apicHz = measure()
	for range 20 {
		t, a := measure()
		if near(t, tscHz) && near(a, apicHz) {
			break
		}
		tscHz, apicHz = t, a
	}
	return tscHz, apicHz
}

func near(a, b uint64) bool { return a-b+b>>8 <= 2*(b>>8) }

// initTimer sets the timer's mode on the CPU that executes it.
func initTimer() {
	if tscMode {
		apicWrite(apicLVTTimer, lvtTSCDeadline|vecTimer)
	} else {
		apicWrite(apicLVTTimer, vecTimer)
	}
	TimerStop()
}

// cpuidTSC returns the TSC frequency in Hz if CPUID tells it, else 0.
func cpuidTSC() uint64 {
	if Features.Hypervisor[0] != 0 {
		if max, _, _, _ := CPUID(0x40000000, 0); max >= 0x40000010 && max < 0x40010000 {
			if khz, _, _, _ := CPUID(0x40000010, 0); khz != 0 {
				return uint64(khz) * 1000
			}
		}
	}
	if max, _, _, _ := CPUID(0, 0); max >= 0x15 {
		if den, num, hz, _ := CPUID(0x15, 0); den != 0 && num != 0 && hz != 0 {
			return uint64(hz) * uint64(num) / uint64(den)
		}
	}
	return 0
}

// snap corrects a measured frequency that is within 1/1000 of 1 GHz: QEMU's APIC
// clock, and its TSC when it counts instructions, are just that.
func snap(hz uint64) uint64 {
	const g = 1_000_000_000
	if hz > g-g/1000 && hz < g+g/1000 {
		return g
	}
	return hz
}

// pitRead latches channel 2's counter and returns it with the TSC midway and
// the TSC ticks that reading took.
func pitRead() (count uint32, tsc, took uint64) {
	t0 := TSC()
	Out8(pitCmd, 0x80)
	t1 := TSC()
	lo := In8(pitCh2)
	hi := In8(pitCh2)
	return uint32(hi)<<8 | uint32(lo), t0 + (t1-t0)/2, t1 - t0
}

// pitSample returns the best of a few readings: an emulator may be held up in
// any one of them.
func pitSample() (count uint32, tsc uint64, apic uint32) {
	best := ^uint64(0)
	for range 8 {
		n, t, took := pitRead()
		if took < best {
			best, count, tsc = took, n, t
			apic = apicRead(apicCount)
		}
	}
	return
}

// measure returns the frequencies of TSC and APIC timer in Hz.
func measure() (tscHz, apicHz uint64) {
	for range 20 {
		if tscHz, apicHz, ok := span(); ok {
			return tscHz, apicHz
		}
	}
	panic("amd64: the PIT does not count")
}

// span is one measurement; false: the PIT has not counted down, as when an emulator
// was held up until it had come round.
func span() (tscHz, apicHz uint64, ok bool) {
	gate := In8(pitGate)
	Out8(pitGate, gate&^2|1) // gate open, speaker off
	Out8(pitCmd, 0xb0)       // channel 2, both bytes, mode 0
	Out8(pitCh2, 0xff)
	Out8(pitCh2, 0xff)
	apicWrite(apicLVTTimer, lvtMasked)
	apicWrite(apicInit, ^uint32(0))

	c0, t0, a0 := pitSample()
	for {
		if c, _, _ := pitRead(); c0-c >= pitSpan || c > c0 {
			break
		}
	}
	c1, t1, a1 := pitSample()
	apicWrite(apicInit, 0)
	Out8(pitGate, gate)
	ticks := uint64(c0 - c1)
	if c1 >= c0 || t1 <= t0 {
		return 0, 0, false
	}
	return scale(t1-t0, pitHz, ticks), scale(uint64(a0-a1), pitHz, ticks), true
}

// scale returns v*mul/div; the quotient must fit.
func scale(v, mul, div uint64) uint64 {
	hi, lo := bits.Mul64(v, mul)
	q, _ := bits.Div64(hi, lo, div)
	return q
}

// TimerArm makes IRQTimer come on this CPU when the TSC reaches deadline, at
// once if it has passed. It may come early when the deadline is further away
// than the timer's range (4 s or more): arm it again. One deadline at a time.
func TimerArm(deadline uint64) {
	p := This()
	if p.armed == deadline && deadline != 0 {
		return // the device is slow to reach
	}
	p.armed = deadline
	if tscMode {
		if deadline == 0 {
			deadline = 1 // 0 would disarm
		}
		WriteMSR(msrTSCDeadline, deadline)
		return
	}
	apicWrite(apicInit, timerTicks(deadline, TSC(), apicPerTSC))
}

// timerTicks converts a deadline to a count for the one-shot timer: rounded up,
// at least 1.
func timerTicks(deadline, now, ratio uint64) uint32 {
	if int64(deadline-now) <= 0 {
		return 1
	}
	hi, lo := bits.Mul64(deadline-now, ratio)
	if hi >= 1<<31 {
		return ^uint32(0)
	}
	n := hi<<32 | lo>>32
	if n >= 1<<32-1 {
		return ^uint32(0)
	}
	return uint32(n + 1)
}

// TimerStop disarms the timer of this CPU. An interrupt of it that is pending comes
// all the same.
func TimerStop() {
	This().armed = 0
	if tscMode {
		WriteMSR(msrTSCDeadline, 0)
	} else {
		apicWrite(apicInit, 0)
	}
}

// MultShift returns the factors that convert TSC ticks to nanoseconds: ns =
// ticks*mult >> shift, with a 128-bit product.
func MultShift(hz uint64) (mult, shift uint64) {
	shift = 32
	mult, _ = bits.Div64(1_000_000_000>>32, 1_000_000_000<<32, hz)
	return mult, shift
}

// RTC returns the CMOS clock's time in seconds since 1970 (it is taken to be
// UTC); 0 if there is no clock. Start-up only: its index port is every CPU's.
func RTC() uint64 {
	var a, b [6]uint8
	for range 100 {
		rtcRead(&a)
		rtcRead(&b)
		if a == b {
			break
		}
	}
	return rtcSeconds(&a, cmos(0x0b))
}

func cmos(r uint8) uint8 {
	Out8(0x70, r|0x80) // NMI stays off while the index is set
	v := In8(0x71)
	Out8(0x70, 0x0d)
	return v
}

// rtcRead reads second, minute, hour, day, month, year outside an update.
func rtcRead(t *[6]uint8) {
	for range 10000 {
		if cmos(0x0a)&0x80 == 0 {
			break
		}
	}
	for i, r := range [...]uint8{0, 2, 4, 7, 8, 9} {
		t[i] = cmos(r)
	}
}

// rtcSeconds decodes t under status register B: bit 2 binary, bit 1 24 hours.
func rtcSeconds(t *[6]uint8, status uint8) uint64 {
	v := *t
	pm := status&2 == 0 && v[2]&0x80 != 0
	v[2] &= 0x7f
	if status&4 == 0 {
		for i := range v {
			v[i] = v[i]>>4*10 + v[i]&15
		}
	}
	if status&2 == 0 {
		v[2] %= 12
		if pm {
			v[2] += 12
		}
	}
	if v[4] < 1 || v[4] > 12 || v[3] < 1 || v[3] > 31 {
		return 0
	}
	// Days from the civil calendar, with the year starting in March.
	y, m := 2000+int(v[5]), int(v[4])
	if m <= 2 {
		y--
		m += 12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + int(v[3]) - 1 - 719468
	return uint64(days)*86400 + uint64(v[2])*3600 + uint64(v[1])*60 + uint64(v[0])
}
