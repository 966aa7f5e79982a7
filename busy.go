package verdict

import "sync"

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

// busy reports whether hardly any more submits of a provider can be begun here, an eighth of them at the most. The stream
// then holds those that come next: where it holds none, they end and none is begun.
func (s *Settler) busy(provider string) bool {
	limit := 0
	if p, ok := s.Providers[provider]; ok {
		limit = p.Traits().Submits
	}
	return limit > 0 && s.submits.add(provider, 0) >= limit-limit/8
}
