package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
	"verdict/persistence/relational"
)

const (
	partner = `SELECT pace, learned FROM partners WHERE name = $1`

	// facts are what has to be known of transactions before evidence of them can change a pace.
	facts = `SELECT t.id, t.provider, t.version,
			EXISTS (SELECT FROM evidence e WHERE e.transaction_id = t.id AND e.digest = g.digest)
		FROM unnest($1::bytea[], $2::bytea[]) AS g (id, digest) JOIN transactions t ON t.id = g.id`

	known = `SELECT name, pace, learned FROM partners
		WHERE name = ANY ($1::bytea[]) OR name IN (SELECT provider FROM transactions WHERE id = ANY ($2::bytea[]))`

	keepPace = `INSERT INTO partners (name, pace) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET pace = excluded.pace`
	keepLearned = `INSERT INTO partners (name, learned) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET learned = excluded.learned`
)

// questions are what a commit has to know before it can be decided. Transactions are asked about at most once each, as
// they are in one operation at the most.
type questions struct {
	ids, digests [][]byte
	providers    []word
}

// A fact is what is known of a transaction under the lock.
type fact struct {
	provider string
	version  int64 // 0 if there is no such transaction
	repeated bool  // the evidence asked about is on record
}

// Partner implements verdict.Store.
func (s *Store) Partner(ctx context.Context, provider string) (verdict.Partner, error) {
	known, err := orZero(read(ctx, s, scanPartner, partner, word(provider)))
	if err != nil {
		return verdict.Partner{}, fmt.Errorf("read what is known of a partner: %w", err)
	}
	return known, nil
}

func scanPartner(row pgx.CollectableRow) (p verdict.Partner, err error) {
	err = row.Scan(document{&p.Pace}, document{&p.Learned})
	return p, err
}

// Learn implements verdict.Store.
func (s *Store) Learn(ctx context.Context, provider string, seen verdict.Learned) error {
	seen.At = relational.Plain(seen.At)
	op := &operation{ask: func(c *commit) { c.asked.providers = append(c.asked.providers, word(provider)) }}
	_, err := write(ctx, s.queue.Wait, op, func(c *commit, _ *struct{}) {
		c.learned[provider] = c.learned[provider].Add(seen)
		c.learnedOf = append(c.learnedOf, provider)
	})
	if err != nil {
		return fmt.Errorf("learn of a partner: %w", err)
	}
	return nil
}

// asked is what came of an attempt to ask.
type asked struct {
	stored  []verdict.Transaction
	turn    verdict.Turn
	refusal error // why nothing was stored
}

// Ask implements verdict.Store.
func (s *Store) Ask(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
	op := &operation{about: []any{next.ID}, size: size(next), ask: func(c *commit) { c.askFact(next.ID, nil) }}
	a, err := write(ctx, s.queue.Wait, op, func(c *commit, result *asked) { c.ask(next, b, relational.Plain(now), result) })
	if err == nil {
		err = a.refusal
	}
	if err == nil && len(a.stored) == 0 {
		err = verdict.ErrStale
	}
	if err != nil {
		return verdict.Transaction{}, verdict.Turn{}, fmt.Errorf("ask: %w", err)
	}
	return a.stored[0], a.turn, nil
}

func (c *commit) ask(next verdict.Transaction, b verdict.Budget, now time.Time, result *asked) {
	stands := c.facts[next.ID]
	if stands.version == 0 || stands.version != next.Version-1 {
		return
	}
	after, turn, err := c.paces[stands.provider].Take(b, now)
	if paced, ok := errors.AsType[*verdict.PacedError](err); ok {
		result.refusal = paced
		c.exec(putOff, moment(paced.Until), word(next.ID))
		return
	}
	result.turn = turn
	c.keepPace(stands.provider, after)
	c.changes = append(c.changes, change{next: next, result: &result.stored})
}

// askPace asks what has to be known to have the pace follow from evidence. What is neither a refusal nor an answer to a
// check is most of it, and has no bearing on the pace: for that nothing is read.
func (c *commit) askPace(id string, e verdict.Evidence) {
	if e.Wait > 0 || e.Source == verdict.SourceCheck {
		c.askFact(id, relational.Digest(e))
	}
}

func (c *commit) askFact(id string, digest []byte) {
	c.asked.ids, c.asked.digests = append(c.asked.ids, []byte(id)), append(c.asked.digests, digest)
}

// changePace has the pace follow from evidence that is going to be kept.
func (c *commit) changePace(id string, e verdict.Evidence) {
	of, known := c.facts[id]
	if !known || of.repeated {
		return
	}
	before := c.paces[of.provider]
	e.At = relational.Plain(e.At)
	if after := before.After(e); after != before {
		c.keepPace(of.provider, after)
	}
}

func (c *commit) keepPace(provider string, p verdict.Pace) {
	c.paces[provider] = p
	c.pacesOf = append(c.pacesOf, provider)
}

// inquire adds the reads of what was asked, and reports whether there are any.
func (c *commit) inquire() bool {
	q := c.asked
	if len(q.ids) > 0 {
		c.query(facts, func(rows pgx.Rows) error {
			var id string
			var f fact
			err := rows.Scan((*word)(&id), (*word)(&f.provider), &f.version, &f.repeated)
			c.facts[id] = f
			return err
		}, q.ids, q.digests)
	}
	if len(q.ids)+len(q.providers) == 0 {
		return false
	}
	c.query(known, func(rows pgx.Rows) error {
		var name string
		var p verdict.Partner
		err := rows.Scan((*word)(&name), document{&p.Pace}, document{&p.Learned})
		c.paces[name], c.learned[name] = p.Pace, p.Learned
		return err
	}, q.providers, q.ids)
	return true
}

// queuePartners adds the writes of what has changed of partners.
func (c *commit) queuePartners() {
	for _, name := range distinct(c.pacesOf) {
		c.exec(keepPace, word(name), document{c.paces[name]})
	}
	for _, name := range distinct(c.learnedOf) {
		c.exec(keepLearned, word(name), document{c.learned[name]})
	}
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
