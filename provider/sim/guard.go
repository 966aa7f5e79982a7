package sim

import (
	"net/http"
	"time"
)

// guard keeps clients from checking too often. Its owner sees to locking.
type guard struct {
	after   int // checks in a window; below 0: any number
	window  time.Duration
	ban     time.Duration
	bans    int // so far
	clients map[string]*client
}

// client is what the guard remembers of one.
type client struct {
	checks []time.Time // answered within the window, oldest first; at most after
	paused time.Time   // until when it was told to stay away
	banned time.Time   // until when it is banned
}

func newGuard(after int, window, ban time.Duration) *guard {
	return &guard{after: after, window: window, ban: ban, clients: map[string]*client{}}
}

// admit returns 200 for a check that may be answered, 429 and how long to wait for the first one too many, and 403 for
// those of a client that didn't wait. A ban doesn't say how long it lasts, and checks don't prolong it.
func (g *guard) admit(name string, now time.Time) (status int, wait time.Duration) {
	if g.after < 0 {
		return http.StatusOK, 0
	}
	c := g.clients[name]
	if c == nil {
		c = &client{}
		g.clients[name] = c
	}
	if now.Before(c.banned) {
		return http.StatusForbidden, 0
	}
	if now.Before(c.paused) {
		g.bans++
		c.paused, c.banned = time.Time{}, now.Add(g.ban)
		return http.StatusForbidden, 0
	}
	for len(c.checks) > 0 && now.Sub(c.checks[0]) >= g.window {
		c.checks = c.checks[1:]
	}
	if len(c.checks) >= g.after {
		c.paused = c.checks[0].Add(g.window)
		return http.StatusTooManyRequests, c.paused.Sub(now)
	}
	c.checks = append(c.checks, now)
	return http.StatusOK, 0
}
