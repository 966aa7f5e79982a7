package web

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"verdict"
)

// memory is a verdict.Store for tests, as simple as the contract allows. Trouble makes its methods fail.
type memory struct {
	mu        sync.Mutex
	trouble   error // of reads and writes
	byID      map[string]verdict.Transaction
	history   map[string][]verdict.Evidence
	parked    []verdict.Webhook
	conflicts []verdict.Conflict
	partners  map[string]verdict.Partner
	last      int64
	reads     map[string]int // by method
	spent     map[string]bool
	notices   []verdict.Notice // in the order of their numbers, from 1
	endpoints []verdict.Endpoint

	verdict.Noticeboard // of which web needs some
}

func newMemory() *memory {
	return &memory{
		byID: map[string]verdict.Transaction{}, history: map[string][]verdict.Evidence{}, reads: map[string]int{},
		partners: map[string]verdict.Partner{}, spent: map[string]bool{},
	}
}

// enter locks the store and counts the call; leave with m.mu.Unlock.
func (m *memory) enter(ctx context.Context, method string) error {
	m.mu.Lock()
	m.reads[method]++
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.trouble
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble = err
}

func (m *memory) count(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads[method]
}

func (m *memory) put(t verdict.Transaction) verdict.Transaction {
	m.last++
	t.EventID = m.last
	m.byID[t.ID] = t
	return t
}

func (m *memory) Create(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	err := m.enter(ctx, "Create")
	defer m.mu.Unlock()
	if err != nil {
		return verdict.Transaction{}, false, err
	}
	for _, other := range m.byID {
		if other.Scope == t.Scope {
			return other, false, nil
		}
	}
	return m.put(t), true, nil
}

func (m *memory) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	err := m.enter(ctx, "Replace")
	defer m.mu.Unlock()
	if err != nil {
		return verdict.Transaction{}, err
	}
	if m.byID[next.ID].Version != next.Version-1 {
		return verdict.Transaction{}, verdict.ErrStale
	}
	if e != nil {
		m.keep(next.ID, *e)
	}
	var before int64
	for _, t := range m.byID {
		if t.Settled() && t.Audience() == next.Audience() {
			before = max(before, t.EventID)
		}
	}
	stored := m.put(next)
	if stored.Settled() {
		stored.Follows = before
	}
	return stored, nil
}

func (m *memory) Record(ctx context.Context, id string, e verdict.Evidence) error {
	err := m.enter(ctx, "Record")
	defer m.mu.Unlock()
	if err == nil {
		m.keep(id, e)
	}
	return err
}

// keep adds to a transaction's history, unless it is a webhook of the same bytes as one before it.
func (m *memory) keep(id string, e verdict.Evidence) {
	same := func(o verdict.Evidence) bool { return o.Source == e.Source && bytes.Equal(o.Raw, e.Raw) }
	if e.Source == verdict.SourceWebhook && slices.ContainsFunc(m.history[id], same) {
		return
	}
	m.history[id] = append(m.history[id], e)
	if e.Conflict {
		m.conflicts = append(m.conflicts, verdict.Conflict{Number: int64(len(m.conflicts) + 1), Transaction: m.byID[id], Evidence: e})
	}
}

func (m *memory) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	err := m.enter(ctx, "Transaction")
	defer m.mu.Unlock()
	if err != nil {
		return verdict.Transaction{}, err
	}
	t, ok := m.byID[id]
	if !ok {
		return t, verdict.ErrNotFound
	}
	return t, nil
}

func (m *memory) Find(ctx context.Context, s verdict.Scope) (verdict.Transaction, error) {
	err := m.enter(ctx, "Find")
	defer m.mu.Unlock()
	if err != nil {
		return verdict.Transaction{}, err
	}
	for _, t := range m.byID {
		if t.Scope == s {
			return t, nil
		}
	}
	return verdict.Transaction{}, verdict.ErrNotFound
}

func (m *memory) History(ctx context.Context, id string) ([]verdict.Evidence, error) {
	err := m.enter(ctx, "History")
	defer m.mu.Unlock()
	return slices.Clone(m.history[id]), err
}

func (m *memory) Settled(ctx context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	err := m.enter(ctx, "Settled")
	defer m.mu.Unlock()
	mine := func(t verdict.Transaction) bool { return t.Settled() && (a == nil || t.Audience() == *a) }
	return m.which(after, limit, mine), err
}

func (m *memory) which(after int64, limit int, is func(verdict.Transaction) bool) []verdict.Transaction {
	var list []verdict.Transaction
	for _, t := range m.byID {
		if t.EventID > after && is(t) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b verdict.Transaction) int { return int(a.EventID - b.EventID) })
	return list[:min(limit, len(list))]
}

func (m *memory) Deliver(ctx context.Context, deliveries []verdict.Delivery) error {
	err := m.enter(ctx, "Deliver")
	defer m.mu.Unlock()
	for _, d := range deliveries {
		t, ok := m.byID[d.Transaction]
		if err != nil || !ok || !t.Settled() {
			continue
		}
		t.ToldAt = cmp.Or(t.ToldAt, d.Told)
		t.ConfirmedAt = cmp.Or(t.ConfirmedAt, d.Confirmed)
		m.byID[t.ID] = t
	}
	return err
}

func (m *memory) Unconfirmed(ctx context.Context, a verdict.Audience, after, until int64, limit int) ([]verdict.Transaction, error) {
	err := m.enter(ctx, "Unconfirmed")
	defer m.mu.Unlock()
	return m.which(after, limit, func(t verdict.Transaction) bool {
		return t.Settled() && t.Audience() == a && t.EventID <= until && t.ConfirmedAt.IsZero()
	}), err
}

func (m *memory) Spend(ctx context.Context, name string, until time.Time) (first bool, err error) {
	err = m.enter(ctx, "Spend")
	defer m.mu.Unlock()
	if err != nil || m.spent[name] || !time.Now().Before(until) {
		return false, err
	}
	m.spent[name] = true
	return true, nil
}

func (m *memory) LastEventID(ctx context.Context) (int64, error) {
	err := m.enter(ctx, "LastEventID")
	defer m.mu.Unlock()
	return m.last, err
}

func (m *memory) Park(ctx context.Context, w verdict.Webhook) error {
	err := m.enter(ctx, "Park")
	defer m.mu.Unlock()
	same := func(o verdict.Webhook) bool {
		return o.Transaction == w.Transaction && bytes.Equal(o.Body, w.Body)
	}
	if err == nil && !slices.ContainsFunc(m.parked, same) {
		m.parked = append(m.parked, w)
	}
	return err
}

func (m *memory) InStage(ctx context.Context, stage verdict.Stage, after int64, limit int) ([]verdict.Transaction, error) {
	err := m.enter(ctx, "InStage")
	defer m.mu.Unlock()
	return m.which(after, limit, func(t verdict.Transaction) bool { return t.Stage == stage }), err
}

func (m *memory) Walk(ctx context.Context, from, below string, limit int) ([]verdict.Transaction, error) {
	err := m.enter(ctx, "Walk")
	defer m.mu.Unlock()
	found := m.which(0, len(m.byID), func(t verdict.Transaction) bool { return t.ID >= from && t.ID < below })
	slices.SortFunc(found, func(a, b verdict.Transaction) int { return cmp.Compare(b.ID, a.ID) })
	return found[:min(limit, len(found))], err
}

func (m *memory) Conflicts(ctx context.Context, after int64, limit int) ([]verdict.Conflict, error) {
	err := m.enter(ctx, "Conflicts")
	defer m.mu.Unlock()
	var list []verdict.Conflict
	for _, c := range m.conflicts {
		if c.Number > after && len(list) < limit {
			list = append(list, c)
		}
	}
	return list, err
}

func (m *memory) Backlog(ctx context.Context, _ time.Time) (verdict.Backlog, error) {
	err := m.enter(ctx, "Backlog")
	defer m.mu.Unlock()
	b := verdict.Backlog{Conflicts: len(m.conflicts), Parked: len(m.parked)}
	for _, t := range m.byID {
		if t.Stage == verdict.StageReview {
			b.Review++
		}
		if _, ok := t.Command(); ok {
			b.Commands++
		}
	}
	return b, err
}

func (m *memory) Partner(ctx context.Context, provider string) (verdict.Partner, error) {
	err := m.enter(ctx, "Partner")
	defer m.mu.Unlock()
	return m.partners[provider], err
}

func (m *memory) NoticesOf(ctx context.Context, transaction string) (found []verdict.Notice, err error) {
	err = m.enter(ctx, "NoticesOf")
	defer m.mu.Unlock()
	for _, n := range m.notices {
		if n.Transaction == transaction {
			found = append(found, n)
		}
	}
	return found, err
}

func (m *memory) Notices(ctx context.Context, endpoint string, state verdict.NoticeState, after int64, limit int) (found []verdict.Notice, err error) {
	err = m.enter(ctx, "Notices")
	defer m.mu.Unlock()
	for _, n := range m.notices {
		if n.State() == state && n.Number > after && (endpoint == "" || n.Endpoint == endpoint) && len(found) < limit {
			found = append(found, n)
		}
	}
	return found, err
}

func (m *memory) ReplaceNotice(ctx context.Context, next verdict.Notice) error {
	err := m.enter(ctx, "ReplaceNotice")
	defer m.mu.Unlock()
	if m.notices[next.Number-1].Version != next.Version-1 {
		return verdict.ErrStale
	}
	m.notices[next.Number-1] = next
	return err
}

func (m *memory) Endpoints(ctx context.Context) ([]verdict.Endpoint, error) {
	err := m.enter(ctx, "Endpoints")
	defer m.mu.Unlock()
	return slices.Clone(m.endpoints), err
}

func (m *memory) OpenEndpoint(ctx context.Context, name string) error {
	err := m.enter(ctx, "OpenEndpoint")
	defer m.mu.Unlock()
	for i, e := range m.endpoints {
		if e.Name == name {
			m.endpoints[i].ClosedUntil, m.endpoints[i].Reason = time.Time{}, ""
			return err
		}
	}
	return cmp.Or(err, verdict.ErrNotFound)
}

func (m *memory) DropEndpoint(ctx context.Context, name string, limit int) (deleted int, err error) {
	err = m.enter(ctx, "DropEndpoint")
	defer m.mu.Unlock()
	known := slices.ContainsFunc(m.endpoints, func(e verdict.Endpoint) bool { return e.Name == name })
	if err != nil || !known {
		return 0, cmp.Or(err, verdict.ErrNotFound)
	}
	m.notices = slices.DeleteFunc(m.notices, func(n verdict.Notice) bool {
		drop := n.Endpoint == name && n.State() != verdict.NoticeTold && deleted < limit
		if drop {
			deleted++
		}
		return drop
	})
	if deleted < limit {
		m.endpoints = slices.DeleteFunc(m.endpoints, func(e verdict.Endpoint) bool { return e.Name == name })
	}
	return deleted, nil
}

// Web needs no more than the above; the rest is what workers and the sweeper use.

func (m *memory) Ask(context.Context, verdict.Transaction, verdict.Budget, time.Time) (verdict.Transaction, verdict.Turn, error) {
	return verdict.Transaction{}, verdict.Turn{}, verdict.ErrStale
}
func (m *memory) ClaimDue(context.Context, verdict.Lane, time.Time, int) ([]verdict.Command, error) {
	return nil, nil
}
func (m *memory) Learn(context.Context, string, verdict.Learned) error     { return nil }
func (m *memory) Parked(context.Context, int) ([]verdict.Webhook, error)   { return nil, nil }
func (m *memory) ReleaseKeys(context.Context, time.Time, int) (int, error) { return 0, nil }
func (m *memory) Unpark(context.Context, verdict.Webhook) error            { return nil }
func (m *memory) Waiting(context.Context) ([]string, error)                { return nil, nil }
func (m *memory) DueSince(context.Context, verdict.Lane, int) (time.Time, error) {
	return time.Time{}, nil
}
func (m *memory) Unclaim(context.Context, []verdict.Command) error { return nil }
func (m *memory) Secret(context.Context) ([]byte, error)           { return make([]byte, 32), nil }
func (m *memory) Close() error                                     { return nil }
