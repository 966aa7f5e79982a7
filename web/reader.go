package web

import (
	"context"
	"log/slog"
	"sync"

	"verdict"
)

// reader is a client's place in a journal. It holds no queue: a client that falls behind reads the record at its own
// pace, and one that doesn't read at all is cut by the write deadline.
type reader struct {
	journal  *journal
	position int64 // the number of the last verdict that was returned, or a later one
	close    func()
}

// next returns the verdicts that follow, at most pageSize. more is closed once there may be more.
func (r *reader) next(ctx context.Context) (events []verdict.Event, more <-chan struct{}, err error) {
	events, after, more := r.journal.since(r.position)
	if r.position < after {
		return r.catchUp(ctx, after)
	}
	if len(events) > pageSize {
		events, more = events[:pageSize], alreadyClosed()
	}
	if len(events) > 0 {
		r.position = events[len(events)-1].ID
	}
	return events, more, nil
}

// catchUp reads the record until the position where the journal's memory begins.
func (r *reader) catchUp(ctx context.Context, until int64) (events []verdict.Event, more <-chan struct{}, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	settled, err := r.journal.store.Settled(ctx, &r.journal.audience, r.position, pageSize)
	if err != nil {
		return nil, nil, err
	}
	events = toEvents(settled)
	if len(events) > 0 {
		r.position = events[len(events)-1].ID
	}
	if len(events) < pageSize {
		r.position = max(r.position, until)
	}
	return events, alreadyClosed(), nil
}

func alreadyClosed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// journals are those that somebody reads.
type journals struct {
	store Store
	feed  verdict.Feed
	log   *slog.Logger

	mu   sync.Mutex // guards read and the number of readers of each
	read map[verdict.Audience]*journal
}

func newJournals(store Store, feed verdict.Feed, log *slog.Logger) *journals {
	return &journals{store: store, feed: feed, log: log, read: map[verdict.Audience]*journal{}}
}

// open returns a reader of an audience's verdicts after the position that the client told, or from now on. A position
// that we have not come to yet isn't one of ours, and means now. The reader must be closed.
func (js *journals) open(ctx context.Context, a verdict.Audience, after int64, told bool) (*reader, error) {
	j := js.join(a) // before the record is read, so that nothing falls between
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now, err := js.store.LastEventID(ctx)
	if err != nil {
		js.leave(j)
		return nil, err
	}
	j.start(now)
	if !told || after > now {
		after = now
	}
	return &reader{journal: j, position: after, close: func() { js.leave(j) }}, nil
}

// join returns the journal of an audience; the first reader begins it.
func (js *journals) join(a verdict.Audience) *journal {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, ok := js.read[a]
	if !ok {
		j = newJournal(a, js.store, js.log)
		unsubscribe := js.feed.Subscribe(verdict.Topic{Audience: a}, func(verdict.Event) { j.wake() })
		ctx, cancel := context.WithCancel(context.Background())
		var following sync.WaitGroup
		following.Go(func() { j.follow(ctx) })
		j.stop = func() {
			unsubscribe()
			cancel()
			following.Wait()
		}
		js.read[a] = j
	}
	j.readers++
	return j
}

// leave ends a journal when its last reader has left.
func (js *journals) leave(j *journal) {
	js.mu.Lock()
	j.readers--
	last := j.readers == 0
	if last {
		delete(js.read, j.audience)
	}
	js.mu.Unlock()
	if last {
		j.stop()
	}
}
