package push

import (
	"testing"
	"time"
)

func TestLatencyCountsFromWhenTheEventWasDue(t *testing.T) {
	a := newArrivals(3)
	due := time.Now()
	a.expect([]int{0, 2})
	a.arrived(2, due.Add(3*time.Millisecond))
	select {
	case <-a.all:
		t.Fatal("one is missing, and all have come")
	default:
	}
	a.arrived(0, due.Add(5*time.Millisecond))
	<-a.all
	for client, want := range map[int]time.Duration{0: 5 * time.Millisecond, 2: 3 * time.Millisecond} {
		if got, ok := a.latency(client, due); !ok || got != want {
			t.Errorf("client %d: %s, %t; want %s", client, got, ok, want)
		}
	}
}

func TestWhatNeverComesIsLost(t *testing.T) {
	a := newArrivals(1)
	a.expect([]int{0})
	if _, ok := a.latency(0, time.Now()); ok {
		t.Error("it has not come, and has a latency")
	}
}

func TestAnEventToldTwiceIsStray(t *testing.T) {
	a := newArrivals(2)
	a.expect([]int{0, 1})
	a.arrived(0, time.Now())
	a.arrived(0, time.Now().Add(time.Hour))
	if a.stray.Load() != 1 || a.missing.Load() != 1 {
		t.Errorf("%d stray, %d missing; want 1 and 1", a.stray.Load(), a.missing.Load())
	}
	if d, _ := a.latency(0, time.Now()); d > time.Minute {
		t.Errorf("the second counts: %s", d)
	}
}

func TestMemoryOfAConnectionIsTheGrowth(t *testing.T) {
	before := Memory{RSS: 1000, Heap: 100, Stacks: 10, Slab: 4, Buffers: 2, Goroutines: 7}
	now := Memory{RSS: 3000, Heap: 500, Stacks: 30, Slab: 8, Buffers: 4, Goroutines: 11}
	want := PerConnection{RSS: 1000, Heap: 200, Stacks: 10, Slab: 2, Buffers: 1, Goroutines: 2}
	if got := now.per(2, before); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
