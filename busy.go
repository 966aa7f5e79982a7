package verdict

import (
	"math"
	"sync"
)

// underWay counts the submits that are being carried out here, by provider.
type underWay struct {
	mu      sync.Mutex
	submits map[string]int
}

// add counts n more, and returns how many that makes.
func (u *underWay) add(provider string, n int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.submits == nil {
		u.submits = map[string]int{}
	}
	u.submits[provider] += n
	return u.submits[provider]
}

// room is how many due submits of a provider to hand out here at a time. While as many are being carried out as may be, or
// nearly, the stream has more to follow them, and what is handed out again would only come twice: so it is an eighth of them,
// which the stream may have lost. If the stream has none, those that are being carried out end, and it is all.
func (s *Settler) room(provider string) int {
	p, ok := s.Providers[provider]
	if !ok {
		return math.MaxInt
	}
	limit := p.Traits().Submits
	eighth := max(1, limit/8)
	if limit <= 0 || s.submits.add(provider, 0) <= limit-eighth {
		return math.MaxInt
	}
	return eighth
}
