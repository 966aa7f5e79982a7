package scale

import (
	"encoding/json"
	"time"
)

// A counter is something that grows with each transaction.
type counter int

// Processor times are in nanoseconds. The machine's is all that was used, whoever used it.
const (
	gatewayCPU counter = iota
	postgresCPU
	natsCPU
	partnerCPU
	clientCPU
	machineCPU
	commits       // of PostgreSQL, by transactions that changed something
	changes       // of transactions on record: creations and new versions
	walBytes      // of PostgreSQL's log
	diskBytes     // of PostgreSQL's database, indexes included
	natsIn        // messages from instances
	natsOut       // messages to instances
	natsBetween   // messages between servers
	natsBytes     // of all three
	loopbackBytes // of all traffic on the machine
	counters
)

var counterNames = [counters]string{
	"gateway_cpu_ns", "postgres_cpu_ns", "nats_cpu_ns", "partner_cpu_ns", "client_cpu_ns", "machine_cpu_ns",
	"commits", "changes", "wal_bytes", "disk_bytes", "nats_in", "nats_out", "nats_between", "nats_bytes", "loopback_bytes",
}

// processes are the kinds of processes whose time is told apart.
var processes = [...]counter{gatewayCPU, postgresCPU, natsCPU, partnerCPU, clientCPU}

// counts are counters' values, or what they grew by.
type counts [counters]float64

// MarshalJSON writes the counters by name.
func (c counts) MarshalJSON() ([]byte, error) {
	named := map[string]float64{}
	for i, v := range c {
		named[counterNames[i]] = v
	}
	return json.Marshal(named)
}

func (c counts) minus(d counts) counts {
	for i := range c {
		c[i] -= d[i]
	}
	return c
}

func (c counts) over(n float64) counts {
	for i := range c {
		c[i] /= n
	}
	return c
}

// others is the machine's processor time that is none of the processes': the kernel's own, and that of whatever else runs.
func (c counts) others() float64 {
	rest := c[machineCPU]
	for _, p := range processes {
		rest -= c[p]
	}
	return max(0, rest)
}

// growth is what counters grew by in a time.
type growth struct {
	counts counts
	took   time.Duration
}

// each returns what one of n transactions took, beyond what the setup takes by itself in so long.
func (g growth) each(n int, idle growth) counts {
	share := idle.counts.over(float64(idle.took)).over(1 / float64(g.took))
	return g.counts.minus(share).over(float64(n))
}

// shares returns how much of one processor each kind of process takes, and the machine.
func (g growth) shares() counts { return g.counts.over(float64(g.took)) }
