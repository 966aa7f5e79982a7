package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"verdict"
)

// A model is what a store should hold after the calls made so far.
type model struct {
	store    verdict.Store
	standing []verdict.Transaction // in the order in which they were created
	steps    map[string]step
	evidence map[string][]verdict.Evidence
	pieces   []string // whose evidence was stored, in that order
	partners map[string]verdict.Partner
	spent    map[string]bool // by name
	last     int64           // event id
}

// providers are those of the model's transactions.
var providers = []string{"another", "partner"}

// A step is a command that waits. When it was the committer's, its claim ends a lease after the store's own clock read
// a time that we only know the bounds of.
type step struct {
	command      verdict.Command
	since        time.Time
	from, surely time.Time // it may be due from the one, and is from the other
}

// compareWithModel makes random sequences of calls, and compares every answer with the model's.
func compareWithModel(t *testing.T, open func(t *testing.T) verdict.Store) {
	rapid.Check(t, func(r *rapid.T) {
		m := &model{
			store: open(t), steps: map[string]step{}, evidence: map[string][]verdict.Evidence{},
			partners: map[string]verdict.Partner{}, spent: map[string]bool{},
		}
		defer m.store.Close()
		r.Repeat(map[string]func(*rapid.T){
			"create":      m.create,
			"send":        m.send,
			"weigh":       m.weigh,
			"ask":         m.ask,
			"learn":       m.learn,
			"stale":       m.stale,
			"record":      m.record,
			"claim":       m.claim,
			"settled":     m.settled,
			"walk":        m.walk,
			"deliver":     m.deliver,
			"unconfirmed": m.unconfirmed,
			"spend":       m.spend,
			"":            m.check,
		})
	})
}

func (m *model) create(r *rapid.T) {
	now := time.Now()
	given := accepted(rapid.SampledFrom([]string{"a", "b"}).Draw(r, "owner"), rapid.IntRange(0, 4).Draw(r, "n"), now)
	given.ID = fmt.Sprint("id ", len(m.standing))
	given.Provider = rapid.SampledFrom(providers).Draw(r, "provider")
	given.Payload = rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(r, "payload")
	given.Trace = rapid.SampledFrom([]string{"", exotic().Trace}).Draw(r, "trace")
	got, created, err := m.store.Create(r.Context(), given)
	if i := slices.IndexFunc(m.standing, func(t verdict.Transaction) bool { return t.Scope == given.Scope }); i >= 0 {
		m.same(r, err, []any{got, created}, []any{m.standing[i], false})
		return
	}
	m.standing = append(m.standing, verdict.Transaction{})
	m.keep(r, len(m.standing)-1, given, got, now, err)
	m.same(r, err, created, true)
}

// keep takes a change that the store has made into the model, and compares what the store returned.
func (m *model) keep(r *rapid.T, i int, next, got verdict.Transaction, before time.Time, err error) {
	next.EventID, next.Follows = got.EventID, m.before(next)
	next.Due, next.CreatedAt, next.SentAt = plain(next.Due), plain(next.CreatedAt), plain(next.SentAt)
	next.CheckedAt, next.SettledAt = plain(next.CheckedAt), plain(next.SettledAt)
	m.same(r, err, got, next)
	if next.EventID <= m.last {
		r.Fatalf("event id %d came after %d", next.EventID, m.last)
	}
	next.Follows = 0
	m.last, m.standing[i] = next.EventID, next
	command, ok := next.Command()
	switch {
	case !ok:
		delete(m.steps, next.ID)
	case next.Due.After(before):
		m.steps[next.ID] = step{command, next.Due, next.Due, next.Due}
	default:
		m.steps[next.ID] = step{command, next.Due, before.Add(verdict.Lease), time.Now().Add(verdict.Lease)}
	}
}

// before returns the event id of the last verdict of the audience of one that is settled now.
func (m *model) before(next verdict.Transaction) (last int64) {
	for _, t := range m.standing {
		if next.Settled() && t.Settled() && t.Audience() == next.Audience() {
			last = max(last, t.EventID)
		}
	}
	return last
}

// pick returns the index of a transaction that stands.
func (m *model) pick(r *rapid.T) int {
	if len(m.standing) == 0 {
		r.Skip("nothing stands yet")
	}
	return rapid.IntRange(0, len(m.standing)-1).Draw(r, "transaction")
}

func (m *model) send(r *rapid.T) {
	i := m.pick(r)
	if m.standing[i].Stage != verdict.StageAccepted {
		r.Skip("it isn't to be sent")
	}
	now := time.Now()
	next := m.standing[i].Send(policy(), now)
	got, err := m.store.Replace(r.Context(), next, nil)
	m.keep(r, i, next, got, now, err)
}

func (m *model) weigh(r *rapid.T) {
	i := m.pick(r)
	if m.standing[i].Settled() {
		r.Skip("the verdict is known")
	}
	now := time.Now()
	e := drawEvidence(r, m.standing[i], now)
	next := m.standing[i].Weigh(e, policy())
	next.Watched = rapid.Bool().Draw(r, "watched")
	got, err := m.store.Replace(r.Context(), next, &e)
	m.keep(r, i, next, got, now, err)
	m.keepEvidence(next, e)
	m.contradict(next)
}

func (m *model) stale(r *rapid.T) {
	standing := m.standing[m.pick(r)]
	next := standing
	next.Version += int64(rapid.SampledFrom([]int{-1, 0, 2}).Draw(r, "ahead"))
	e := settledBy(time.Now())
	if _, err := m.store.Replace(r.Context(), next, &e); err == nil {
		r.Fatalf("version %d took the place of version %d", next.Version, standing.Version)
	}
	if _, _, err := m.store.Ask(r.Context(), next, drawBudget(r), time.Now()); !errors.Is(err, verdict.ErrStale) {
		r.Fatalf("version %d asked in the place of version %d: error %v", next.Version, standing.Version, err)
	}
}

func (m *model) claim(r *rapid.T) {
	now := plain(time.Now()).Add(time.Duration(rapid.IntRange(0, 1200).Draw(r, "seconds")) * time.Second)
	limit := rapid.IntRange(1, 3).Draw(r, "limit")
	lane := verdict.Lane{
		Provider: rapid.SampledFrom(providers).Draw(r, "provider"),
		Kind:     rapid.SampledFrom([]verdict.Kind{verdict.Submit, verdict.Check}).Draw(r, "kind"),
	}
	var due []step
	for _, next := range m.steps {
		switch {
		case next.command.Provider != lane.Provider || next.command.Kind != lane.Kind:
		case !next.surely.After(now):
			due = append(due, next)
		case !next.from.After(now):
			r.Skip("too close to the end of a committer's claim")
		}
	}
	slices.SortFunc(due, func(a, b step) int { return a.since.Compare(b.since) })
	due = due[:min(limit, len(due))]
	want := make([]verdict.Command, len(due))
	for i, next := range due {
		want[i] = next.command
		until := now.Add(min(max(now.Sub(next.since), verdict.Lease), verdict.MaxClaim))
		m.steps[next.command.Transaction] = step{next.command, next.since, until, until}
	}
	got, err := m.store.ClaimDue(r.Context(), lane, now, limit)
	m.same(r, err, append([]verdict.Command{}, got...), want)
}

func (m *model) settled(r *rapid.T) {
	after, limit := rapid.Int64Range(0, m.last).Draw(r, "after"), rapid.IntRange(0, 5).Draw(r, "limit")
	audience := rapid.SampledFrom([]*verdict.Audience{nil, {Tenant: "tenant", Owner: "a"}, {Tenant: "tenant", Owner: "c"}}).Draw(r, "audience")
	want := []verdict.Transaction{}
	for _, t := range m.standing {
		if t.Settled() && t.EventID > after && (audience == nil || *audience == t.Audience()) {
			want = append(want, t)
		}
	}
	slices.SortFunc(want, func(a, b verdict.Transaction) int { return cmp.Compare(a.EventID, b.EventID) })
	got, err := m.store.Settled(r.Context(), audience, after, limit)
	m.same(r, err, append([]verdict.Transaction{}, got...), want[:min(limit, len(want))])
}

func (m *model) walk(r *rapid.T) {
	bounds := []string{"", "i", "id 1", "id 11", "id 2", "id 4", "j"}
	from, below := rapid.SampledFrom(bounds).Draw(r, "from"), rapid.SampledFrom(bounds).Draw(r, "below")
	limit := rapid.IntRange(0, 5).Draw(r, "limit")
	want := []verdict.Transaction{}
	for _, t := range m.standing {
		if t.ID >= from && t.ID < below {
			want = append(want, head(t))
		}
	}
	slices.SortFunc(want, func(a, b verdict.Transaction) int { return cmp.Compare(b.ID, a.ID) })
	got, err := m.store.Walk(r.Context(), from, below, limit)
	m.same(r, err, append([]verdict.Transaction{}, got...), want[:min(limit, len(want))])
}

// check compares all that can be read.
func (m *model) check(r *rapid.T) {
	last, err := m.store.LastEventID(r.Context())
	m.same(r, err, last, m.last)
	m.checkPartners(r)
	m.checkConflicts(r)
	for _, t := range m.standing {
		got, err := m.store.Transaction(r.Context(), t.ID)
		m.same(r, err, got, t)
		found, err := m.store.History(r.Context(), t.ID)
		m.same(r, err, append([]verdict.Evidence(nil), found...), m.evidence[t.ID])
	}
}

func (m *model) same(r *rapid.T, err error, got, want any) {
	r.Helper()
	if err != nil {
		r.Fatalf("error: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		r.Fatalf("\n got %+v\nwant %+v", got, want)
	}
}
