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
}

// sweepBatch is how many commands are claimed together.
const sweepBatch = 256

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
	return errors.Join(s.commands(ctx), s.webhooks(ctx), s.keys(ctx))
}

func (s *Sweeper) commands(ctx context.Context) error {
	for {
		due, err := s.Store.ClaimDue(ctx, time.Now(), sweepBatch)
		if err != nil {
			return fmt.Errorf("claim due commands: %w", err)
		}
		if len(due) == 0 {
			return nil
		}
		if err := s.Stream.Publish(ctx, due, nil); err != nil {
			return fmt.Errorf("publish due commands: %w", err)
		}
	}
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

// keys frees a small batch: there is no hurry, and the writer has other things to do.
func (s *Sweeper) keys(ctx context.Context) error {
	if _, err := s.Store.ReleaseKeys(ctx, time.Now().Add(-s.Retention), sweepBatch); err != nil {
		return fmt.Errorf("release keys: %w", err)
	}
	return nil
}
