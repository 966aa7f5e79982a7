package web

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"verdict"
)

const (
	// journalSize is how many verdicts a journal keeps in memory; readers that are further behind read the record.
	journalSize = 512

	// pageSize is how many verdicts are read from the record together.
	pageSize = 128

	// journalPause is how long a journal waits after trouble with the record.
	journalPause = time.Second
)

// journal is one audience's verdicts in the order of the record, with the latest of them in memory. What the feed tells
// may be late, doubled or out of order, so it serves as a nudge to read on: a position in the journal is one that a
// client can come back to without a gap. However many read, the record is read once.
type journal struct {
	store    Store
	audience verdict.Audience
	log      *slog.Logger
	nudge    chan struct{}
	stop     func() // ends follow and waits for it

	readers int // guarded by journals.mu

	mu      sync.Mutex // guards what follows; never held while reading the record
	started bool
	after   int64 // recent holds all verdicts with numbers above this one, and up to last
	last    int64
	recent  []verdict.Event // elements never change
	grown   chan struct{}   // closed and replaced when recent grows
}

func newJournal(a verdict.Audience, store Store, log *slog.Logger) *journal {
	return &journal{
		store: store, audience: a, log: log, nudge: make(chan struct{}, 1), grown: make(chan struct{}),
	}
}

// wake makes the journal look at the record. It never blocks.
func (j *journal) wake() {
	select {
	case j.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

// start begins the journal at a position, unless it has begun.
func (j *journal) start(at int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.started {
		j.started, j.after, j.last = true, at, at
		j.wake() // for what was told before now
	}
}

// follow reads on whenever there is a nudge, until ctx ends.
func (j *journal) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.nudge:
		}
		if err := j.readOn(ctx); err != nil && ctx.Err() == nil {
			j.log.Error("read settled transactions", "error", err)
			j.wake()
			select {
			case <-ctx.Done():
			case <-time.After(journalPause):
			}
		}
	}
}

// readOn takes from the record what has been settled since.
func (j *journal) readOn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		j.mu.Lock()
		started, last := j.started, j.last
		j.mu.Unlock()
		if !started {
			return nil
		}
		settled, err := j.store.Settled(ctx, &j.audience, last, pageSize)
		if err != nil {
			return err
		}
		if len(settled) > 0 {
			j.add(toEvents(settled))
		}
		if len(settled) < pageSize {
			return nil
		}
	}
}

func (j *journal) add(events []verdict.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.recent = append(j.recent, events...)
	j.last = events[len(events)-1].ID
	if excess := len(j.recent) - journalSize; excess > 0 {
		j.after = j.recent[excess-1].ID
		j.recent = j.recent[excess:] // the rest goes when append moves it
	}
	close(j.grown)
	j.grown = make(chan struct{})
}

// since returns the verdicts after a position that are in memory, where memory begins, and what is closed when there
// are more.
func (j *journal) since(position int64) (events []verdict.Event, after int64, grown <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i, _ := slices.BinarySearchFunc(j.recent, position+1, func(e verdict.Event, id int64) int { return cmp.Compare(e.ID, id) })
	return j.recent[i:], j.after, j.grown
}

func toEvents(settled []verdict.Transaction) []verdict.Event {
	events := make([]verdict.Event, len(settled))
	for i, t := range settled {
		events[i] = t.Event()
	}
	return events
}
