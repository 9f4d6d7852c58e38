package mm

// Check verifies the invariants of the whole memory state (see the package
// comment): OK, or EUCLEAN and a word for what is broken. Nothing may run
// meanwhile, no operation may be half done, and frames and entries must be
// those of a quiet moment. It allocates nothing; it takes time in proportion
// to memory.
func Check() (Errno, string) {
	for n := uint64(0); n < frames.limit; n++ {
		frameOf(n).mark = 0
	}
	for _, f := range [...]func() string{checkFree, checkPools, checkFCMs, checkPaging, checkHalves, checkSpaces, checkFrames} {
		if s := f(); s != "" {
			return EUCLEAN, s
		}
	}
	return OK, ""
}

// claimFrame marks a frame as held, by a holder of the given kind.
func claimFrame(pa uint64, kind Kind) bool {
	if pa>>PageShift >= frames.limit || pa&pageMask != 0 {
		return false
	}
	f := frameAt(pa)
	if f.kind != kind || f.mark != 0 {
		return false
	}
	f.mark = 1
	return true
}

func checkFree() string {
	n := uint64(0)
	for o, b := range frames.heads {
		for prev := uint32(0); b != 0; {
			f := frameOf(uint64(b))
			if f.order != uint8(o) || f.prev != prev || uint64(b)&(1<<o-1) != 0 {
				return "free list"
			}
			for i := uint64(0); i < 1<<o; i++ {
				if !claimFrame((uint64(b)+i)<<PageShift, KindFree) {
					return "frame on a free list is not free, or twice there"
				}
			}
			n += 1 << o
			prev, b = b, f.next
		}
	}
	for i := range frames.cpu {
		c, m := &frames.cpu[i], int64(0)
		for b := c.head; b != 0; b = frameOf(uint64(b)).next {
			if !claimFrame(uint64(b)<<PageShift, KindFree) {
				return "cached frame is not free, or twice free"
			}
			m++
		}
		if m != c.n {
			return "count of cached frames"
		}
		for b := c.next; b < c.end; b++ {
			if !claimFrame(uint64(b)<<PageShift, KindFree) {
				return "frame of a cached block is not free, or twice free"
			}
			m++
		}
		zeroes := int64(0)
		for b := c.zero; b != 0; b = frameOf(uint64(b)).next {
			if !claimFrame(uint64(b)<<PageShift, KindFree) {
				return "cleared frame is not free, or twice free"
			}
			for _, x := range tableAt(uint64(b) << PageShift) {
				if x != 0 {
					return "cleared frame is not clear"
				}
			}
			zeroes++
		}
		if zeroes != c.zeroes {
			return "count of cleared frames"
		}
		n += uint64(m + zeroes)
	}
	if int64(n) != FreeFrameCount() {
		return "count of free frames"
	}
	return ""
}

func (p *Pool[T]) check() bool {
	for i := 0; i < p.dirPage; i++ {
		if !claimFrame(p.dir+uint64(i)<<PageShift, KindPool) {
			return false
		}
	}
	live := 0
	for b := uint32(0); b < p.made/p.perBlk; b++ {
		pa := *wordAt(p.dir + uint64(b)*8)
		for i := uint64(0); i < 1<<p.order; i++ {
			if !claimFrame(pa+i<<PageShift, KindPool) {
				return false
			}
		}
	}
	for i := 0; i < p.Len(); i++ {
		if p.At(i) != nil {
			live++
		}
	}
	free := uint32(0)
	count := func(i uint32, most int32) bool {
		n := int32(0)
		for ; i != 0; i = p.header(i - 1).next {
			free++
			if n++; free > p.made || n > most || p.header(i-1).gen&1 != 0 {
				return false
			}
		}
		return true
	}
	for i := p.free; i != 0; i = p.header(i - 1).rest {
		if !count(i, p.batch) {
			return false
		}
	}
	for c := range p.cpu {
		n := free
		if !count(p.cpu[c].free, int32(p.made)) || free-n != uint32(p.cpu[c].n) {
			return false
		}
	}
	return live == p.Live() && int(free)+live == p.Len()
}

func checkPools() string {
	for _, p := range pools.list[:pools.n] {
		if !p.check() {
			return p.Name()
		}
	}
	for i := 0; i < mem.accounts.Len(); i++ {
		if a := mem.accounts.At(i); a != nil {
			a.check = 0
		}
	}
	return ""
}

// found adds to what Check knows that a and those above it hold.
func (a *Account) found(n int64) {
	for ; a != nil; a = a.parent {
		a.check += n
	}
}

func checkFCMs() string {
	nodes := int64(0)
	for i := 0; i < mem.fcms.Len(); i++ {
		f := mem.fcms.At(i)
		if f == nil {
			continue
		}
		f.check = 0
		pages, holes := int64(0), int64(0)
		for j := uint64(0); ; j++ {
			at, e, ok := f.index.next(j, 1<<indexBits)
			if !ok {
				break
			}
			j = at
			if e&entPage == 0 {
				holes++
				continue
			}
			pages++
			if !claimFrame(e&pteAddr, f.frameKind()) {
				return "page of an FCM is of another kind, or in two FCMs"
			}
			if f.kind != fcmPrivate && !f.dead && !f.shrinking && at >= (f.size+pageMask)>>PageShift {
				return "page beyond the size"
			}
		}
		f.acct.found(pages)
		nodes += f.index.nodes
		if pages != f.index.pages || holes != f.index.holes || (f.index.root == nil) != (pages+holes == 0) {
			return "counts of a page index"
		}
		n := int32(0)
		for c := f.child; c != nil; c = c.sibNext {
			n++
			if c.parent != f || c.dead || n > f.nchild {
				return "fork chain: child"
			}
		}
		switch {
		case n != f.nchild:
			return "fork chain: number of children"
		case f.parent != nil && f.dead:
			return "fork chain: dead node in the tree"
		case n == 1 && !f.queued:
			return "fork chain: node with one child is not on the work list"
		case f.dead && !f.queued && (f.paging == nil || f.paging.waiters == nil):
			return "dead FCM is not on the work list"
		case f.kind != fcmPrivate && !f.dead && f.refs <= 0:
			return "FCM without references"
		}
	}
	if nodes != int64(mem.nodes.Live()) {
		return "page index nodes leaked"
	}
	return ""
}

func checkHalves() string {
	leaves := 0
	for i := 0; i < mem.halves.Len(); i++ {
		h := mem.halves.At(i)
		if h == nil {
			continue
		}
		if s := h.check(); s != "" {
			return s
		}
		for _, l := range [2]*FCM{h.leaf, h.fresh} {
			if l == nil {
				continue
			}
			leaves++
			if l.kind != fcmPrivate || l.nchild != 0 || l.dead || l.check != 0 {
				return "leaf of a half"
			}
			l.check = 1
		}
	}
	for i := 0; i < mem.fcms.Len(); i++ {
		f := mem.fcms.At(i)
		if f == nil {
			continue
		}
		if f.kind == fcmPrivate {
			if f.nchild == 0 && !f.dead && f.check == 0 {
				return "leaf without a half"
			}
		} else if !f.fixed() && f.mapped() != uint64(f.check) {
			return "mapper list"
		}
	}
	return ""
}

func (h *Half) check() string {
	var bytes, data, locked uint64
	n, end := int64(0), h.lo
	for r, prev := h.first, (*Region)(nil); r != nil; prev, r = r, r.next {
		n++
		if r.half != h || r.prev != prev || r.start < end || r.end <= r.start || r.end > h.hi || (r.start|r.end|r.off)&pageMask != 0 {
			return "regions are not in order"
		}
		if r.gap != r.start-end || r.maxGap != r.subtreeGap() {
			return "gap of a region"
		}
		for _, c := range [2]*Region{r.left, r.right} {
			if c != nil && (c.up != r || c.prio > r.prio) {
				return "region tree"
			}
		}
		if r.left != nil && r.left.start >= r.start || r.right != nil && r.right.start <= r.start || r.up == nil && h.root != r {
			return "region tree order"
		}
		bytes += r.end - r.start
		if r.data() {
			data += r.end - r.start
		}
		if r.flags&regLocked != 0 {
			locked += r.end - r.start
		}
		if r.obj != nil {
			r.obj.check++
		}
		if s := h.checkGap(end, r.start); s != "" {
			return s
		}
		if r.shared() {
			if s := h.checkGap(r.start, r.end); s != "" {
				return s
			}
		}
		end = r.end
	}
	if s := h.checkGap(end, h.hi); s != "" {
		return s
	}
	if n != h.count || bytes != h.bytes || data != h.data || locked != h.locked || (h.first == nil) != (h.root == nil) {
		return "sums over the regions"
	}
	present := int64(0)
	for i, e := range h.slots {
		if (e != 0) != (h.used[i>>6]>>(i&63)&1 != 0) {
			return "slot bitmap"
		}
		if e == 0 {
			continue
		}
		base := uint64(i+h.firstSlot()) * span4
		if s := h.checkTable(e, base, 3, e&pteWrite != 0, &present); s != "" {
			return s
		}
	}
	if present != h.resident {
		return "count of present entries"
	}
	if h.late != 0 {
		return "something is to be forgotten"
	}
	refs := int64(0)
	for as := h.spaces; as != nil; as = as.nextIn[h.which()] {
		refs++
		for i, e := range h.slots[:min(len(h.slots), 256-h.firstSlot())] {
			if tableAt(as.Root)[i+h.firstSlot()]&^(pteAccessed|pteDirty) != e&^(pteAccessed|pteDirty) {
				return "root table differs from its half"
			}
		}
	}
	if refs != h.refs {
		return "references to a half"
	}
	return ""
}

// checkGap verifies that the leaf shows no page in [lo, hi), where there is no
// private region.
func (h *Half) checkGap(lo, hi uint64) string {
	if h.leaf == nil || lo >= hi || h.forking() || h.fresh != nil {
		return ""
	}
	budget := 1 << 62
	if at, _, _ := h.leaf.nextVisible(lo>>PageShift, hi>>PageShift, &budget); at < hi>>PageShift {
		return "private page outside private regions"
	}
	return ""
}

func (h *Half) checkTable(e, base uint64, level int, write bool, present *int64) string {
	if !claimFrame(e&pteAddr, KindTable) {
		return "page table's frame"
	}
	h.acct.found(1)
	live := uint16(0)
	span := uint64(span1) << (9 * (level - 1))
	for i, x := range tableAt(e & pteAddr) {
		if x == 0 {
			continue
		}
		live++
		va := base + uint64(i)*span
		w := write && x&pteWrite != 0
		if level > 1 {
			if s := h.checkTable(x, va, level-1, w, present); s != "" {
				return s
			}
			continue
		}
		*present++
		if s := h.checkEntry(x, va, w); s != "" {
			return s
		}
	}
	if live != frameAt(e&pteAddr).live {
		return "count of a table's entries"
	}
	return ""
}

func (h *Half) checkEntry(x, va uint64, write bool) string {
	r := h.find(va)
	switch {
	case r == nil || va < r.start:
		return "page mapped outside regions"
	case x&ptePresent == 0 || x&pteUser == 0:
		return "entry's flags"
	case r.flags&regPinned != 0 || r.obj != nil && r.obj.shrinking:
		return ""
	case r.prot == 0 || write && r.prot&2 == 0 || x&pteNX == 0 && r.prot&4 == 0:
		return "entry allows more than its region"
	case (x&ptePrivate != 0) == r.shared():
		return "entry's private bit"
	}
	if r.obj != nil && r.obj.paging != nil {
		if s := r.obj.paging.checkMapped((r.off+(va-r.start))>>PageShift, x, r.shared() && write); s != "" {
			return s
		}
	}
	pa := h.resolve(r, va)
	if pa == 0 {
		pa = mem.zero
	}
	if pa != x&pteAddr {
		return "entry maps a frame that its region does not name"
	}
	if write && !r.shared() {
		// A collapse in progress may have moved the page up; nobody else sees it.
		i := va >> PageShift
		n := h.leaf
		for n.index.get(i) == 0 && n.parent != nil && n.parent.nchild == 1 {
			n = n.parent
		}
		if n.index.get(i)&entPage == 0 {
			return "writable entry for a page that is not the leaf's own"
		}
	}
	return ""
}

func checkSpaces() string {
	for i := 0; i < mem.spaces.Len(); i++ {
		as := mem.spaces.At(i)
		if as == nil || as.Root == 0 {
			continue
		}
		if !claimFrame(as.Root, KindTable) {
			return "root table's frame"
		}
		as.acct.found(1)
	}
	return ""
}

func checkFrames() string {
	var counts [NumKinds]int64
	for n := uint64(0); n < frames.limit; n++ {
		f := frameOf(n)
		counts[f.kind]++
		if f.mark == 0 && f.kind != KindReserved && f.kind != KindKernel {
			return "leaked frame"
		}
	}
	if counts != ReadCounters().Kinds {
		return "counts of frames by kind"
	}
	for i := 0; i < mem.accounts.Len(); i++ {
		// Kernel frames are charged by others, so that more may be charged
		// than was found.
		if a := mem.accounts.At(i); a != nil && a.check > a.used(countFrames) {
			return "account holds more frames than it is charged"
		}
	}
	return ""
}
