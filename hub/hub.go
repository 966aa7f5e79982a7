// Package hub pushes verdicts to the subscribers of this process. Events come by the stream, which may lose, repeat and
// reorder them; a comparison with the record every two seconds brings what the stream did not. Package stream, below,
// is that stream.
package hub

import (
	"log/slog"
	"sync"
	"time"

	"verdict"
)

// Hub delivers each event of the stream, or of the record, once to the subscribers of its topics. It is a verdict.Feed.
type Hub struct {
	record Record
	log    *slog.Logger
	every  time.Duration // between comparisons with the record
	topics *topics

	watch   Watch // nil: nobody wants to know
	watched watched

	mu      sync.Mutex // guards what follows; held while subscribers are told, so that they are told one event at a time
	started bool
	cursor  int64              // every event up to it was told, or is older than the hub
	told    map[int64]struct{} // the events above cursor that were told
}

// maxTold bounds told, to about 2 MB. In ordinary times it holds the events of two seconds. While the database is away
// the cursor stands still and told fills up; then further events are left to the record, which has them all.
const maxTold = 1 << 16

// New returns a hub over the record. watch, unless it is nil, is told of the transactions that somebody is listening for.
func New(record Record, watch Watch, log *slog.Logger) *Hub {
	return &Hub{
		record: record, log: log, every: compareEvery, topics: newTopics(), told: map[int64]struct{}{},
		watch: watch, watched: watched{due: map[verdict.Topic]report{}},
	}
}

// Subscribe has deliver called with each event of the topic until cancel is called, or until the verdict where the topic is
// one transaction. Events are delivered one at a time, not always in the order of their ids. When cancel has returned deliver isn't called any more; calling it again does
// nothing.
//
// That needs a lock which is held while deliver runs. So deliver must not block, must not call Subscribe or a cancel,
// and must not wait for a lock that somebody holds while calling one: any of these stops the hub for good. A subscriber
// that has heard enough leaves it to its own goroutine to cancel.
func (h *Hub) Subscribe(topic verdict.Topic, deliver func(verdict.Event)) (cancel func()) {
	if h.watch != nil && topic.Transaction != "" {
		h.watched.add(topic)
	}
	return h.topics.add(topic, deliver)
}

// Deliver tells an event that came by the stream to the subscribers of its transaction and to those of its audience. An
// event that was told before is dropped.
func (h *Hub) Deliver(e verdict.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.news(e.ID) || len(h.told) >= maxTold {
		return
	}
	h.told[e.ID] = struct{}{}
	h.tell(e)
}

// news reports whether an event was not told yet. h.mu is held.
func (h *Hub) news(id int64) bool {
	_, told := h.told[id]
	return id > h.cursor && !told
}

// tell calls the subscribers. A topic names its audience, also where it names a transaction, so the subscription of a
// stranger who learned a transaction's id is another topic, which no event has. h.mu is held.
func (h *Hub) tell(e verdict.Event) {
	audience := verdict.Audience{Tenant: e.Tenant, Owner: e.Owner}
	h.topics.tell(verdict.Topic{Audience: audience, Transaction: e.Transaction}, e)
	h.topics.tell(verdict.Topic{Audience: audience}, e)
}
