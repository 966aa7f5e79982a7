package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"
)

var (
	simSeeds = flag.Int("seeds", 30, "universes that TestSimulation runs")
	simSeed  = flag.Uint64("seed", 0, "run this universe alone, and print its history")
)

// simulate runs one universe in a bubble of its own.
func simulate(t *testing.T, seed uint64, v variant, happened *simTally) (u *universe, found []violation) {
	t.Helper()
	inBubble(t, func(t *testing.T, dir string) {
		var err error
		u = newUniverse(seed, v, dir, happened)
		found, err = u.run()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	})
	return u, found
}

// inBubble runs gateways in virtual time, with a folder of their own.
func inBubble(t *testing.T, f func(t *testing.T, dir string)) {
	t.Helper()
	if underRace() {
		lacking(t, "simulation: run it without -race: in a bubble of many timers the detector crashes the runtime of Go 1.26.8 (maybeRunChan)")
	}
	// The embedded server's clock for access times is one goroutine for the whole process, made by whoever asks first.
	// Asked for here it belongs to no bubble.
	ats.Register()
	defer ats.Unregister()
	dir, err := simFolder()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // for connections, which end a moment after their instance: without this goroutine time stands still
		f(t, dir)
	})
}

// underRace reports whether the race detector is built in.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// complain fails the test with the command that replays a universe and the history of what is concerned.
func complain(t *testing.T, u *universe, found []violation) {
	t.Helper()
	var text strings.Builder
	var about []string
	for _, v := range found {
		fmt.Fprintln(&text, v)
		about = append(about, v.about...)
	}
	t.Errorf("seed %d:\n%s\ngo test ./cmd/verdict -run 'TestSimulation$' -seed %d\n\n%s", u.seed, &text, u.seed, u.about(slices.DeleteFunc(about, func(s string) bool { return s == "" })))
}

// TestSimulation runs the whole system under hundreds of seeds, each in virtual time, and verifies the invariants.
func TestSimulation(t *testing.T) {
	happened := newSimTally()
	if *simSeed != 0 {
		u, found := simulate(t, *simSeed, variant{}, happened)
		for _, l := range u.sorted() {
			t.Log(l)
		}
		t.Log("digest ", u.digest())
		if len(found) > 0 {
			complain(t, u, found)
		}
		return
	}
	t.Run("seeds", func(t *testing.T) {
		for seed := range *simSeeds {
			t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
				t.Parallel()
				if u, found := simulate(t, uint64(seed+1), variant{}, happened); len(found) > 0 {
					complain(t, u, found)
				}
			})
		}
	})
	for _, what := range slices.Sorted(maps.Keys(happened.hits)) {
		t.Logf("%7d  %s", happened.hits[what], what)
	}
	if *simSeeds < enoughSeeds {
		return
	}
	for _, what := range interesting() {
		if happened.count(what) == 0 {
			t.Errorf("in %d universes it never happened: %s", *simSeeds, what)
		}
	}
}

// enoughSeeds is from how many universes on each of the interesting states must have been reached.
const enoughSeeds = 100

// interesting are the states that a campaign has to go through, or it proves little.
func interesting() []string {
	states := []string{
		"a contradiction was recorded", "a graceful restart", "a key was used with other content", "a paused instance woke up",
		"a reference was sent again after not found", "a repeat met its transaction in flight", "a stream's folder was deleted",
		"a subscriber resumed and was told", "a webhook beat its reply", "a webhook pulled a check forward", "a webhook was lost",
		"one instance went on with another's transaction",
		"provably nothing was sent", "store: an error although it was stored", "store: an error with nothing stored", "store: slow",
		"stream: a publish came late", "stream: a publish was doubled", "stream: a publish was lost", "stream: a publish was refused",
		"a refusal held all checks of the partner", "the partner asked us to stay away", "the partner didn't know it", "the partner had it already (409)",
		"the reply of an effect was lost",
		"a backend was told again", "an endpoint was enabled", "backend: 410", "backend: 500", "backend: 503 with Retry-After",
		"backend: no answer", "backend: slow",
		"a forgotten key began another transaction", "a key was used again late", "a transaction was archived twice", "a transaction was deleted", "the archive was full",
		"what a backend was yet to be told was kept",
	}
	for _, kind := range partnerKinds() {
		states = append(states, kind.name+": transactions failed", kind.name+": transactions succeeded")
	}
	for _, point := range []string{
		"the commit of a create", "a publish", "the marker", "a call", "the record of a reply", "a push", "the claim of a check", "a check",
		"the record of a notice", "the archive", "a deletion",
	} {
		states = append(states, "crash before "+point, "crash after "+point)
	}
	for _, f := range append(appFates, fateCut) {
		states = append(states, "network: "+string(f))
	}
	return states
}

// TestSimulationReplays runs universes twice: everything happens again, to the nanosecond.
func TestSimulationReplays(t *testing.T) {
	for seed := range uint64(8) {
		first, _ := simulate(t, seed+1, variant{}, newSimTally())
		second, _ := simulate(t, seed+1, variant{}, newSimTally())
		if difference := firstDifference(first, second); difference != "" {
			t.Errorf("seed %d: %s", seed+1, difference)
		}
	}
}

// firstDifference returns "" if there is none.
func firstDifference(a, b *universe) string {
	x, y := withoutLog(a.sorted()), withoutLog(b.sorted())
	for i := range min(len(x), len(y)) {
		if x, y := replayed(x[i]), replayed(y[i]); x != y {
			return fmt.Sprintf("line %d:\n%s\n%s", i, x, y)
		}
	}
	if len(x) != len(y) {
		return fmt.Sprintf("%d lines and %d", len(x), len(y))
	}
	return ""
}

// replayed is a line but for the words for a connection that breaks while it is written to and read from: which of the two
// is told is a race between net/http's own goroutines.
func replayed(l line) string {
	return strings.ReplaceAll(fmt.Sprint(l), "the connection failed", "the connection was closed without an answer")
}

func withoutLog(lines []line) []line {
	return slices.DeleteFunc(lines, func(l line) bool { return l.log })
}
