package sqlite

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// BenchmarkCreate has 64 callers create transactions, committed together and one by one.
func BenchmarkCreate(b *testing.B) {
	for _, batch := range []int{batchSize, 1} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s := openAt(b, newPath(b))
			s.writer.batch = batch
			var n atomic.Int64
			b.SetParallelism(64 / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			b.RunParallel(func(each *testing.PB) {
				for each.Next() {
					create(b, s, fmt.Sprintf("0197c9a0-%012d", n.Add(1)))
				}
			})
			commits, operations := s.Stats()
			b.ReportMetric(float64(operations)/float64(commits), "operations/commit")
		})
	}
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
