package web

import (
	"context"
	"log/slog"
	"sync"

	"verdict"
)

// position is where a client wants to begin to read its verdicts.
type position struct {
	after       int64 // the number of the last event it has seen, if told
	told        bool  // else it begins now
	unconfirmed bool  // before that it reads what nobody has confirmed
}

// reader is a client's place in a journal. It holds no queue: a client that falls behind reads the record at its own
// pace, and one that doesn't read at all is cut by the write deadline.
type reader struct {
	journals *journals
	journal  *journal
	wake     func() // see attend; guarded by the journal
	start    int64  // where it began
	at       int64  // the number of the last verdict that was returned, or a later one

	// What nobody has confirmed is read after confirmed and up to until. It is over when they are the same.
	confirmed, until int64
}

// next returns the verdicts that follow, at most pageSize; none if there are none yet.
func (r *reader) next(ctx context.Context) ([]verdict.Event, error) {
	if r.confirmed < r.until {
		if events, err := r.nextUnconfirmed(ctx); err != nil || len(events) > 0 {
			return events, err
		}
	}
	for {
		events, after := r.journal.since(r.at)
		if r.at < after {
			caughtUp, err := r.catchUp(ctx, after)
			if err != nil || len(caughtUp) > 0 {
				return caughtUp, err
			}
			continue
		}
		events = events[:min(len(events), pageSize)]
		if len(events) > 0 {
			r.at = events[len(events)-1].ID
		}
		return events, nil
	}
}

// passed reports whether a verdict that next returned has moved the place: those that nobody has confirmed have not.
func (r *reader) passed(e verdict.Event) bool { return e.ID > r.start }

// catchUp reads the record until the position where the journal's memory begins.
func (r *reader) catchUp(ctx context.Context, until int64) ([]verdict.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	settled, err := r.journal.store.Settled(ctx, &r.journal.audience, r.at, pageSize)
	if err != nil {
		return nil, err
	}
	if len(settled) > 0 {
		r.at = settled[len(settled)-1].EventID
	}
	if len(settled) < pageSize {
		r.at = max(r.at, until)
	}
	return toEvents(settled), nil
}

// nextUnconfirmed reads on in what nobody has confirmed.
func (r *reader) nextUnconfirmed(ctx context.Context) ([]verdict.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	settled, err := r.journal.store.Unconfirmed(ctx, r.journal.audience, r.confirmed, r.until, pageSize)
	if err != nil {
		return nil, err
	}
	if len(settled) < pageSize {
		r.confirmed = r.until
	} else {
		r.confirmed = settled[len(settled)-1].EventID
	}
	return toEvents(settled), nil
}

// attend has wake called whenever there may be more, at once to begin with, until the reader is closed. It must not block.
func (r *reader) attend(wake func()) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	r.wake = wake
	wake()
}

// close ends the reading; wake isn't called any more once it has returned.
func (r *reader) close() { r.journals.leave(r) }

// journals are those that somebody reads.
type journals struct {
	store Store
	feed  verdict.Feed
	log   *slog.Logger

	mu   sync.Mutex // guards read, and who joins and leaves
	read map[verdict.Audience]*journal
}

func newJournals(store Store, feed verdict.Feed, log *slog.Logger) *journals {
	return &journals{store: store, feed: feed, log: log, read: map[verdict.Audience]*journal{}}
}

// open returns a reader of an audience's verdicts. A position that we have not come to yet isn't one of ours, and means
// now. The reader must be closed.
func (js *journals) open(ctx context.Context, a verdict.Audience, p position) (*reader, error) {
	r := &reader{journals: js, wake: func() {}}
	js.join(r, a) // before the record is read, so that nothing falls between
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now, err := js.store.LastEventID(ctx)
	if err != nil {
		r.close()
		return nil, err
	}
	r.journal.start(now)
	r.at = now
	if p.told && p.after <= now {
		r.at = p.after
	}
	r.start = r.at
	if p.unconfirmed {
		r.until = r.at
	}
	return r, nil
}

// join puts a reader to the journal of an audience; the first begins it.
func (js *journals) join(r *reader, a verdict.Audience) {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, ok := js.read[a]
	if !ok {
		j = newJournal(a, js.store, js.feed, js.log)
		js.read[a] = j
	}
	r.journal = j
	j.join(r)
}

// leave ends a journal when its last reader has left.
func (js *journals) leave(r *reader) {
	js.mu.Lock()
	last := r.journal.leave(r) == 0
	if last {
		delete(js.read, r.journal.audience)
	}
	js.mu.Unlock()
	if last {
		r.journal.stop()
	}
}
