package admin

import (
	"context"
	"slices"
	"time"

	"verdict"
)

// Verdict is when a transaction was settled, by what, and how long that took.
type Verdict struct {
	Transaction string         `json:"transaction"`
	Provider    string         `json:"provider"`
	Status      verdict.Status `json:"status"`
	Source      verdict.Source `json:"source"`
	At          time.Time      `json:"at"`
	TookMS      int64          `json:"took_ms"` // since it was accepted
}

// Bounds of what is told of the verdicts lately, by all instances.
const (
	recentTime    = time.Hour
	recentChanges = 1000 // only those among so many last changes of the record
	recentCount   = 500
)

// recent is the verdicts lately, the oldest first. What was read once isn't read again: a verdict is final.
type recent struct {
	verdicts []Verdict
	since    time.Time // from when on they are all there
	through  int64     // the event id of the last one
}

// read brings the verdicts up to date.
func (r *recent) read(ctx context.Context, store Store, now time.Time) error {
	last, err := store.LastEventID(ctx)
	if err != nil {
		return err
	}
	if last-recentChanges > r.through { // some in between won't be read
		*r = recent{through: last - recentChanges, since: now}
	}
	settled, err := store.Settled(ctx, nil, r.through, recentChanges)
	if err != nil {
		return err
	}
	for _, t := range settled {
		history, err := store.History(ctx, t.ID)
		if err != nil {
			return err
		}
		r.add(t, t.SettledBy(history))
	}
	if extra := len(r.verdicts) - recentCount; extra > 0 {
		r.verdicts = r.verdicts[extra:]
		r.since = r.verdicts[0].At
	}
	if ago := now.Add(-recentTime); r.since.Before(ago) {
		r.since = plain(ago)
	}
	r.verdicts = slices.DeleteFunc(append([]Verdict{}, r.verdicts...), func(v Verdict) bool { return v.At.Before(r.since) })
	return nil
}

func (r *recent) add(t verdict.Transaction, source verdict.Source) {
	v := Verdict{
		Transaction: t.ID, Provider: t.Provider, Status: t.Status, Source: source,
		At: plain(t.SettledAt), TookMS: t.SettledAt.Sub(t.CreatedAt).Milliseconds(),
	}
	if v.At.Before(r.since) && len(r.verdicts) == 0 {
		r.since = v.At
	}
	r.verdicts, r.through = append(r.verdicts, v), t.EventID
}
