// Package scale measures what a transaction takes, and how many a second are carried, with one instance of Verdict and with
// several that share a PostgreSQL server and a NATS cluster.
package scale

import (
	"errors"
	"fmt"
	"time"
)

// Options say what to measure.
type Options struct {
	Instances []int // how many share the record, in each setup
	Baseline  bool  // also one instance on SQLite, with the embedded stream
	Rounds    int
	Rate      float64       // transactions a second at which all setups are compared
	For       time.Duration // how long
	Step      time.Duration // how long each rate is tried in the search for the highest
	Clients   int           // users, each with a WebSocket
	Replicas  int           // of the streams; 0: as many as Verdict chooses
	NATS      string        // path of nats-server; "" to build the one that Verdict's go.mod requires
	Dir       string        // on the disk to measure; "" for the system's folder of temporary files
}

// Validate says what is wrong with the options, and the mend.
func (o Options) Validate() error {
	switch {
	case len(o.Instances) == 0 && !o.Baseline:
		return errors.New("--instances: give one or more, such as 1,2,3, or --baseline")
	case o.Rounds < 1:
		return errors.New("--rounds: give 1 or more")
	case o.Rate <= 0:
		return fmt.Errorf("--rate: %g; give transactions a second, above zero", o.Rate)
	case o.For < time.Second || o.Step < time.Second:
		return errors.New("--for, --step: give 1s or more")
	case o.Clients < 1 || o.Clients > 1000:
		return fmt.Errorf("--clients: %d; give 1 to 1000, as many as an instance takes from one address", o.Clients)
	}
	if o.Replicas != 0 && o.Replicas != 1 && o.Replicas != 3 {
		return fmt.Errorf("--replicas: %d; give 1 or 3, or 0 for Verdict's choice", o.Replicas)
	}
	for _, n := range o.Instances {
		if n < 1 || n > 100 {
			return fmt.Errorf("--instances: %d; give 1 to 100", n)
		}
	}
	return nil
}

const (
	// settles is how long after a submit the partner posts its verdict.
	settles = 300 * time.Millisecond

	// promptly is what the p99 of submits must stay below at a rate that is sustained.
	promptly = 100 * time.Millisecond

	// keepUp is how long after the last verdict is due all may have been pushed, at a rate that is sustained. The work of a
	// rate that isn't piles up: with steps of 3 s, one that is a tenth too high ends so late.
	keepUp = 300 * time.Millisecond

	// patience is how long after the last verdict is due one may be pushed before it counts as lost.
	patience = 25 * time.Second

	// tail is for how long after the last push a point goes on, for what Verdict notes about who was told.
	tail = time.Second

	// still is for how long idle processor time is measured.
	still = 2 * time.Second

	warmUp = 2 * time.Second

	// disturbed is how much of one processor others may use while nothing happens, before the figures are doubtful.
	disturbed = 0.2
)
