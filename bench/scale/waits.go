package scale

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// sampleEvery is how often PostgreSQL is asked what its connections do.
const sampleEvery = 40 * time.Millisecond

// Waits are samples of what Verdict's connections did. A commit holds the row of meta from its first statement until others
// see it, so that all commits, of all instances, come one after the other.
type Waits struct {
	Samples int            `json:"samples"`
	Held    map[string]int `json:"held"`    // samples in which a commit held the lock, by what it was doing
	Waiting int            `json:"waiting"` // commits that waited for the lock, over all samples
}

// What a commit does that holds the lock.
const (
	working = "working"              // on a processor, or waiting for one
	syncing = "syncing its log"      //
	asking  = "awaiting the gateway" // between two messages of one commit
)

// holding is the share of samples in which a commit held the lock, doing that; "" for doing anything.
func (w Waits) holding(what string) float64 {
	if w.Samples == 0 {
		return 0
	}
	n := w.Held[what]
	if what == "" {
		for _, held := range w.Held {
			n += held
		}
	}
	return float64(n) / float64(w.Samples)
}

// add adds another's samples.
func (w *Waits) add(other Waits) {
	w.Samples += other.Samples
	w.Waiting += other.Waiting
	for what, n := range other.Held {
		w.hold(what, n)
	}
}

func (w *Waits) hold(what string, n int) {
	if w.Held == nil {
		w.Held = map[string]int{}
	}
	w.Held[what] += n
}

// connection is what pg_stat_activity shows of a connection in a transaction. A transaction has an id once it has locked a
// row to change it (backend_xid).
type connection struct {
	changes   bool
	waitType  string // "" while it doesn't wait
	waitEvent string
}

// sample counts what the connections were doing at one moment.
func (w *Waits) sample(connections []connection) {
	w.Samples++
	for _, c := range connections {
		switch {
		case c.waitType == "Lock":
			w.Waiting++
		case !c.changes: // it reads
		default:
			w.hold(c.doing(), 1)
		}
	}
}

// doing names what a commit does, by the wait events of
// https://www.postgresql.org/docs/current/monitoring-stats.html#WAIT-EVENT-TABLE.
func (c connection) doing() string {
	switch {
	case c.waitType == "":
		return working
	case c.waitType == "Client":
		return asking
	case strings.HasPrefix(strings.ToUpper(c.waitEvent), "WAL"):
		return syncing
	}
	return "waiting: " + c.waitType + " " + c.waitEvent
}

// watched does something, and samples what PostgreSQL's connections do meanwhile, if there are any.
func (w *world) watched(ctx context.Context, do func()) (waits Waits, err error) {
	if !w.setup.Shared {
		do()
		return waits, nil
	}
	sampling, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { waits, err = watch(sampling, w.postgres.URL) })
	do()
	stop()
	watching.Wait()
	return waits, err
}

// watch samples until ctx ends.
func watch(ctx context.Context, url string) (w Waits, err error) {
	conn, err := pgx.Connect(context.WithoutCancel(ctx), url)
	if err != nil {
		return w, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return w, nil
		case <-tick.C:
		}
		connections, err := activity(context.WithoutCancel(ctx), conn)
		if err != nil {
			return w, fmt.Errorf("sample pg_stat_activity: %w", err)
		}
		w.sample(connections)
	}
}

func activity(ctx context.Context, conn *pgx.Conn) ([]connection, error) {
	rows, err := conn.Query(ctx, `SELECT backend_xid IS NOT NULL, coalesce(wait_event_type, ''), coalesce(wait_event, '')
		FROM pg_stat_activity WHERE application_name = 'verdict' AND xact_start IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c connection, err error) {
		err = row.Scan(&c.changes, &c.waitType, &c.waitEvent)
		return c, err
	})
}
