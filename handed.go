package verdict

import "sync"

// handed is the transactions whose commands were handed to the stream last. It keeps at most handedSize of them, with
// payloads of 16 KiB some 16 MiB, and forgets the oldest.
type handed struct {
	mu    sync.Mutex // guards what follows
	of    map[Command]Transaction
	order []Command // a ring of the keys of `of`, and of some that were taken
	next  int       // the place in order to be used again
}

const handedSize = 1024

func newHanded() handed {
	return handed{of: make(map[Command]Transaction), order: make([]Command, handedSize)}
}

func (h *handed) put(c Command, t Transaction) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, h.order[h.next])
	h.of[c], h.order[h.next] = t, c
	h.next = (h.next + 1) % len(h.order)
}

func (h *handed) take(c Command) (t Transaction, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok = h.of[c]
	delete(h.of, c)
	return t, ok
}
