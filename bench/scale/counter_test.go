package scale

import (
	"encoding/json"
	"testing"
	"time"
)

// What a setup takes while nothing happens isn't the transactions'.
func TestATransactionTakesWhatGrewBeyondIdleness(t *testing.T) {
	idle := growth{counts{gatewayCPU: 30, natsBetween: 6}, 3 * time.Second}
	busy := growth{counts{gatewayCPU: 1100, commits: 50, natsBetween: 220}, 10 * time.Second}
	got := busy.each(100, idle)
	want := counts{gatewayCPU: 10, commits: 0.5, natsBetween: 2}
	for i := range got {
		if diff := got[i] - want[i]; diff > 1e-9 || diff < -1e-9 {
			t.Errorf("%s: %g, want %g", counterNames[i], got[i], want[i])
		}
	}
}

func TestTheRestOfTheMachineIsNobodys(t *testing.T) {
	c := counts{gatewayCPU: 1, postgresCPU: 2, natsCPU: 4, partnerCPU: 8, clientCPU: 16, machineCPU: 40, commits: 100}
	if got := c.others(); got != 9 {
		t.Errorf("%g, want 9", got)
	}
	c[machineCPU] = 30 // read a moment before the others
	if got := c.others(); got != 0 {
		t.Errorf("%g, want 0", got)
	}
}

func TestSharesAreOfOneProcessor(t *testing.T) {
	g := growth{counts{machineCPU: float64(3 * time.Second)}, 2 * time.Second}
	if got := g.shares()[machineCPU]; got != 1.5 {
		t.Errorf("%g, want 1.5", got)
	}
}

func TestCountsAreWrittenByName(t *testing.T) {
	text, err := json.Marshal(counts{loopbackBytes: 5})
	if err != nil {
		t.Fatal(err)
	}
	var named map[string]float64
	if err := json.Unmarshal(text, &named); err != nil {
		t.Fatal(err)
	}
	if len(named) != int(counters) || named["loopback_bytes"] != 5 {
		t.Errorf("%s", text)
	}
}
