package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"verdict"
)

func TestSubmitOverASocketIsTheSubmitOverHTTP(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	c.say(`{"type":"submit","ref":"1","key":"k1","operation":"transfer","payload":{"amount":1}}`)
	m := c.hear()
	first := w.current("00000000-0000-7000-8000-000000000001")
	if m.Type != "submitted" || m.Ref != "1" || string(m.Transaction) != string(first.Event().Data) || m.Replayed {
		t.Errorf("heard %+v", m)
	}
	c.wantEvent(first.Event())
	settled := w.settled(first, verdict.OutcomeSucceeded)
	c.wantEvent(settled.Event())
	c.say(`{"type":"submit","key":"k1","operation":"transfer","payload":{"amount":1}}`)
	c.want(fmt.Sprintf(`{"type":"submitted","transaction":%s,"replayed":true}`, settled.Event().Data))
	c.wantEvent(settled.Event())
	answer := w.do("POST", "/v1/transactions", `{"operation":"transfer","payload":{"amount":1}}`, "Idempotency-Key", "k1")
	if answer.Code != 200 || answer.Body.String() != string(settled.Event().Data) {
		t.Errorf("over HTTP: %d %s", answer.Code, answer.Body)
	}
	if w.feed.subscribers() != 1 {
		t.Errorf("%d subscriptions to one transaction", w.feed.subscribers())
	}
}

func TestRefusedSubmitOverASocketTellsTheProblem(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	w.accept("taken")
	for text, want := range map[string]kind{
		`{"type":"submit","ref":"r","payload":{}}`:                                                                    missingKey,
		`{"type":"submit","ref":"r","key":"k"}`:                                                                       invalidRequest,
		`{"type":"submit","ref":"r","key":"k","payload":{},"amount":1}`:                                               invalidRequest,
		`{"type":"submit","ref":"r","key":"taken","payload":{"amount":2}}`:                                            otherContent,
		`{"type":"submit","ref":"r","key":"vk1_x","payload":{}}`:                                                      keyUnknown,
		`{"type":"submit","ref":"r","key":"k","provider":"none","payload":{}}`:                                        invalidRequest,
		`{"type":"submit","ref":"r","key":"k","payload":{"a":"` + strings.Repeat("x", verdict.MaxPayload-8+1) + `"}}`: invalidRequest,
	} {
		c.say(text)
		m := c.hear()
		if m.Type != "error" || m.Code != codeRefused || m.Ref != "r" || m.Problem == nil || m.Problem.Type != want.path() || m.Message != m.Problem.Detail {
			t.Errorf("%.60s: %+v, problem %+v", text, m, m.Problem)
		}
	}
	w.store.fail(errors.New("disk i/o error"))
	c.say(`{"type":"submit","key":"k","payload":{}}`)
	if m := c.hear(); m.Problem == nil || m.Problem.Type != unavailable.path() || m.Problem.RetryAfter < 1 || !m.Problem.RetrySafe {
		t.Errorf("while the record is away: %+v", m)
	}
	if !strings.Contains(w.logs.String(), "disk i/o error") {
		t.Error("the error isn't logged")
	}
}

func TestSubmitIsAnsweredWhereThereIsNoRoomToSubscribe(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	for i := range maxSubscriptions {
		c.say(`{"type":"subscribe","transaction":"` + w.accept(fmt.Sprint("k", i)).ID + `"}`)
		c.hear()
		c.hear()
	}
	c.say(`{"type":"submit","key":"one more","payload":{}}`)
	m := c.hear()
	if m.Type != "submitted" {
		t.Errorf("heard %+v", m)
	}
	c.wantError(codeSubscriptions, decode[verdict.View](t, bytes.NewReader(m.Transaction)).ID)
	c.say(`{"type":"ping","ref":"x"}`)
	c.want(`{"type":"pong","ref":"x"}`)
}

func TestSubscribingToAllCountsAsOne(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	c.say(`{"type":"subscribe"}`)
	c.hear()
	for i := range maxSubscriptions - 1 {
		c.say(`{"type":"subscribe","transaction":"` + w.accept(fmt.Sprint("k", i)).ID + `"}`)
		c.hear()
		c.hear()
	}
	last := w.accept("last").ID
	c.say(`{"type":"subscribe","transaction":"` + last + `"}`)
	c.wantError(codeSubscriptions, last)
	c.say(`{"type":"subscribe"}`) // anew
	if m := c.hear(); m.Type != "subscribed" {
		t.Errorf("heard %+v", m)
	}
}

// heldState is a record whose first reading of a transaction is told late.
type heldState struct {
	Store
	once          *sync.Once
	read, release chan struct{}
}

func (s heldState) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	t, err := s.Store.Transaction(ctx, id)
	s.once.Do(func() {
		close(s.read)
		<-s.release
	})
	return t, err
}

func TestNoPendingFollowsAVerdictOnASocketThatFollowsAll(t *testing.T) {
	w := newWorld(t)
	held := heldState{w.store, &sync.Once{}, make(chan struct{}), make(chan struct{})}
	w.server.store = held
	c := w.connect()
	tr := w.accept("k1")
	c.say(`{"type":"subscribe"}`)
	c.hear()
	c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
	<-held.read // as pending
	settled := w.settled(tr, verdict.OutcomeSucceeded)
	c.wantNext(settled.Event())
	close(held.release)
	c.hear()
	c.wantEvent(settled.Event())
}

func TestSubscriptionThatCannotBeMadeAnewStays(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	tr := w.accept("k1")
	for _, text := range []string{`{"type":"subscribe","transaction":"` + tr.ID + `"}`, `{"type":"subscribe"}`} {
		c.say(text)
		c.hear()
	}
	c.hear()
	before := w.feed.subscribers()
	w.store.fail(errors.New("disk i/o error"))
	for _, text := range []string{`{"type":"subscribe","transaction":"` + tr.ID + `"}`, `{"type":"resume","after":0}`} {
		c.say(text)
		c.wantError(codeUnavailable, "")
	}
	if after := w.feed.subscribers(); after != before {
		t.Errorf("%d subscriptions of %d are left", after, before)
	}
}

func TestOnlyWhatFollowsAllMovesThePositionToResumeAfter(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	c.say(`{"type":"subscribe"}`)
	position := *c.hear().After
	mine := w.accept("mine") // its state has a greater number
	c.say(`{"type":"subscribe","transaction":"` + mine.ID + `"}`)
	c.hear()
	c.wantEvent(mine.Event())
	go func() { _ = w.server.Drain(context.Background()) }()
	c.hear() // retry
	_, _, err := c.conn.ReadMessage()
	if want := fmt.Sprintf("resume after %d", position); !websocket.IsCloseError(err, websocket.CloseServiceRestart) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("closed with %v, want %s", err, want)
	}
}

func TestWhatIsSaidAfterTheCredentialsExpiredIsNotHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.onPipes(t)
		synctest.Wait() // until it is served
		var l *line
		for at := range w.server.streams.taken {
			l = at.line
		}
		l.renew(time.Now().Add(time.Second))
		time.Sleep(2 * time.Second) // the client doesn't read, so the goodbye is being written
		c.say(`{"type":"submit","key":"k1","payload":{}}`)
		synctest.Wait()
		if _, err := w.store.Find(t.Context(), verdict.Scope{Tenant: anyone.Tenant, Owner: anyone.Owner, Operation: defaultOperation, Key: "k1"}); !errors.Is(err, verdict.ErrNotFound) {
			t.Errorf("it was accepted: %v", err)
		}
	})
}

func TestALongIDIsNotEchoed(t *testing.T) {
	c := newWorld(t).connect()
	c.say(`{"type":"subscribe","transaction":"` + strings.Repeat("<", 10_000) + `"}`)
	_, text, err := c.conn.ReadMessage()
	if err != nil || len(text) > 500 {
		t.Errorf("answered with %d bytes, %v", len(text), err)
	}
}

func TestAClientsPingsAreSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.onPipes(t)
		c.conn.SetPingHandler(func(string) error { return nil }) // and no pong
		go func() {
			for range 10 {
				time.Sleep(15 * time.Second)
				_ = c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
		}()
		began := time.Now()
		_ = c.conn.SetReadDeadline(began.Add(time.Hour))
		_, _, err := c.conn.ReadMessage()
		if after := time.Since(began); after < 150*time.Second {
			t.Errorf("cut after %s with %v", after, err)
		}
	})
}
