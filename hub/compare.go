package hub

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"verdict"
)

const (
	// compareEvery is how late an event is at the most that the stream lost, while the database answers at once.
	compareEvery = 2 * time.Second

	// compareBatch is how many transactions are read together; at 16 KiB of payload each they take 4 MiB.
	compareBatch = 256

	// readTimeout bounds one read.
	readTimeout = 5 * time.Second
)

// Record is the part of verdict.Store that a hub compares with.
//
// A hub reads forward and never looks back, so ids must become visible in their order. SQLite commits one change after
// another, whichever process makes it, so there they do. A store whose commits overlap, and which draws the id before
// it commits, must let both methods stop short of the oldest change under way; else an event that becomes visible below
// the cursor is taken for one that was told.
type Record interface {
	Settled(ctx context.Context, audience *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error)
	LastEventID(ctx context.Context) (int64, error)
}

// Start notes where the record stands. What settles after that is told to all who are subscribed then, even if the
// stream loses it; so call it before the first Subscribe. Calling it again does nothing.
func (h *Hub) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	last, err := h.record.LastEventID(ctx)
	if err != nil {
		return fmt.Errorf("find where the record stands: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.started {
		h.started = true
		h.advance(last)
	}
	return nil
}

// Run compares what was told with the record, at once and then every two seconds, until ctx ends; then it returns nil.
// It starts the hub if Start has not. Beside that it reports what is watched, which may take longer.
func (h *Hub) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { h.again(ctx, h.compare, "cannot compare with the record; will try again") })
	running.Go(func() { h.again(ctx, h.report, "cannot tell what is watched") })
	running.Wait()
	return nil
}

// again does something now and whenever it is time, until ctx ends.
func (h *Hub) again(ctx context.Context, do func(context.Context) error, trouble string) {
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn(trouble, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// compare tells all events of the record that were not told yet.
func (h *Hub) compare(ctx context.Context) error {
	cursor, started := h.position()
	if !started {
		if err := h.Start(ctx); err != nil {
			return err
		}
		cursor, _ = h.position()
	}
	for {
		settled, err := h.read(ctx, cursor)
		if err != nil {
			return err
		}
		if len(settled) > 0 {
			cursor = settled[len(settled)-1].EventID
			h.catchUp(settled, cursor)
		}
		if len(settled) < compareBatch {
			return nil
		}
	}
}

func (h *Hub) position() (cursor int64, started bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cursor, h.started
}

func (h *Hub) read(ctx context.Context, cursor int64) ([]verdict.Transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	settled, err := h.record.Settled(ctx, nil, cursor, compareBatch)
	if err != nil {
		return nil, fmt.Errorf("read the verdicts after %d: %w", cursor, err)
	}
	return settled, nil
}

// catchUp tells those of the settled transactions that were not told yet, and moves the cursor behind them.
func (h *Hub) catchUp(settled []verdict.Transaction, cursor int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range settled {
		if h.news(t.EventID) {
			h.tell(t.Event())
		}
	}
	h.advance(cursor)
}

// advance moves the cursor, below which nothing needs to be remembered. h.mu is held.
func (h *Hub) advance(cursor int64) {
	h.cursor = cursor
	maps.DeleteFunc(h.told, func(id int64, _ struct{}) bool { return id <= cursor })
}
