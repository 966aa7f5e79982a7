package scale

import (
	"fmt"
	"time"
)

const (
	// usedUp is the share of the time from which on a processor or a lock is used up: what waits for it waits long.
	usedUp = 0.9

	// lateClient is how late the load client may begin its submits before what it measures is its own doing.
	lateClient = 20 * time.Millisecond
)

// limit says what a point had no more of, on a machine of so many processors. The lock comes first: commits that come one
// after the other leave processors idle, while busy processors don't fill the lock, except by slowing down who holds it.
func (p *Point) limit(processors int) string {
	busy := p.Shares[machineCPU] / float64(processors)
	held := p.Waits.holding("")
	switch {
	case held >= usedUp && busy < usedUp:
		return fmt.Sprintf("PostgreSQL's lock, held %.0f %% of the time", 100*held)
	case held >= usedUp:
		return fmt.Sprintf("processors (%.0f %% busy) and PostgreSQL's lock (held %.0f %%)", 100*busy, 100*held)
	case busy >= usedUp:
		return fmt.Sprintf("processors (%.0f %% busy)", 100*busy)
	case p.Late.P99 > lateClient:
		return "the load client, which was late"
	}
	return fmt.Sprintf("none of what is watched (processors %.0f %% busy)", 100*busy)
}
