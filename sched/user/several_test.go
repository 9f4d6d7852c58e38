package user

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// several machines, each test on all.
func dispatchers(t *testing.T, f func(t *testing.T, m *machine)) {
	for _, n := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { f(t, boot(t, n)) })
	}
}

func TestMutexStorm(t *testing.T) {
	dispatchers(t, func(t *testing.T, m *machine) {
		var mu [3]Mutex
		var count [3]int
		const threads, rounds = 24, 400
		for i := range threads {
			m.thread(func(*Thread) {
				for k := range rounds {
					j := (i + k) % len(mu)
					mu[j].Lock()
					if !mu[j].Held() {
						t.Error("not held")
					}
					count[j]++
					if k%32 == 0 {
						Yield()
					}
					mu[j].Unlock()
				}
			})
		}
		m.wait(t)
		if n := count[0] + count[1] + count[2]; n != threads*rounds {
			t.Errorf("%d of %d", n, threads*rounds)
		}
	})
}

func TestPingPong(t *testing.T) {
	dispatchers(t, func(t *testing.T, m *machine) {
		for range 8 {
			var q [2]Queue
			turn := 0
			var mine [2]int
			for me := range 2 {
				m.thread(func(*Thread) {
					for range 300 {
						for {
							was := q[0].Lock()
							if turn == me {
								q[0].Unlock(was)
								break
							}
							q[0].WaitLocked(0, false)
							Restore(was)
						}
						mine[me]++
						was := q[0].Lock()
						turn = 1 - me
						q[0].WakeLocked(1)
						q[0].Unlock(was)
					}
				})
			}
			defer func() {
				if mine != [2]int{300, 300} {
					t.Error(mine)
				}
			}()
		}
		m.wait(t)
	})
}

// Timeouts, signals and wakes come at the same time; each wait ends once, and no
// wake ends a later one.
func TestWaitsEndOnce(t *testing.T) {
	dispatchers(t, func(t *testing.T, m *machine) {
		var q Queue
		var ends [3]atomic.Int64
		var running atomic.Int64
		var ts []*Thread
		const waiters, rounds = 8, 200
		running.Store(waiters)
		var begin Queue
		begun := false
		for i := range waiters {
			ts = append(ts, m.thread(func(th *Thread) {
				for {
					was := begin.Lock()
					if begun {
						begin.Unlock(was)
						break
					}
					begin.WaitLocked(0, false)
					Restore(was)
				}
				for k := range rounds {
					ends[q.Wait(Now()+uint64((i*37+k*11)%90)*1000, true)].Add(1)
					th.ClearWork(WorkSignal)
					if q.Contains(th) {
						t.Error("still queued")
					}
					// An uninterruptible wait right after it: a late wake would end
					// it early.
					at := Now() + 3000
					if r := Sleep(at, false); r != TimedOut || Now() < at {
						t.Error("a late wake:", r)
					}
				}
				running.Add(-1)
			}))
		}
		m.thread(func(*Thread) {
			was := begin.Lock()
			begun = true
			begin.WakeLocked(1 << 20)
			begin.Unlock(was)
			for k := 0; running.Load() > 0; k++ {
				q.Wake(1 + k%2)
				w := ts[k%len(ts)]
				was := Disable()
				if w.State() != Dead {
					w.AddWork(WorkSignal)
					w.Interrupt()
				}
				Restore(was)
				if k%8 == 0 {
					Sleep(Now()+10_000, false)
				}
				Yield()
			}
		})
		m.wait(t)
		if n := ends[0].Load() + ends[1].Load() + ends[2].Load(); n != waiters*rounds {
			t.Errorf("%d waits ended", n)
		}
	})
}

func TestSeqs(t *testing.T) {
	dispatchers(t, func(t *testing.T, m *machine) {
		var seqs [3]Seq
		var state [3]atomic.Int64
		const rounds = 300
		for i := range seqs {
			m.thread(func(*Thread) {
				for range rounds {
					state[i].Add(1)
					seqs[i].Bump()
					if i == 0 {
						Yield()
					}
				}
			})
		}
		for range 6 {
			m.thread(func(th *Thread) {
				for {
					th.BeginWatch()
					for i := range seqs {
						th.Watch(&seqs[i])
					}
					if state[0].Load()+state[1].Load()+state[2].Load() == 3*rounds {
						break
					}
					th.WaitWatched(0, false)
				}
			})
		}
		m.wait(t)
	})
}

// A thread is on the CPU that it asked for, and bound threads do not move.
func TestAffinity(t *testing.T) {
	dispatchers(t, func(t *testing.T, m *machine) {
		n := len(m.cpus)
		for i := range 8 {
			m.thread(func(th *Thread) {
				for k := range 200 {
					cpu := (i + k) % n
					th.SetCPUs(1 << cpu)
					for range 3 {
						was := Disable()
						if c := int(current().index); c != cpu {
							t.Errorf("on %d instead of %d", c, cpu)
						}
						Restore(was)
						Yield()
					}
					th.SetCPUs(0)
					if k%10 == 0 {
						Sleep(Now()+5000, false)
					}
				}
				ToFirst()
				if c := m.here().page.Index; c != 0 {
					t.Errorf("on %d instead of the first", c)
				}
			})
		}
		m.wait(t)
	})
}

// While the barrier is up nobody else is in a section under a spin lock.
func TestBarrier(t *testing.T) {
	dispatchers(t, func(t *testing.T, m *machine) {
		var lock SpinLock
		var inside atomic.Int64
		var end atomic.Bool
		var mu Mutex
		for range 8 {
			m.thread(func(*Thread) {
				for k := 0; !end.Load(); k++ {
					was := lock.Lock()
					inside.Add(1)
					for range 5 {
						runtime.Gosched() // the others' chance to find it inside
					}
					inside.Add(-1)
					lock.Unlock(was)
					if k%16 == 0 {
						Sleep(Now()+1000, false)
					}
				}
			})
		}
		var left atomic.Int64
		left.Store(2)
		for range 2 {
			m.thread(func(th *Thread) {
				for range 40 {
					mu.Lock()
					was := Disable()
					Alone(th, func(th *Thread) {
						for range 20 {
							if inside.Load() != 0 || lock.v != 0 {
								t.Error("somebody is inside")
							}
							relax()
						}
						th.Ready()
					})
					Restore(was)
					mu.Unlock()
					Sleep(Now()+20_000, false)
				}
				if left.Add(-1) == 0 {
					end.Store(true)
				}
			})
		}
		m.wait(t)
	})
}

// While the process is frozen only one thread runs, whatever the others hold, wait
// for or are woken from; afterwards all go on.
func TestFreeze(t *testing.T) {
	dispatchers(t, func(t *testing.T, m *machine) {
		var needed, other, turn Mutex
		var seq Seq
		var moves atomic.Int64
		var end atomic.Bool
		for i := range 8 {
			m.thread(func(th *Thread) {
				for k := i; !end.Load(); k++ {
					moves.Add(1)
					switch k % 4 {
					case 0:
						needed.Lock()
						Yield()
						needed.Unlock()
					case 1:
						other.Lock()
						Sleep(Now()+5000, false)
						other.Unlock()
					case 2:
						th.BeginWatch()
						th.Watch(&seq)
						th.WaitWatched(Now()+20_000, false)
					case 3:
						seq.Bump()
						Yield()
					}
				}
			})
		}
		var left atomic.Int64
		left.Store(2)
		for range 2 {
			m.thread(func(*Thread) {
				for range 40 {
					turn.Lock()
					needed.Lock()
					Freeze()
					needed.Unlock()
					n := moves.Load()
					for range 5 {
						needed.Lock() // a frozen thread was perhaps waiting for it
						seq.Bump()
						needed.Unlock()
						Sleep(Now()+3000, false)
						Yield()
					}
					ToFirst()
					Current().bind(nil)
					if k := moves.Load(); k != n {
						t.Error("others have moved:", k-n)
					}
					Thaw()
					turn.Unlock()
					Sleep(Now()+20_000, false)
				}
				if left.Add(-1) == 0 {
					end.Store(true)
				}
			})
		}
		m.wait(t)
	})
}
