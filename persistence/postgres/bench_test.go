package postgres

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"verdict"
	"verdict/persistence/postgres/postgrestest"
)

// callers is how many call at once.
const callers = 64

// syncingURL names a schema of a server that syncs its commits.
func syncingURL(b *testing.B) string {
	b.Helper()
	s := postgrestest.New(b)
	return s.URL(newSchema())
}

// BenchmarkCreate has callers create transactions: committed together, one by one, through two handles, and beside them
// as plain rows of one table, a connection for each caller, with prepared statements.
func BenchmarkCreate(b *testing.B) {
	url := syncingURL(b)
	var n atomic.Int64
	name := func() string { return fmt.Sprintf("0197c9a0-%012d", n.Add(1)) }
	for _, handles := range []int{1, 2} {
		b.Run(fmt.Sprint("together/handles=", handles), func(b *testing.B) {
			stores := make([]*Store, handles)
			for i := range stores {
				stores[i] = openAt(b, url)
			}
			b.ResetTimer()
			inParallel(b, func(i int) { create(b, stores[i%handles], name()) })
			commits, operations := stores[0].Stats()
			b.ReportMetric(float64(operations)/float64(commits), "operations/commit")
		})
	}
	b.Run("one by one", func(b *testing.B) {
		s := openAt(b, url)
		s.most.Store(1)
		b.ResetTimer()
		inParallel(b, func(int) { create(b, s, name()) })
	})
	b.Run("plain rows", func(b *testing.B) {
		run(b, url, "CREATE TABLE IF NOT EXISTS plain (LIKE transactions INCLUDING ALL)")
		pool, err := pgxpool.New(b.Context(), url+fmt.Sprint("&pool_max_conns=", callers))
		if err != nil {
			b.Fatal(err)
		}
		defer pool.Close()
		b.ResetTimer()
		inParallel(b, func(int) {
			t := transaction(name())
			_, err := pool.Exec(b.Context(), `INSERT INTO plain (id, tenant, owner, operation, key, provider, status, stage, reason, reference,
				version, event_id, sends, checks, answered, watched, due, created_at, fingerprint, payload)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, 1, $10, 0, 0, false, false, $11, $12, $13, $14) ON CONFLICT DO NOTHING`,
				word(t.ID), word(t.Tenant), word(t.Owner), word(t.Operation), word(t.Key), word(t.Provider), string(t.Status), string(t.Stage),
				word(t.Reference), n.Load(), moment(t.Due), moment(t.CreatedAt), t.Fingerprint[:], t.Payload)
			if err != nil {
				b.Error(err)
			}
		})
	})
}

// BenchmarkSettle has callers give transactions their verdicts.
func BenchmarkSettle(b *testing.B) {
	s := openAt(b, syncingURL(b))
	given := make([]verdict.Transaction, b.N)
	var n atomic.Int64
	inParallel(b, func(int) {
		i := n.Add(1)
		given[i-1] = create(b, s, fmt.Sprintf("0197c9a0-%012d", i))
	})
	n.Store(0)
	b.ResetTimer()
	inParallel(b, func(int) { settle(b, s, given[n.Add(1)-1]) })
}

func BenchmarkTransaction(b *testing.B) {
	s := openAt(b, syncingURL(b))
	create(b, s, "one")
	for b.Loop() {
		if _, err := s.Transaction(b.Context(), "one"); err != nil {
			b.Fatal(err)
		}
	}
}

// inParallel has callers make b.N calls, each with its number.
func inParallel(b *testing.B, call func(caller int)) {
	var caller atomic.Int64
	b.SetParallelism(callers / runtime.GOMAXPROCS(0))
	start := time.Now()
	b.RunParallel(func(each *testing.PB) {
		i := int(caller.Add(1))
		for each.Next() {
			call(i)
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "calls/s")
}
