package verdict

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Intake accepts requests, each once.
type Intake struct {
	Store     Store
	Relay     *Relay
	Providers map[string]Provider
	NewID     func() string // a new UUIDv7
	Log       *slog.Logger
}

// Accept puts a request on record and returns its transaction: a new one, or with replayed true the one that an earlier
// request of the same scope made, as it stands now. When it returns nil the transaction survives a power cut.
// It returns an *InvalidError for a request that can't be accepted, ErrMismatch if the scope was used with other
// content, and the errors of Store.Create.
func (in *Intake) Accept(ctx context.Context, r Request) (t Transaction, replayed bool, err error) {
	if _, ok := in.Providers[r.Provider]; !ok {
		return Transaction{}, false, &InvalidError{"provider", fmt.Sprintf("%q is not configured here", r.Provider)}
	}
	fingerprint, err := r.fingerprint()
	if err != nil {
		return Transaction{}, false, err
	}
	t, created, err := in.Store.Create(ctx, Accept(in.NewID(), r, fingerprint, time.Now()))
	if err != nil {
		return Transaction{}, false, fmt.Errorf("accept: %w", err)
	}
	if !created {
		if t.Fingerprint != fingerprint {
			return Transaction{}, false, ErrMismatch
		}
		return t, true, nil
	}
	in.Log.Info("accepted", "transaction", t.ID, "provider", t.Provider, "operation", t.Operation)
	in.Relay.Nudge(t)
	return t, false, nil
}
