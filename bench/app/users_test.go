package app

import (
	"context"
	"testing"
	"time"
)

func TestAVerdictIsKnownByItsKey(t *testing.T) {
	for message, want := range map[string]int64{
		`{"type":"event","id":9,"after":9,"transaction":{"id":"a","key":"bench-17","status":"succeeded","version":4}}`: 17,
		`{"type":"event","id":9,"transaction":{"id":"a","key":"bench-17","status":"pending"}}`:                         -1,
		`{"type":"event","id":9,"transaction":{"id":"a","key":"order-17","status":"succeeded"}}`:                       -1,
		`{"type":"event","id":9,"transaction":{"id":"a","key":"bench-x","status":"succeeded"}}`:                        -1,
		`{"key":"bench-17`:                     -1,
		`{"type":"subscribed","after":17}`:     -1,
		`{"status":"succeeded","key":"bench-1`: -1,
	} {
		got, ok := verdictOf([]byte(message))
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: %d, %v", message, got, ok)
		}
	}
}

func TestArrivalsAreAwaitedOnceEach(t *testing.T) {
	a := NewArrivals(100, 3)
	at := time.Unix(50, 0)
	a.arrived(102, at)
	a.arrived(100, at.Add(time.Second))
	a.arrived(100, at.Add(time.Hour)) // told twice
	a.arrived(99, at.Add(time.Hour))  // of an earlier point
	a.arrived(103, at.Add(time.Hour)) // of none
	if a.strays.Load() != 3 {
		t.Errorf("%d strays, want 3", a.strays.Load())
	}
	if got := a.Last(); !got.Equal(at.Add(time.Second)) {
		t.Errorf("the last came at %s", got)
	}
	if missing := a.Await(t.Context(), 2, time.Now().Add(time.Minute)); missing != 0 {
		t.Errorf("%d of 2 are missing", missing)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if missing := a.Await(gone, 1, time.Now().Add(time.Minute)); missing != 1 {
		t.Errorf("%d of 1 are missing", missing)
	}
	if !NewArrivals(0, 1).Last().IsZero() {
		t.Error("none came, and there is a last")
	}
}
