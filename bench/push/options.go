// Package push measures what it takes to push an event to one of many idle clients: memory of a connection, time until
// the client has it, and processor time of the server.
package push

import (
	"errors"
	"fmt"
	"time"

	"verdict/bench/target"
)

// Options say what to measure.
type Options struct {
	Connections int
	Rounds      int
	Rates       []float64 // events a second
	Events      int       // of each rate, in each round
	Kinds       []target.Kind
	Dir         string // on the disk to measure; "" for the system's folder of temporary files
}

// Validate says what is wrong with the options, and the mend.
func (o Options) Validate() error {
	switch {
	case o.Connections < 1:
		return errors.New("--connections: give 1 or more")
	case o.Rounds < 1:
		return errors.New("--rounds: give 1 or more")
	case o.Events < 1:
		return errors.New("--events: give 1 or more")
	case len(o.Rates) == 0:
		return errors.New("--rate: give one or more, such as 200,2000")
	}
	for _, rate := range o.Rates {
		if rate <= 0 {
			return fmt.Errorf("--rate: %g; give events a second, above zero", rate)
		}
	}
	for _, kind := range o.Kinds {
		if kind != target.WebSocket && kind != target.SSE {
			return fmt.Errorf("--kind: %q; give websocket, sse or both", kind)
		}
	}
	return nil
}

// warmUp is how many events come before those that count, for connections to be opened and code to be read from disk.
func (o Options) warmUp() int { return max(1, o.Events/10) }

const (
	// eventsEach is how many events each client has got, at least, when memory is measured "after traffic".
	eventsEach = 3

	// lull is how long after that traffic memory is measured. Verdict's stream keeps events for 30 s, however many
	// connections there are.
	lull = 35 * time.Second

	// patience is how long after the last event is due it may arrive before it counts as lost.
	patience = 15 * time.Second
)
