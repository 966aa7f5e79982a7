package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/knadh/koanf/v2"

	"verdict"
	"verdict/persistence/archive"
)

const (
	// keysFor is for how long keys are remembered once what is over goes to the archive, and keptFor when it goes.
	keysFor, keptFor = 150 * time.Second, 151 * time.Second

	retainFor = 70 * time.Second // how long faults go on then: at least one pass comes
)

func (u *universe) archiveDir() string { return filepath.Join(u.dir, "archive") }

// retention configures that what is over is archived, once that is wanted.
func (u *universe) retention(k *koanf.Koanf) {
	if u.retains.Load() {
		set(k, "idempotency.retention", keysFor.String())
		set(k, "retention.transactions", keptFor.String())
		set(k, "retention.archive", u.archiveDir())
	}
}

// archives is what the configuration says, on ports that fail as the seed has it.
func (u *universe) archives(store *simStore, c config, log *slog.Logger) (*verdict.Retention, error) {
	r, err := c.Retention.open(store, log)
	if r != nil {
		r.Archive = &simArchive{store.life, r.Archive}
	}
	return r, err
}

// retain has all instances restart with a retention, and faults come back. Some apps repeat what they sent, mostly while the
// key is remembered. In the end all that is over must be gone.
func (u *universe) retain(p plan) {
	ctx := context.Background()
	u.retains.Store(true)
	u.forgets = time.Now()
	for _, i := range u.instances {
		for l := i.current(); l == nil || !l.shutDown(); l = i.current() {
			time.Sleep(time.Second)
		}
		time.Sleep(time.Millisecond)
	}
	u.chaos.Store(true)
	u.note("fault", "faults come back")
	u.running.Go(func() { u.sabotage(ctx) })
	a := u.openApps()
	for n := range p.keys {
		key, within := keyOf(n), retainFor
		r := u.draw("repeat of " + key)
		if t, err := u.audit.Find(ctx, u.scopeOf(key)); err == nil && r.IntN(20) > 0 {
			within = min(within, time.Until(t.SettledAt.Add(keysFor-20*time.Second)))
		}
		if within > 0 && r.IntN(2) == 0 {
			a.playing.Go(func() {
				time.Sleep(between(r, 0, within))
				u.happened.hit("a key was used again late")
				a.submit(ctx, key+"/later", key, make(chan string))
			})
		}
	}
	time.Sleep(retainFor)
	u.chaos.Store(false)
	u.note("fault", "no more faults")
	a.playing.Wait()
	u.await(healFor, func() bool { return len(u.overdue()) == 0 })
	u.late = u.overdue()
	if slices.ContainsFunc(u.ends(), func(e verdict.Endpoint) bool { return e.Pending > 0 }) {
		u.happened.hit("what a backend was yet to be told was kept")
	}
	u.note("fault", "archived, or out of time")
}

// overdue are the transactions on record that are to go on or to the archive. What contradicts itself stays, and what a
// backend is yet to be told.
func (u *universe) overdue() (ids []string) {
	ctx := context.Background()
	for _, stage := range []verdict.Stage{verdict.StageAccepted, verdict.StageSending, verdict.StageWaiting, verdict.StageSettled} {
		list, err := u.audit.InStage(ctx, stage, 0, math.MaxInt32)
		if err != nil {
			return []string{err.Error()}
		}
		for _, t := range list {
			heard, err := u.audit.History(ctx, t.ID)
			notices, more := u.audit.NoticesOf(ctx, t.ID)
			conflict := slices.ContainsFunc(heard, func(e verdict.Evidence) bool { return e.Conflict })
			untold := slices.ContainsFunc(notices, func(n verdict.Notice) bool { return n.State() == verdict.NoticePending })
			if err != nil || more != nil || !conflict && !untold {
				ids = append(ids, t.ID)
			}
		}
	}
	return ids
}

// errFull: the archive's disk has no room for more than the beginning of a line.
var errFull = errors.New("no space left on device")

// simArchive is the archive of an instance that may die or be paused around it, on a disk that is full now and then.
type simArchive struct {
	*life
	verdict.Archive
}

func (a *simArchive) Keep(now time.Time, over []verdict.Past, webhooks []verdict.Webhook) error {
	if err := a.point("before the archive", ""); err != nil {
		return err
	}
	if r := a.draw("archive"); a.u.chaos.Load() && r.IntN(4) == 0 {
		a.u.note("fault", "%s: the archive is full", a.name)
		a.u.happened.hit("the archive was full")
		return errors.Join(errFull, a.tear(now))
	}
	for _, p := range over {
		a.u.note(a.name, "archives %s", p.Transaction.ID)
	}
	if err := a.Archive.Keep(now, over, webhooks); err != nil {
		return err
	}
	return a.point("after the archive", "")
}

// tear leaves the beginning of a line.
func (a *simArchive) tear(now time.Time) error {
	f, err := os.OpenFile(filepath.Join(a.u.archiveDir(), now.UTC().Format(time.DateOnly)+".jsonl"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(`{"kind":"transaction","id":"0`)
	return errors.Join(err, f.Close())
}

func (s *simStore) Spend(ctx context.Context, name string, until time.Time) (first bool, err error) {
	err = s.write(ctx, "", "spend", name, func() (err error) {
		first, err = s.Store.Spend(ctx, name, until)
		return err
	})
	return first, err
}

// Forget implements verdict.Forgetter. What is deleted is kept here as the record had it.
func (s *simStore) Forget(ctx context.Context, archived []verdict.Past) (n int, err error) {
	store := s.Store.(verdict.Forgetter)
	err = s.write(ctx, "a deletion", "forget", fmt.Sprint(len(archived)), func() (err error) {
		before := make([]verdict.Past, len(archived))
		for i, p := range archived {
			before[i].Transaction, _ = store.Transaction(ctx, p.Transaction.ID) // zero if it is gone already
			if before[i].Evidence, err = store.History(ctx, p.Transaction.ID); err != nil {
				return err
			}
		}
		n, err = store.Forget(ctx, archived)
		for _, p := range before {
			if _, gone := store.Transaction(ctx, p.Transaction.ID); p.Transaction.ID != "" && errors.Is(gone, verdict.ErrNotFound) {
				s.u.note(s.name, "%s (%s) is deleted", p.Transaction.ID, p.Transaction.Key)
				s.u.evidence.forget(forgotten{time.Now(), p})
			}
		}
		return err
	})
	return n, err
}

func (s *simStore) Stranded(ctx context.Context, before time.Time, limit int) ([]verdict.Webhook, error) {
	if err := s.read(ctx, "stranded"); err != nil {
		return nil, err
	}
	return s.Store.(verdict.Forgetter).Stranded(ctx, before, limit)
}

// archived reads the archive: the lines of each transaction.
func (c *inspector) archived() (map[string][]archive.Transaction, error) {
	files, err := filepath.Glob(filepath.Join(c.u.archiveDir(), "*.jsonl"))
	lines := map[string][]archive.Transaction{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			var t archive.Transaction
			if json.Unmarshal(line, &t) == nil && t.Kind == "transaction" { // else it is what a full disk left
				lines[t.ID] = append(lines[t.ID], t)
			}
		}
	}
	return lines, err
}

// retained: what was deleted was over, and is in the archive just as the record had it; nothing else is gone, and nothing
// that is over stays.
func (c *inspector) retained() error {
	lines, err := c.archived()
	if err != nil {
		return err
	}
	for _, f := range c.forgotten {
		t := f.Transaction
		about := []string{t.ID, t.Key}
		if !slices.ContainsFunc(lines[t.ID], func(l archive.Transaction) bool { return sameLine(l, f.Past) }) {
			c.report("archive whole", about, "%s (%s) was deleted, and isn't in the archive as it was: %+v", t.ID, t.Key, lines[t.ID])
		}
		if len(lines[t.ID]) > 1 {
			c.u.happened.hit("a transaction was archived twice")
		}
		if !t.Settled() || f.at.Before(t.SettledAt.Add(keptFor)) {
			c.report("archive over", about, "%s (%s) was deleted %s after its verdict, being %s", t.ID, t.Key, f.at.Sub(t.SettledAt), t.Status)
		}
		c.known[t.ID], c.history[t.ID] = t, f.Evidence
		c.u.happened.hit("a transaction was deleted")
	}
	for _, m := range c.commits {
		if _, ok := c.known[m.t.ID]; !ok {
			last, _ := c.asOf(m.t.ID, time.Now())
			c.report("archive over", []string{m.t.ID}, "%s (%s) was %s, and is gone", m.t.ID, m.t.Key, last.Status)
		}
	}
	for _, id := range c.u.late {
		c.report("archive over", []string{id}, "%s is to go to the archive, and stays", id)
	}
	return nil
}

// sameLine reports whether a line of the archive says all that was on record.
func sameLine(l archive.Transaction, p verdict.Past) bool {
	t := p.Transaction
	want := archive.Transaction{
		Kind: "transaction", ID: t.ID, ArchivedAt: l.ArchivedAt, Tenant: t.Tenant, Owner: t.Owner, Operation: t.Operation, Key: t.Key,
		Provider: t.Provider, Reference: t.Reference, Fingerprint: hex.EncodeToString(t.Fingerprint[:]), Status: t.Status,
		Reason: t.Reason, Version: t.Version, EventID: t.EventID, Sends: t.Sends, Trace: t.Trace, CreatedAt: t.CreatedAt.UTC(),
		SentAt: t.SentAt.UTC(), SettledAt: t.SettledAt.UTC(), ToldAt: t.ToldAt.UTC(), ConfirmedAt: t.ConfirmedAt.UTC(),
		Payload: archive.Bytes{Text: string(t.Payload)}, Evidence: []archive.Evidence{},
	}
	for _, e := range p.Evidence {
		want.Evidence = append(want.Evidence, archive.Evidence{
			Source: e.Source, Outcome: e.Outcome, Reason: e.Reason, Reference: e.Reference, Asked: e.Asked.UTC(), At: e.At.UTC(),
			WaitMS: e.Wait.Milliseconds(), Raw: archive.Bytes{Text: string(e.Raw)},
		})
	}
	return reflect.DeepEqual(l, want)
}
