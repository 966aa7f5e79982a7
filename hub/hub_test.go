package hub

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"verdict"
)

func newHub(r *record) *Hub { return New(r, slog.New(slog.DiscardHandler)) }

func TestASubscriberHearsItsTransactionAndItsAudienceOnly(t *testing.T) {
	event := verdict.Event{ID: 1, Tenant: "shop", Owner: "ama", Transaction: "t1", Settled: true}
	for _, c := range []struct {
		name  string
		topic verdict.Topic
		hears bool
	}{
		{"its transaction", verdict.Topic{Audience: ama, Transaction: "t1"}, true},
		{"all of its audience", verdict.Topic{Audience: ama}, true},
		{"another of its transactions", verdict.Topic{Audience: ama, Transaction: "t2"}, false},
		{"another owner, same transaction", verdict.Topic{Audience: kofi, Transaction: "t1"}, false},
		{"another owner, all", verdict.Topic{Audience: kofi}, false},
		{"another tenant, same owner and transaction", verdict.Topic{Audience: verdict.Audience{Tenant: "bank", Owner: "ama"}, Transaction: "t1"}, false},
		{"another tenant, same owner, all", verdict.Topic{Audience: verdict.Audience{Tenant: "bank", Owner: "ama"}}, false},
		{"tenant and owner cut elsewhere", verdict.Topic{Audience: verdict.Audience{Tenant: "shopama"}, Transaction: "t1"}, false},
		{"nobody, same transaction", verdict.Topic{Transaction: "t1"}, false},
		{"nobody", verdict.Topic{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, e := newHub(&record{}), &ear{}
			defer h.Subscribe(c.topic, e.deliver)()
			h.Deliver(event)
			if got := len(e.ids()) == 1; got != c.hears {
				t.Fatalf("heard %v, want it heard: %v", e.ids(), c.hears)
			}
		})
	}
}

func TestEverySubscriberOfATopicHearsAnEventOnce(t *testing.T) {
	h, one, two := newHub(&record{}), &ear{}, &ear{}
	defer h.Subscribe(verdict.Topic{Audience: ama}, one.deliver)()
	defer h.Subscribe(verdict.Topic{Audience: ama}, two.deliver)()
	event := verdict.Event{ID: 7, Tenant: "shop", Owner: "ama", Transaction: "t1"}
	for range 3 { // the stream repeats
		h.Deliver(event)
	}
	if !slices.Equal(one.ids(), []int64{7}) || !slices.Equal(two.ids(), []int64{7}) {
		t.Fatalf("heard %v and %v, want the event once each", one.ids(), two.ids())
	}
}

func TestCancelEndsOneSubscriptionAndForgetsItsTopic(t *testing.T) {
	h, gone, stays := newHub(&record{}), &ear{}, &ear{}
	topic := verdict.Topic{Audience: ama, Transaction: "t1"}
	cancel := h.Subscribe(topic, gone.deliver)
	cancelOther := h.Subscribe(topic, stays.deliver)
	cancel()
	cancel() // harmless
	h.Deliver(verdict.Event{ID: 1, Tenant: "shop", Owner: "ama", Transaction: "t1"})
	if len(gone.ids()) != 0 || len(stays.ids()) != 1 {
		t.Fatalf("the cancelled one heard %v, the other %v", gone.ids(), stays.ids())
	}
	cancelOther()
	if n := len(h.topics.shard(topic).topics); n != 0 {
		t.Fatalf("%d topics are kept without a subscriber", n)
	}
}

func TestNothingIsDeliveredOnceCancelHasReturned(t *testing.T) {
	h := newHub(&record{})
	topic := verdict.Topic{Audience: ama}
	stop := make(chan struct{})
	var delivering sync.WaitGroup
	delivering.Go(func() {
		for id := int64(1); ; id++ {
			select {
			case <-stop:
				return
			default:
				h.Deliver(verdict.Event{ID: id, Tenant: "shop", Owner: "ama", Transaction: "t"})
				h.mu.Lock()
				h.advance(id)
				h.mu.Unlock()
			}
		}
	})
	var heard atomic.Int64
	for range 2000 {
		var cancelled atomic.Bool
		once := make(chan struct{}, 1)
		cancel := h.Subscribe(topic, func(verdict.Event) {
			if cancelled.Load() {
				t.Error("told after cancel had returned")
			}
			heard.Add(1)
			select {
			case once <- struct{}{}:
			default:
			}
		})
		<-once // it is in the midst of being told
		cancel()
		cancelled.Store(true)
	}
	close(stop)
	delivering.Wait()
	if heard.Load() < 2000 {
		t.Fatalf("only %d deliveries", heard.Load())
	}
}
