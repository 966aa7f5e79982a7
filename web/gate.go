package web

import "sync"

// gate bounds how many are inside at once, and can be closed: those inside are told, and nobody else gets in.
type gate struct {
	closing chan struct{} // closed by close

	mu     sync.Mutex
	limit  int
	inside int
	empty  chan struct{} // closed when the gate is closed and nobody is inside
}

func newGate(limit int) *gate {
	return &gate{limit: limit, closing: make(chan struct{}), empty: make(chan struct{})}
}

// enter reports whether there was room. Who got in must leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed() || g.inside >= g.limit {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed() && g.inside == 0 {
		close(g.empty)
	}
}

// close returns a channel that is closed when the last one has left.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed() {
		close(g.closing)
		if g.inside == 0 {
			close(g.empty)
		}
	}
	return g.empty
}

func (g *gate) closed() bool {
	select {
	case <-g.closing:
		return true
	default:
		return false
	}
}
