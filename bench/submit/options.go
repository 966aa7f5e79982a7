// Package submit measures how many transactions a second are accepted, and how long that takes, by Verdict and by others
// that keep a request durably before they answer.
package submit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options say what to measure.
type Options struct {
	Rounds      int
	Connections []int         // closed loops
	Rate        float64       // submits a second of the open loop
	For         time.Duration // how long each loop counts
	Search      bool          // also search for the highest rate that is sustained
	Peers       []string      // names of contenders; empty for all. Verdict is always among them
	Partner     string        // Held or Quick
	Fsync       time.Duration // by how much to delay each fsync; 0: not at all
	Dir         string        // on the disk to measure; "" for the system's folder of temporary files
}

// What becomes of what is accepted, while we measure.
const (
	Held  = "held"  // the partner, or whoever does the work, doesn't answer: only accepting is measured
	Quick = "quick" // it answers at once with the verdict: the work competes with accepting
)

// Validate says what is wrong with the options, and the mend.
func (o Options) Validate() error {
	switch {
	case o.Rounds < 1:
		return errors.New("--rounds: give 1 or more")
	case len(o.Connections) == 0 || slices.Min(o.Connections) < 1 || slices.Max(o.Connections) > 10_000:
		return fmt.Errorf("--connections: %v; give numbers from 1 to 10000, such as 64,256", o.Connections)
	case o.Rate <= 0:
		return fmt.Errorf("--rate: %g; give submits a second, above zero", o.Rate)
	case o.For < time.Second:
		return errors.New("--for: give 1s or more")
	case o.Partner != Held && o.Partner != Quick:
		return fmt.Errorf("--partner: %q; give %s or %s", o.Partner, Held, Quick)
	case o.Fsync < 0 || o.Fsync > time.Second:
		return fmt.Errorf("--fsync: %s; give up to a second, such as 1ms", o.Fsync)
	}
	for _, name := range o.Peers {
		if !slices.ContainsFunc(contenders, func(c contender) bool { return c.name == name }) {
			return fmt.Errorf("--peers: there is no %q; give some of %s", name, strings.Join(Names(), ","))
		}
	}
	return nil
}

// Names returns the contenders' names, Verdict's first.
func Names() (names []string) {
	for _, c := range contenders {
		names = append(names, c.name)
	}
	return names
}

// chosen returns the contenders to measure. Without a choice those that are only of use with slow fsyncs are left out.
func (o Options) chosen() (all []contender) {
	for _, c := range contenders {
		usual := len(o.Peers) == 0 && (!c.slowOnly || o.Fsync > 0)
		if c.name == verdictName || usual || slices.Contains(o.Peers, c.name) {
			all = append(all, c)
		}
	}
	return all
}

const (
	// warmUp is for how long each loop runs before it counts.
	warmUp = 2 * time.Second

	// promptly is what the p99 must stay below at a rate that is sustained.
	promptly = 100 * time.Millisecond

	// step is for how long each rate of a search is tried.
	step = 3 * time.Second
)
