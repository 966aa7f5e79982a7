package sqlite

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
)

// BenchmarkCreate has 64 callers create transactions, committed together and one by one.
func BenchmarkCreate(b *testing.B) {
	for _, batch := range []int{batchSize, 1} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s := openAt(b, newPath(b))
			s.writer.batch = batch
			var n atomic.Int64
			b.ResetTimer()
			inParallel(b, func() { create(b, s, fmt.Sprintf("0197c9a0-%012d", n.Add(1))) })
			commits, operations := s.Stats()
			b.ReportMetric(float64(operations)/float64(commits), "operations/commit")
		})
	}
}

// BenchmarkSettle has 64 callers give transactions their verdicts.
func BenchmarkSettle(b *testing.B) {
	s := openAt(b, newPath(b))
	given := make([]verdict.Transaction, b.N)
	var n atomic.Int64
	inParallel(b, func() {
		i := n.Add(1)
		given[i-1] = create(b, s, fmt.Sprintf("0197c9a0-%012d", i))
	})
	policy := verdict.Policy{Traits: verdict.Traits{WebhookSettles: true}, Schedule: verdict.DefaultSchedule()}
	n.Store(0)
	b.ResetTimer()
	inParallel(b, func() {
		i := n.Add(1)
		e := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, At: time.Now(), Raw: []byte("{}")}
		if _, err := s.Replace(b.Context(), given[i-1].Weigh(e, policy), &e); err != nil {
			b.Error(err)
		}
	})
}

// inParallel has 64 callers make b.N calls.
func inParallel(b *testing.B, call func()) {
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(each *testing.PB) {
		for each.Next() {
			call()
		}
	})
}

func BenchmarkTransaction(b *testing.B) {
	s := openAt(b, newPath(b))
	create(b, s, "one")
	for b.Loop() {
		if _, err := s.Transaction(b.Context(), "one"); err != nil {
			b.Fatal(err)
		}
	}
}
