// Command river is River for bench/submit: a handler that keeps a request as a row and a job, in one commit.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// connections is how many commits may be under way.
const connections = 32

// submission is a job, whose work is done at once.
type submission struct {
	Key  string          `json:"key"`
	Body json.RawMessage `json:"body"`
}

func (submission) Kind() string { return "submission" }

type worker struct {
	river.WorkerDefaults[submission]
}

func (worker) Work(context.Context, *river.Job[submission]) error { return nil }

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	database := flag.String("database", "", "URL of PostgreSQL")
	work := flag.Bool("work", false, "carry jobs out")
	flag.Parse()
	if err := run(context.Background(), *address, *database, *work); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address, database string, work bool) error {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return err
	}
	config.MaxConns, config.MinConns = connections+8, connections // River has some of its own needs
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	client, err := open(ctx, pool, work)
	if err != nil {
		return err
	}
	return http.ListenAndServe(address, &handler{pool, client, make(chan struct{}, connections)})
}

// open makes River's tables and ours, and a client, which works if it is told to.
func open(ctx context.Context, pool *pgxpool.Pool, work bool) (*river.Client[pgx.Tx], error) {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, `CREATE TABLE transactions (key TEXT PRIMARY KEY, body JSONB NOT NULL)`); err != nil {
		return nil, err
	}
	config := &river.Config{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if work {
		config.Workers = river.NewWorkers()
		river.AddWorker(config.Workers, &worker{})
		config.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 100}}
	}
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil || !work {
		return client, err
	}
	return client, client.Start(ctx)
}

type handler struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	slots  chan struct{}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return // we are ready
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || !json.Valid(body) {
		http.Error(w, "send JSON", http.StatusBadRequest)
		return
	}
	h.slots <- struct{}{}
	err = h.keep(r.Context(), submission{r.Header.Get("Idempotency-Key"), body})
	<-h.slots
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body)
}

// keep has the row, whose key is unique, and the job in one commit. A key that is known is no new job.
func (h *handler) keep(ctx context.Context, s submission) error {
	return pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		made, err := tx.Exec(ctx, `INSERT INTO transactions (key, body) VALUES ($1, $2) ON CONFLICT DO NOTHING`, s.Key, s.Body)
		if err != nil || made.RowsAffected() == 0 {
			return err
		}
		if _, err := h.client.InsertTx(ctx, tx, s, nil); err != nil {
			return fmt.Errorf("insert the job: %w", err)
		}
		return nil
	})
}
