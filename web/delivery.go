package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"verdict"
)

const (
	// noteEvery is how often it is noted which verdicts apps were told of.
	noteEvery = 500 * time.Millisecond

	// fewNotes are noted in one change: what apps wait for shares the commit. If that takes longer than fewFor, manyNotes are.
	fewNotes, manyNotes = 16, 256
	fewFor              = noteEvery / 2

	// maxNotes bounds the verdicts that wait for that, to a few megabytes. What exceeds it is told and not noted.
	maxNotes = 1 << 16
)

// notes are the verdicts that apps were told of, and for which that isn't on record yet.
type notes struct {
	store   Store
	log     func(error)
	writing chore

	mu    sync.Mutex           // guards what follows
	told  map[string]time.Time // by transaction
	going map[string]time.Time // those that are being written
}

func newNotes(store Store, log func(error)) *notes {
	n := &notes{store: store, log: log, told: map[string]time.Time{}}
	n.writing.work = n.write
	return n
}

// add notes that an app was told of a transaction's verdict.
func (n *notes) add(transaction string, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, noted := n.told[transaction]; noted || len(n.told) == maxNotes {
		return
	}
	n.told[transaction] = at
	if len(n.told) == 1 {
		time.AfterFunc(noteEvery, n.writing.call)
	}
}

// of returns when an app was told of a transaction's verdict, if that isn't on record yet, else the zero time.
func (n *notes) of(transaction string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, ok := n.going[transaction]; ok {
		return at
	}
	return n.told[transaction]
}

// write puts on record what was noted. What the record doesn't take is forgotten: nothing but the timeline knows of it.
func (n *notes) write() {
	n.mu.Lock()
	told := n.told
	n.told, n.going = map[string]time.Time{}, told
	n.mu.Unlock()
	if err := n.deliver(told); err != nil {
		n.log(err)
	}
	n.mu.Lock()
	n.going = nil
	n.mu.Unlock()
}

func (n *notes) deliver(told map[string]time.Time) error {
	rest := make([]verdict.Delivery, 0, len(told))
	for transaction, at := range told {
		rest = append(rest, verdict.Delivery{Transaction: transaction, Told: at})
	}
	for began := time.Now(); len(rest) > 0; {
		some := fewNotes
		if time.Since(began) > fewFor {
			some = manyNotes
		}
		some = min(some, len(rest))
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		err := n.store.Deliver(ctx, rest[:some])
		cancel()
		if err != nil {
			return err
		}
		rest = rest[some:]
	}
	return nil
}

// told notes that a verdict was handed to the network towards an app.
func (s *Server) told(e verdict.Event, l *line) {
	now := time.Now()
	s.metrics.events.WithLabelValues(l.seat.transport).Inc()
	if l.opened.Before(e.SettledAt) { // else it isn't the push that was late
		s.metrics.delay.Observe(now.Sub(e.SettledAt).Seconds())
	}
	if e.Told {
		return
	}
	s.notes.add(e.Transaction, now)
	if s.pushed != nil {
		since := l.opened
		if since.Before(e.SettledAt) {
			since = e.SettledAt
		}
		s.pushed(e, since, l.seat.transport)
	}
}

// confirmation is what an app that acknowledges a verdict is answered.
type confirmation struct {
	Transaction string    `json:"transaction"`
	ID          int64     `json:"id"`
	At          time.Time `json:"at"` // of the first acknowledgement
}

// acknowledge takes POST /v1/transactions/{id}/ack. The body is {"id":18}, the number of the verdict's event, or nothing.
func (s *Server) acknowledge(w http.ResponseWriter, r *http.Request) error {
	body, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	var event int64
	if len(body) > 0 {
		object, err := members(body)
		if err != nil {
			return err
		}
		if err := onlyMembers(object, "id"); err != nil {
			return err
		}
		if event, _, err = numberMember(object, "id", 1); err != nil {
			return err
		}
	}
	c, err := s.confirm(r.Context(), caller(r), r.PathValue("id"), event)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, c)
}

// confirm puts on record that an app has confirmed a verdict. The event is the verdict's, or 0.
func (s *Server) confirm(ctx context.Context, a verdict.Audience, id string, event int64) (confirmation, error) {
	var none confirmation
	t, err := s.read(ctx, a, id)
	if err != nil {
		return none, err
	}
	if !t.Settled() || event != 0 && event != t.EventID {
		return none, refusal{kind: notSettled}
	}
	if t.ConfirmedAt.IsZero() {
		d := verdict.Delivery{Transaction: id, Told: s.notes.of(id), Confirmed: time.Now()}
		if err := s.store.Deliver(ctx, []verdict.Delivery{d}); err != nil {
			return none, err
		}
		if t, err = s.read(ctx, a, id); err != nil { // another of the user's apps may have been first
			return none, err
		}
		s.metrics.confirmed.Inc()
		if !t.ToldAt.IsZero() {
			s.metrics.confirmDelay.Observe(t.ConfirmedAt.Sub(t.ToldAt).Seconds())
		}
	}
	return confirmation{id, t.EventID, t.ConfirmedAt.UTC().Truncate(time.Millisecond)}, nil
}
