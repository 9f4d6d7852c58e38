package mm

// checkPaging verifies the counts and lists of paged objects.
func checkPaging() string {
	var pages, dirty int64
	for i := 0; i < paged.objects.Len(); i++ {
		g := paged.objects.At(i)
		if g == nil {
			continue
		}
		f := g.fcm
		if f.paging != g || f.kind != FCMFile {
			return "paged object without its FCM"
		}
		var d, resting int64
		for j := uint64(0); ; j++ {
			at, e, ok := f.index.next(j, 1<<indexBits)
			if !ok {
				break
			}
			j = at
			if e&entPage == 0 && e != entError {
				return "entry of a paged object"
			}
			if e&entPage != 0 {
				pages++
			}
			if e&(entDirty|entCleaning) != 0 {
				d++
			}
			if e&entResting != 0 {
				resting++
			}
			if e&entPage != 0 && g.asked(at) != nil {
				return "page that is there is asked for"
			}
		}
		if d != g.dirty || resting != g.resting {
			return "counts of a paged object"
		}
		dirty += d
		for k := range g.req {
			r := &g.req[k]
			if r.n != 0 && !f.shrinking && r.first+uint64(r.n) > (f.size+pageMask)>>PageShift {
				return "request beyond the size"
			}
			if r.n != 0 && !r.taken && !g.links[linkNews].on && !g.pager.gone() {
				return "request that the pager is not told of"
			}
		}
		for w := g.waiters; w != nil; w = w.next {
			if w.object() != f || w.next != nil && w.next.prev != w {
				return "list of waiters"
			}
		}
	}
	if n, d := CachedPages(); n != pages || d != dirty {
		return "count of cached pages"
	}
	return ""
}

// checkMapped verifies that page i may be mapped as page-table entry x has it.
func (g *paging) checkMapped(i, x uint64, write bool) string {
	e := g.fcm.index.get(i)
	if e&entPage == 0 || e&pteAddr != x&pteAddr {
		return "" // a private copy, or found out by the caller
	}
	inPass := i >= g.pass.lo && i < g.pass.hi
	if e&entResting != 0 && !(inPass && g.pass.kind == passRest) {
		return "page that rests is mapped"
	}
	if write && e&(entDirty|entCleaning) == 0 {
		return "clean page is mapped writable"
	}
	return ""
}
