package hub

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"verdict"
)

const (
	// watchFirst is how long after its first subscriber a transaction is reported as watched: most are settled by then.
	watchFirst = 2 * time.Second

	// watchFor is for how long it is reported again, after ever longer pauses, while that changes nothing.
	watchFor = time.Minute

	// maxWatched bounds the transactions that are to be reported, to about 8 MB; more go unreported.
	maxWatched = 1 << 16
)

// Watch is told that somebody is listening for a transaction's verdict. It returns false if it wants to be told again
// later.
type Watch func(ctx context.Context, transaction string) (done bool, err error)

// watched are the transactions that somebody subscribed to a short while ago.
type watched struct {
	mu  sync.Mutex // guards due
	due map[verdict.Topic]report
}

// report is when to report a transaction next, and how long that is after the first time or the one before.
type report struct {
	at    time.Time
	pause time.Duration
}

// add notes a subscription.
func (w *watched) add(topic verdict.Topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.due[topic]; !known && len(w.due) < maxWatched {
		w.due[topic] = report{time.Now().Add(watchFirst), watchFirst}
	}
}

// take returns the topics to report now, in the order of their transactions, and has each reported again after twice its pause, unless that is too long.
func (w *watched) take(now time.Time) (topics []verdict.Topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for topic, r := range w.due {
		if r.at.After(now) {
			continue
		}
		topics = append(topics, topic)
		r.pause *= 2
		r.at = now.Add(r.pause)
		w.due[topic] = r
		if r.pause > watchFor {
			delete(w.due, topic)
		}
	}
	slices.SortFunc(topics, func(a, b verdict.Topic) int { return strings.Compare(a.Transaction, b.Transaction) })
	return topics
}

func (w *watched) drop(topic verdict.Topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.due, topic)
}

// report tells watch of the transactions that somebody is listening for. It takes no longer than a read may: those it
// doesn't come to have their turn with the next report of theirs.
func (h *Hub) report(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for _, topic := range h.watched.take(time.Now()) {
		done := true
		var err error
		if h.topics.has(topic) {
			done, err = h.watch(ctx, topic.Transaction)
		}
		if done {
			h.watched.drop(topic)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
