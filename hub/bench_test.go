package hub

import (
	"fmt"
	"testing"

	"verdict"
)

// BenchmarkDeliver tells events to one of many subscribers, each of a transaction of its own: the time must not grow
// with their number.
func BenchmarkDeliver(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("topics=%d", n), func(b *testing.B) {
			h := newHub(&record{})
			heard := 0
			events := make([]verdict.Event, n)
			for i := range events {
				owner, id := fmt.Sprintf("owner-%d", i), fmt.Sprintf("0198c0de-0000-7000-8000-%012d", i)
				events[i] = verdict.Event{Tenant: "shop", Owner: owner, Transaction: id, Settled: true}
				topic := verdict.Topic{Audience: verdict.Audience{Tenant: "shop", Owner: owner}, Transaction: id}
				h.Subscribe(topic, func(verdict.Event) { heard++ })
			}
			b.ReportAllocs()
			for id := int64(1); b.Loop(); id++ {
				e := events[id%int64(n)]
				e.ID = id
				h.Deliver(e)
				if id%4096 == 0 {
					h.advance(id) // as a comparison would
				}
			}
			if heard != b.N {
				b.Fatalf("%d deliveries of %d events", heard, b.N)
			}
		})
	}
}
