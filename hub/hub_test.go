package hub

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"verdict"
)

func newHub(r *record) *Hub { return New(r, nil, slog.New(slog.DiscardHandler)) }

// The same transaction id in four audiences: ids are no secret and no proof.
func TestASubscriberHearsItsTransactionAndItsAudienceOnly(t *testing.T) {
	bank := verdict.Audience{Tenant: "bank", Owner: "ama"}
	cut := verdict.Audience{Tenant: "shopam", Owner: "a"}
	for _, c := range []struct {
		name  string
		topic verdict.Topic
		hears []int64
	}{
		{"a transaction", verdict.Topic{Audience: ama, Transaction: "t1"}, []int64{1}},
		{"another one", verdict.Topic{Audience: ama, Transaction: "t2"}, []int64{5}},
		{"all of an audience", verdict.Topic{Audience: ama}, []int64{1, 5}},
		{"another owner's", verdict.Topic{Audience: kofi, Transaction: "t1"}, []int64{2}},
		{"another owner's, all", verdict.Topic{Audience: kofi}, []int64{2}},
		{"another tenant's", verdict.Topic{Audience: bank, Transaction: "t1"}, []int64{3}},
		{"another tenant's, all", verdict.Topic{Audience: bank}, []int64{3}},
		{"tenant and owner cut elsewhere", verdict.Topic{Audience: cut, Transaction: "t1"}, []int64{4}},
		{"one it has no part in", verdict.Topic{Audience: kofi, Transaction: "t2"}, []int64{}},
		{"nobody's", verdict.Topic{Transaction: "t1"}, []int64{}},
		{"nobody's, all", verdict.Topic{}, []int64{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, e := newHub(&record{}), &ear{}
			defer h.Subscribe(c.topic, e.deliver)()
			for i, a := range []verdict.Audience{ama, kofi, bank, cut} {
				h.Deliver(verdict.Event{ID: int64(i + 1), Tenant: a.Tenant, Owner: a.Owner, Transaction: "t1", Settled: true})
			}
			h.Deliver(verdict.Event{ID: 5, Tenant: "shop", Owner: "ama", Transaction: "t2", Settled: true})
			if got := e.ids(); !slices.Equal(got, c.hears) {
				t.Fatalf("heard %v, want %v", got, c.hears)
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

func TestATransactionsSubscribersAreForgottenWithItsVerdict(t *testing.T) {
	h, e, all := newHub(&record{}), &ear{}, &ear{}
	topic := verdict.Topic{Audience: ama, Transaction: "t1"}
	cancel := h.Subscribe(topic, e.deliver)
	defer h.Subscribe(verdict.Topic{Audience: ama}, all.deliver)()
	for id, settled := range []bool{false, true, true} {
		h.Deliver(verdict.Event{ID: int64(id + 1), Tenant: ama.Tenant, Owner: ama.Owner, Transaction: "t1", Settled: settled})
	}
	if got := e.ids(); !slices.Equal(got, []int64{1, 2}) || len(all.ids()) != 3 {
		t.Errorf("heard %v and %v, want 1 and 2, and all three", got, all.ids())
	}
	if h.topics.has(topic) {
		t.Error("it is remembered")
	}
	cancel()
}
