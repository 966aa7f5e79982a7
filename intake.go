package verdict

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// KeyMode says who makes idempotency keys.
type KeyMode string

// The modes of idempotency keys.
const (
	ClientKeys KeyMode = "client" // apps make them
	ServerKeys KeyMode = "server" // we issue them
	EitherKeys KeyMode = "either" // apps may, and what looks like one of ours must be one
)

// Intake accepts requests, each once.
type Intake struct {
	Store     Store
	Relay     *Relay
	Providers map[string]Provider
	Keys      Keys
	Mode      KeyMode
	Planner   *Planner      // of the same providers
	ShedAfter time.Duration // refuse with ErrOverloaded what is new while others have waited so long to be sent: see Planner.Behind; 0: never
	Exclusive bool          // refuse repeats with ErrInFlight while the first is pending
	NewID     func() string // a new UUIDv7
	Log       *slog.Logger
}

// IssueKey returns a key for one request of that operation, and when it expires. It returns an *InvalidError if the
// operation has no name, or if apps make their own keys here.
func (in *Intake) IssueKey(a Audience, operation string) (key string, expires time.Time, err error) {
	if in.Mode == ClientKeys {
		return "", time.Time{}, &InvalidError{"idempotency.mode", "keys are made by the app here; make one, such as a UUID"}
	}
	if err := checkOperation(operation); err != nil {
		return "", time.Time{}, err
	}
	key, expires = in.Keys.Issue(a, operation, time.Now())
	return key, expires, nil
}

// Accept puts a request on record and returns its transaction: a new one, or with replayed true the one that an earlier
// request of the same scope made, as it stands now. When it returns nil the transaction survives a power cut.
// It returns an *InvalidError for a request that can't be accepted, ErrKeyUnknown, ErrKeyPurpose or ErrKeyExpired for a
// key that we didn't issue for it, ErrMismatch if the scope was used with other content, ErrInFlight, and the errors of
// Store.Create.
func (in *Intake) Accept(ctx context.Context, r Request) (t Transaction, replayed bool, err error) {
	if _, ok := in.Providers[r.Provider]; !ok {
		return Transaction{}, false, &InvalidError{"provider", fmt.Sprintf("%.40q is not configured here", r.Provider)}
	}
	fingerprint, err := r.fingerprint()
	if err != nil {
		return Transaction{}, false, err
	}
	t, created, err := in.firstOrEarlier(ctx, Accept(in.NewID(), r, fingerprint, time.Now()))
	switch {
	case err != nil:
		return Transaction{}, false, fmt.Errorf("accept: %w", err)
	case t.Fingerprint != fingerprint:
		return Transaction{}, false, ErrMismatch
	case created:
		in.Log.LogAttrs(ctx, slog.LevelInfo, "accepted",
			slog.String("transaction", t.ID), slog.String("provider", t.Provider), slog.String("operation", t.Operation))
		in.Relay.Nudge(t)
	case in.Exclusive && !t.Settled():
		return t, true, ErrInFlight
	}
	return t, !created, nil
}

// firstOrEarlier stores t, or returns the one that stands in its place. When there is no room for a new one, and where a
// key begins nothing any more, because it has expired or another mode is in force, it still repeats what was begun with it.
func (in *Intake) firstOrEarlier(ctx context.Context, t Transaction) (stored Transaction, created bool, err error) {
	refused := in.checkKey(t.Scope, t.CreatedAt)
	if refused == nil {
		refused = in.checkRoom(t.Provider)
	}
	if refused == nil {
		return in.Store.Create(ctx, t)
	}
	earlier, err := in.Store.Find(ctx, t.Scope)
	if errors.Is(err, ErrNotFound) {
		err = refused
	}
	return earlier, false, err
}

// checkRoom refuses what would only wait: it is better told so before it is accepted.
func (in *Intake) checkRoom(provider string) error {
	if in.ShedAfter == 0 {
		return nil
	}
	if behind := in.Planner.Behind(provider); behind > in.ShedAfter {
		return fmt.Errorf("%w: those before it have waited %s to be sent", ErrOverloaded, behind.Round(time.Millisecond))
	}
	return nil
}

func (in *Intake) checkKey(s Scope, now time.Time) error {
	if in.Mode == ServerKeys || in.Mode == EitherKeys && in.Keys.issued(s.Key) {
		return in.Keys.check(s.Audience(), s.Operation, s.Key, now)
	}
	return nil
}
