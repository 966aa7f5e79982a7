package stream

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"verdict"
)

// BenchmarkCommandLatency is the way of one command from Publish to handle, on an idle embedded server.
func BenchmarkCommandLatency(b *testing.B) {
	s := open(b, Config{Dir: b.TempDir()})
	handled := make(chan struct{})
	work(b, s, 8, func(context.Context, verdict.Command) error {
		handled <- struct{}{}
		return nil
	})
	for b.Loop() {
		publish(b, s, commands(1, 1), nil)
		<-handled
	}
}

// BenchmarkEventLatency is the way of one event from Publish to deliver.
func BenchmarkEventLatency(b *testing.B) {
	s := open(b, Config{Dir: b.TempDir()})
	heard := make(chan struct{}, 1)
	follow(b, s, func(verdict.Event) { heard <- struct{}{} })
	until(b, "it listens", 5*time.Second, func() bool {
		events, err := s.link.Load().js.Stream(context.Background(), eventStream)
		return err == nil && events.CachedInfo().State.Consumers == 1
	})
	for b.Loop() {
		publish(b, s, nil, []verdict.Event{event(1)})
		<-heard
	}
}

// BenchmarkPublish hands over batches.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			s, batch := open(b, Config{Dir: b.TempDir()}), commands(1, n)
			b.ReportAllocs()
			for b.Loop() {
				publish(b, s, batch, nil)
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "commands/s")
		})
	}
}

// BenchmarkWork publishes batches and waits until all is handled.
func BenchmarkWork(b *testing.B) {
	const n = 256
	s, batch := open(b, Config{Dir: b.TempDir()}), commands(1, n)
	var open sync.WaitGroup
	work(b, s, 64, func(context.Context, verdict.Command) error {
		open.Done()
		return nil
	})
	for b.Loop() {
		open.Add(n)
		publish(b, s, batch, nil)
		open.Wait()
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "commands/s")
}

// BenchmarkCluster compares what one server of a cluster keeps with what all three do.
func BenchmarkCluster(b *testing.B) {
	c := newCluster(b)
	for _, replicas := range []int{1, 3} {
		s := open(b, Config{URL: c.url(), Replicas: replicas})
		for _, n := range []int{1, 256} {
			b.Run(fmt.Sprintf("publish/replicas=%d/batch=%d", replicas, n), func(b *testing.B) {
				batch := commands(1, n)
				for b.Loop() {
					publish(b, s, batch, nil)
				}
				b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "commands/s")
			})
		}
		if err := s.link.Load().js.DeleteStream(b.Context(), commandStream); err != nil { // with what nobody took
			b.Fatal(err)
		}
		until(b, "the stream is made again", healing, func() bool {
			_, err := s.link.Load().js.Stream(b.Context(), commandStream)
			return err == nil
		})
		b.Run(fmt.Sprintf("latency/replicas=%d", replicas), func(b *testing.B) {
			handled := make(chan struct{})
			work(b, s, 8, func(context.Context, verdict.Command) error {
				handled <- struct{}{}
				return nil
			})
			for b.Loop() {
				publish(b, s, commands(1, 1), nil)
				<-handled
			}
		})
		s.Close()
	}
}
