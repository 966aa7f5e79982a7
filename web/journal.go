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
// may be late, doubled or out of order: what doesn't follow the last verdict here has the record read on instead, so a
// position in the journal is one that a client can come back to without a gap. However many read, the record is read once.
type journal struct {
	store    Store
	audience verdict.Audience
	log      *slog.Logger
	reading  chore
	ctx      context.Context // ends with the journal
	stop     func()          // waits for what runs

	mu      sync.Mutex // guards what follows; never held while reading the record
	readers map[*reader]struct{}
	started bool
	after   int64           // recent holds all verdicts with numbers above this one, and up to last
	last    int64           // 0 until it has started
	recent  []verdict.Event // elements never change
}

func newJournal(a verdict.Audience, store Store, feed verdict.Feed, log *slog.Logger) *journal {
	j := &journal{store: store, audience: a, log: log, readers: map[*reader]struct{}{}}
	j.reading.work = j.read
	var cancel context.CancelFunc
	j.ctx, cancel = context.WithCancel(context.Background())
	unsubscribe := feed.Subscribe(verdict.Topic{Audience: a}, j.hear)
	j.stop = func() {
		unsubscribe()
		cancel()
		j.reading.stop()
	}
	return j
}

// start begins the journal at a position, unless it has begun.
func (j *journal) start(at int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.started {
		j.started, j.after, j.last = true, at, at
		j.reading.call() // for what was told before now
	}
}

// hear takes a verdict that the feed tells.
func (j *journal) hear(e verdict.Event) {
	if !j.follow(e) {
		j.reading.call()
	}
}

// follow adds a verdict if the one before it is here, or is older than the journal.
func (j *journal) follow(e verdict.Event) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	follows := 0 < e.Follows && e.Follows <= j.last
	if follows {
		j.add([]verdict.Event{e})
	}
	return follows
}

// read takes from the record what has been settled since. After trouble it tries again a little later.
func (j *journal) read() {
	if err := j.readOn(); err != nil && j.ctx.Err() == nil {
		j.log.Error("read settled transactions", "error", err)
		time.AfterFunc(journalPause, j.reading.call)
	}
}

func (j *journal) readOn() error {
	ctx, cancel := context.WithTimeout(j.ctx, storeTimeout)
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
		j.mu.Lock()
		j.add(toEvents(settled))
		j.mu.Unlock()
		if len(settled) < pageSize {
			return nil
		}
	}
}

// add puts verdicts that follow each other at the end, but for those that are here already, and tells the readers. j.mu is held.
func (j *journal) add(events []verdict.Event) {
	events = slices.DeleteFunc(events, func(e verdict.Event) bool { return e.ID <= j.last })
	if len(events) == 0 {
		return
	}
	j.recent = append(j.recent, events...)
	j.last = events[len(events)-1].ID
	if excess := len(j.recent) - journalSize; excess > 0 {
		j.after = j.recent[excess-1].ID
		j.recent = j.recent[excess:] // the rest goes when append moves it
	}
	for r := range j.readers {
		r.wake()
	}
}

// since returns the verdicts after a position that are in memory, and where memory begins.
func (j *journal) since(position int64) (events []verdict.Event, after int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i, _ := slices.BinarySearchFunc(j.recent, position+1, func(e verdict.Event, id int64) int { return cmp.Compare(e.ID, id) })
	return j.recent[i:], j.after
}

func (j *journal) join(r *reader) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.readers[r] = struct{}{}
}

// leave returns how many readers are left.
func (j *journal) leave(r *reader) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.readers, r)
	return len(j.readers)
}

func toEvents(settled []verdict.Transaction) []verdict.Event {
	events := make([]verdict.Event, len(settled))
	for i, t := range settled {
		events[i] = t.Event()
	}
	return events
}
