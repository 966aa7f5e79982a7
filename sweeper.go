package verdict

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Sweeper takes up what is due or was left behind: checks whose time has come, commands the stream lost, the work of
// instances that died, webhooks that came before their transaction, and keys that need not be remembered any more.
type Sweeper struct {
	Store     Store
	Stream    Stream
	Settler   *Settler
	Every     time.Duration // between looks at the outbox
	Retention time.Duration // of keys, after the verdict
	Log       *slog.Logger

	standBack time.Time // until then commands are left to other instances, for the stream took none from this one
}

const (
	// sweepBatch is how many commands are claimed together, and how many parked webhooks are read.
	sweepBatch = 256

	// standBackFor is how long an instance that can't reach the stream leaves what is due to others.
	standBackFor = 5 * time.Second

	// fewKeys are freed together: each is a page of the record somewhere, and what apps wait for shares the commit. A quarter of the
	// time between sweeps is spent so at the most. If that isn't enough, manyKeys are.
	fewKeys, manyKeys = 16, 256

	// keysEach is how many keys a sweep frees at the most: 8,192 a second with the sweep's usual 500 ms.
	keysEach = 4096
)

// Run sweeps until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("sweep", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep takes up all that is due now.
func (s *Sweeper) Sweep(ctx context.Context) error {
	return errors.Join(s.Settler.Planner.Look(ctx, time.Now()), s.commands(ctx), s.webhooks(ctx), s.keys(ctx))
}

// commands hands out the submits that are due, or some of them while this instance is busy, and of the checks as many as have
// their turn before the next sweep: more would only come back, and one that is due longer goes first.
func (s *Sweeper) commands(ctx context.Context) error {
	if time.Now().Before(s.standBack) {
		return nil
	}
	for _, name := range s.Settler.Planner.names() {
		now := time.Now()
		pace := s.Settler.Planner.Pace(name)
		if !pace.Submits.After(now) {
			if err := s.lane(ctx, Lane{name, Submit}, now, s.Settler.room(name)); err != nil {
				return err
			}
		}
		budget := s.Settler.Planner.Policy(name).Budget
		turns := pace.Turns(budget, now, now.Add(min(s.Every, Ahead)))
		if err := s.lane(ctx, Lane{name, Check}, now, turns); err != nil {
			return err
		}
	}
	return nil
}

// lane hands out at most limit commands of a lane. Those that the stream doesn't take are given back; one that took them and
// didn't say so hands them out twice, which harms nobody.
func (s *Sweeper) lane(ctx context.Context, lane Lane, now time.Time, limit int) error {
	for limit > 0 {
		batch := min(limit, sweepBatch)
		due, err := s.Store.ClaimDue(ctx, lane, now, batch)
		if err != nil {
			return fmt.Errorf("claim due commands: %w", err)
		}
		if len(due) > 0 {
			if err := s.Stream.Publish(ctx, due, nil); err != nil {
				s.standBack = time.Now().Add(standBackFor)
				return errors.Join(fmt.Errorf("publish due commands: %w", err), s.Store.Unclaim(context.WithoutCancel(ctx), due))
			}
		}
		if len(due) < batch {
			return nil
		}
		limit -= len(due)
	}
	return nil
}

func (s *Sweeper) webhooks(ctx context.Context) error {
	for {
		parked, err := s.Store.Parked(ctx, sweepBatch)
		if err != nil {
			return fmt.Errorf("find parked webhooks: %w", err)
		}
		for _, w := range parked {
			if err := s.Settler.takeWebhook(ctx, w); err != nil {
				return fmt.Errorf("parked webhook of %s: %w", w.Transaction, err)
			}
			if err := s.Store.Unpark(ctx, w); err != nil {
				return fmt.Errorf("unpark: %w", err)
			}
		}
		if len(parked) < sweepBatch {
			return nil
		}
	}
}

// keys frees keys a few at a time, for there is no hurry, as long as that is fast enough.
func (s *Sweeper) keys(ctx context.Context) error {
	began := time.Now()
	for freed := 0; freed < keysEach; {
		limit := fewKeys
		if time.Since(began) > s.Every/4 {
			limit = manyKeys
		}
		n, err := s.Store.ReleaseKeys(ctx, time.Now().Add(-s.Retention), limit)
		if err != nil {
			return fmt.Errorf("release keys: %w", err)
		}
		if n < limit {
			break
		}
		freed += n
	}
	return nil
}
