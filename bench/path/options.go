// Package path measures the whole path of a transaction, with a partner that takes no time: from its submit to its answer, and
// to the push of its verdict; beside the shortest path that commits as often.
package path

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Options say what to measure.
type Options struct {
	Rounds  int
	Rates   []float64     // transactions a second
	For     time.Duration // how long each rate
	Search  bool          // for the highest rate that is sustained
	Strace  bool          // count fsyncs, by strace
	Clients int           // users, each with a WebSocket
	Dir     string        // on the disk to measure; "" for the system's folder of temporary files
}

// Validate says what is wrong with the options, and the mend.
func (o Options) Validate() error {
	switch {
	case o.Rounds < 1:
		return errors.New("--rounds: give 1 or more")
	case len(o.Rates) == 0 || slices.Min(o.Rates) <= 0:
		return errors.New("--rate: give transactions a second, above zero, such as 1000,2000")
	case o.For < time.Second:
		return errors.New("--for: give 1s or more")
	case o.Clients < 1 || o.Clients > 1000:
		return fmt.Errorf("--clients: %d; give 1 to 1000, as many as Verdict takes from one address", o.Clients)
	}
	return nil
}

const (
	warmUp = 2 * time.Second

	// still is for how long idle processor time is measured, and after how much of it idle memory.
	still = 2 * time.Second

	// step is for how long each rate of the search is tried.
	step = 3 * time.Second

	// promptly is what the p99 from submit to answer must stay below at a rate that is sustained.
	promptly = 100 * time.Millisecond

	// keepUp is how long after the last submit is due all may have been pushed, at a rate that is sustained: what isn't
	// carried piles up. With steps of 3 s, a rate that is a tenth too high ends so late.
	keepUp = 300 * time.Millisecond

	// patience is how long after the last submit a push may come before it counts as lost.
	patience = 20 * time.Second

	// tail is for how long after the last push a rate goes on, for what is noted about who was told.
	tail = time.Second

	// disturbed is how late the load client may begin its submits before the latencies are its own doing.
	disturbed = 20 * time.Millisecond
)
