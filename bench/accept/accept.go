// Package accept holds the simplest servers that accept a transaction as Verdict does: POST any path, with a JSON body and
// the header Idempotency-Key, answered with 202 once as much is kept as each promises. They ask nobody who they are, hand
// nothing on and tell nobody. What Verdict takes beyond them is the price of what it promises.
package accept

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
)

// Names of the servers.
const (
	Echo  = "echo"  // keeps nothing
	Group = "group" // SQLite, one lean row, one commit for all who wait
	Each  = "each"  // the same, with a commit for each
	Pgx   = "pgx"   // PostgreSQL, the rows that Verdict writes, a commit for each

	Straight = "straight" // Group, and then the partner, a second commit, and the user's WebSocket
)

// A keeper keeps a request, and returns once it is on disk.
type keeper interface {
	keep(ctx context.Context, r *request) error
	close() error
}

// request is what is kept.
type request struct {
	key  string // of the header Idempotency-Key
	body []byte
}

// Config says what a server needs.
type Config struct {
	Dir      string // where SQLite's are kept
	Database string // URL of PostgreSQL
	Partner  string // URL of the partner of Straight
}

// Serve runs a server until the listener is closed.
func Serve(ctx context.Context, name string, listener net.Listener, c Config) (err error) {
	var k keeper
	switch name {
	case Echo:
		k = nothing{}
	case Group:
		k, err = openSQLite(filepath.Join(c.Dir, "floor.db"), groupSize)
	case Each:
		k, err = openSQLite(filepath.Join(c.Dir, "floor.db"), 1)
	case Pgx:
		k, err = openPostgres(ctx, c.Database)
	case Straight:
		return serveStraight(listener, c)
	default:
		err = fmt.Errorf("there is no server %q; give %s, %s, %s, %s or %s", name, Echo, Group, Each, Pgx, Straight)
	}
	if err != nil {
		return err
	}
	err = (&http.Server{Handler: handler{k}}).Serve(listener)
	return errors.Join(err, k.close())
}

type nothing struct{}

func (nothing) keep(context.Context, *request) error { return nil }
func (nothing) close() error                         { return nil }

// handler answers with the body it was sent.
type handler struct{ keeper keeper }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return // we are ready
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || !json.Valid(body) {
		http.Error(w, "send JSON", http.StatusBadRequest)
		return
	}
	if err := h.keeper.keep(r.Context(), &request{r.Header.Get("Idempotency-Key"), body}); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body) // who doesn't take it asks again
}
