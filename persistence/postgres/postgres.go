// Package postgres keeps the record in a PostgreSQL database that several instances share.
//
// Changes that wait together become one transaction, in one round trip to the server: a commit costs one sync of its log,
// however many changes share it. All commits, of all instances, hold one lock, the row of meta: so they come one after
// the other, and event ids in their order. Reads take no lock. Nothing is remembered between commits that another
// instance could change.
//
// It works through PgBouncer in transaction mode: nothing is set in a session, and no statement is kept there.
package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"verdict"
	"verdict/persistence/relational"
)

// Store is a verdict.Store in a PostgreSQL database.
type Store struct {
	pool    *pgxpool.Pool // of reads and claims
	writes  *pgxpool.Pool // of the writers, a connection each
	queue   *relational.Queue[*operation]
	most    atomic.Int64   // operations in a commit at the most
	running sync.WaitGroup // the writers
	commits *relational.Commits
}

var (
	_ verdict.Restorable = (*Store)(nil)
	_ verdict.Forgetter  = (*Store)(nil)
)

// ErrClosed is what calls after Close return.
var ErrClosed = relational.ErrClosed

// Open opens the store in the database at url, such as postgres://user:password@host:5432/database, and brings its schema
// up to date. The tables are in the first schema of the search_path: search_path=NAME in the URL chooses one, which is
// created if it isn't there. pool_max_conns chooses how many reads run at once.
//
// It refuses a server that doesn't sync its commits, and a database whose schema a newer Verdict has made unfit for this one,
// see relational.Migration.
func Open(ctx context.Context, url string) (*Store, error) { return open(ctx, url, durable) }

// open opens the store if the server is as it must be.
func open(ctx context.Context, url string, must requirement) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{commits: relational.NewCommits(), queue: relational.NewQueue[*operation](queueSize, newSize)}
	s.most.Store(batchSize)
	if err := s.open(ctx, config, must); err != nil {
		s.closePools()
		return nil, fmt.Errorf("open store %s: %w", place(config.ConnConfig), err)
	}
	for range writers {
		s.running.Go(s.write)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, config *pgxpool.Config, must requirement) (err error) {
	if s.pool, err = pgxpool.NewWithConfig(ctx, config.Copy()); err != nil {
		return err
	}
	config.MinConns, config.MinIdleConns, config.MaxConns = 0, 0, writers
	if s.writes, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	return s.writes.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := must(ctx, conn.Conn()); err != nil {
			return err
		}
		return migrate(ctx, conn.Conn())
	})
}

// Close waits for the calls under way, commits what is queued, and closes the connections.
func (s *Store) Close() error {
	if !s.queue.Close() {
		return nil
	}
	s.running.Wait()
	s.closePools()
	return nil
}

func (s *Store) closePools() {
	for _, pool := range []*pgxpool.Pool{s.pool, s.writes} {
		if pool != nil {
			pool.Close()
		}
	}
}

// Stats returns how many commits there were since Open, and how many operations they carried out together.
func (s *Store) Stats() (commits, operations int64) { return s.commits.Stats() }

// Metrics returns the collectors of what the store counts.
func (s *Store) Metrics() []prometheus.Collector { return s.commits.Metrics() }

// A requirement says what is wrong with a server, and the mend.
type requirement func(ctx context.Context, conn *pgx.Conn) error
