package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"verdict"
	"verdict/persistence/relational"
)

const (
	partner = `SELECT pace, learned FROM partners WHERE name = ?`
	pace    = `SELECT pace FROM partners WHERE name = ?`
	learned = `SELECT learned FROM partners WHERE name = ?`

	keepPace = `INSERT INTO partners (name, pace) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET pace = excluded.pace`
	keepLearned = `INSERT INTO partners (name, learned) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET learned = excluded.learned`

	providerOf        = `SELECT provider FROM transactions WHERE id = ?`
	providerOfVersion = `SELECT provider FROM transactions WHERE id = ? AND version = ?`
)

// Partner implements verdict.Store.
func (s *Store) Partner(ctx context.Context, provider string) (verdict.Partner, error) {
	known, err := orZero(read(ctx, s, scanPartner, partner, provider))
	if err != nil {
		return verdict.Partner{}, fmt.Errorf("read what is known of a partner: %w", err)
	}
	return known, nil
}

func scanPartner(rows row) (p verdict.Partner, err error) {
	err = rows.Scan(document{&p.Pace}, document{&p.Learned})
	return p, err
}

// Learn implements verdict.Store.
func (s *Store) Learn(ctx context.Context, provider string, seen verdict.Learned) error {
	seen.At = relational.Plain(seen.At)
	_, err := write(ctx, s.queue.Wait, func(c *commit) (int64, error) { return c.learn(provider, seen) })
	if err != nil {
		return fmt.Errorf("learn of a partner: %w", err)
	}
	return nil
}

func (c *commit) learn(provider string, seen verdict.Learned) (int64, error) {
	before, err := orZero(list(context.Background(), c.kept, fromJSON[verdict.Learned], learned, provider))
	if err != nil {
		return 0, err
	}
	return c.kept.exec(keepLearned, provider, document{before.Add(seen)})
}

// asked is what came of an attempt to ask.
type asked struct {
	stored  verdict.Transaction
	turn    verdict.Turn
	refusal error // why nothing was stored
}

// Ask implements verdict.Store.
func (s *Store) Ask(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
	a, err := write(ctx, s.queue.Wait, func(c *commit) (asked, error) { return c.ask(next, b, relational.Plain(now)) })
	if err == nil {
		err = a.refusal
	}
	if err != nil {
		return verdict.Transaction{}, verdict.Turn{}, fmt.Errorf("ask: %w", err)
	}
	return a.stored, a.turn, nil
}

func (c *commit) ask(next verdict.Transaction, b verdict.Budget, now time.Time) (asked, error) {
	provider, err := first(list(context.Background(), c.kept, value[string], providerOfVersion, next.ID, next.Version-1))
	if errors.Is(err, sql.ErrNoRows) {
		return asked{refusal: verdict.ErrStale}, nil
	}
	if err != nil {
		return asked{}, err
	}
	before, err := c.pace(provider)
	if err != nil {
		return asked{}, err
	}
	after, turn, err := before.Take(b, now)
	if paced, ok := errors.AsType[*verdict.PacedError](err); ok {
		return asked{refusal: paced}, c.putOff(next.ID, paced.Until)
	}
	stored, err := first(c.replace(next, nil))
	if err != nil {
		return asked{}, err
	}
	return asked{stored: stored, turn: turn}, c.keepPace(provider, after)
}

func (c *commit) pace(provider string) (verdict.Pace, error) {
	return orZero(list(context.Background(), c.kept, fromJSON[verdict.Pace], pace, provider))
}

func (c *commit) keepPace(provider string, p verdict.Pace) error {
	_, err := c.kept.exec(keepPace, provider, document{p})
	return err
}

// changePace has the pace follow from evidence. What is neither a refusal nor an answer to a check is most of it, and has
// no bearing on the pace: for that nothing is read.
func (c *commit) changePace(id string, e verdict.Evidence) error {
	if e.Wait <= 0 && e.Source != verdict.SourceCheck {
		return nil
	}
	provider, err := first(list(context.Background(), c.kept, value[string], providerOf, id))
	if err != nil {
		return err
	}
	before, err := c.pace(provider)
	if err != nil {
		return err
	}
	e.At = relational.Plain(e.At)
	after := before.After(e)
	if after == before {
		return nil
	}
	return c.keepPace(provider, after)
}
