package ipc

import "sync"

// Objects gives ids to a server's objects. An id is never used again. Safe
// for concurrent use.
type Objects[T any] struct {
	mu   sync.RWMutex
	m    map[uint64]T
	next uint64
}

// Add enters v and returns its id (from 1; 0 is the server's root object).
func (o *Objects[T]) Add(v T) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.m == nil {
		o.m = map[uint64]T{}
	}
	o.next++
	o.m[o.next] = v
	return o.next
}

// Get finds the object with an id.
func (o *Objects[T]) Get(id uint64) (T, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	v, ok := o.m[id]
	return v, ok
}

// Remove takes the object out and returns it.
func (o *Objects[T]) Remove(id uint64) (T, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.m[id]
	delete(o.m, id)
	return v, ok
}

// Any reports whether f is true of any object. f must not use o.
func (o *Objects[T]) Any(f func(v T) bool) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, v := range o.m {
		if f(v) {
			return true
		}
	}
	return false
}

// Len is the number of objects.
func (o *Objects[T]) Len() int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return len(o.m)
}
