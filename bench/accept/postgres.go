package accept

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The rows that a new transaction is in Verdict's record: itself, under its key, and its next step. number and outbox are
// what a submit writes; the columns that a new transaction leaves at their defaults are left out.
const (
	rows = `CREATE TABLE transactions (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id UUID NOT NULL UNIQUE,
			tenant TEXT NOT NULL, owner TEXT NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL,
			created TIMESTAMPTZ NOT NULL, fingerprint BYTEA NOT NULL, payload BYTEA NOT NULL, UNIQUE (tenant, owner, operation, key));
		CREATE TABLE outbox (transaction_id UUID PRIMARY KEY, kind TEXT NOT NULL, due TIMESTAMPTZ NOT NULL);
		CREATE INDEX outbox_due ON outbox (due)`
	insertTransaction = `INSERT INTO transactions (id, tenant, owner, operation, key, status, created, fingerprint, payload)
		VALUES ($1, 'bench', 'user', 'transfer', $2, 'pending', $3, $4, $5)`
	insertStep = `INSERT INTO outbox (transaction_id, kind, due) VALUES ($1, 'submit', $2)`
)

// connections is how many commits may be under way. More than a few a processor only wait for each other.
const connections = 32

type postgresKeeper struct{ pool *pgxpool.Pool }

func openPostgres(ctx context.Context, url string) (*postgresKeeper, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = connections, connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, rows); err != nil {
		pool.Close()
		return nil, fmt.Errorf("make the tables: %w", err)
	}
	return &postgresKeeper{pool}, nil
}

// keep writes both rows in one round trip, which is a transaction of its own.
func (k *postgresKeeper) keep(ctx context.Context, r *request) error {
	id, now, sum := newID(), time.Now(), sha256.Sum256(r.body)
	both := &pgx.Batch{}
	both.Queue(insertTransaction, id, r.key, now, sum[:], r.body)
	both.Queue(insertStep, id, now)
	return k.pool.SendBatch(ctx, both).Close()
}

func (k *postgresKeeper) close() error {
	k.pool.Close()
	return nil
}

// newID returns a UUID of the time and 74 random bits (RFC 9562, version 7), so that rows come in order.
func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // it never fails
	now := time.Now().UnixMilli()
	for i := range 6 {
		id[i] = byte(now >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}
