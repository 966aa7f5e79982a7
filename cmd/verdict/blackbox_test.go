package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// misfortunes are what may happen to a request at the third party, in its own words and times. Those at the other kind of
// partner are in orders.
var misfortunes = map[string]string{
	"nothing":                  `{"reply_after":"2s","webhook":"none"}`,
	"left to the seed":         `{}`,
	"slow answer":              `{"reply_after":"10s"}`,
	"decline":                  `{"status":"declined","reply_after":"1s"}`,
	"answer lost, no webhook":  `{"reply":"lost","webhook":"none"}`,
	"answer lost, webhook":     `{"reply":"lost","webhook":"once"}`,
	"refused before effect":    `{"reply":"refused"}`,
	"504 that goes through":    `{"reply":"timeout","settles":true,"settles_after":"110s"}`,
	"504 that doesn't":         `{"reply":"timeout","settles":false}`,
	"webhook before the reply": `{"webhook":"early","reply_after":"8s"}`,
	"webhook twice":            `{"webhook":"twice"}`,
	"contradicting webhooks":   `{"webhook":"contradict","reply_after":"3s"}`,
}

// A record is the history of one transaction as its app saw it.
type record struct {
	name   string
	key    string
	ids    []string // as acknowledged, once a submit
	events []told
	err    error
}

// play submits a transaction the given number of times at once, follows it to its verdict, and records what it saw.
func (w *world) play(ctx context.Context, name, key, simulate string, times int) record {
	r := record{name: name, key: key, ids: make([]string, times)}
	payload := `{"amount":"2500","simulate":` + simulate + `}`
	errs := make([]error, times)
	var twins sync.WaitGroup
	for i := range times {
		twins.Go(func() {
			var v view
			v, errs[i] = w.app(key).submit(ctx, payload)
			r.ids[i] = v.ID
		})
	}
	twins.Wait()
	for _, err := range errs {
		if err != nil {
			r.err = fmt.Errorf("submit: %w", err)
			return r
		}
	}
	listen := (*app).sse
	if len(key)%2 == 1 {
		listen = (*app).socket
	}
	r.events, r.err = w.app(key).follow(ctx, r.ids[0], listen)
	return r
}

// audit compares what the apps were told with the third party's ledger.
func audit(t *testing.T, records []record, ledger map[string][]effect) {
	t.Helper()
	verdicts := map[string]int{}
	for _, r := range records {
		if r.err != nil {
			t.Errorf("%s, %s: uninformed: %v", r.name, r.key, r.err)
			continue
		}
		if n := len(slices.Compact(slices.Clone(r.ids))); n != 1 {
			t.Errorf("%s, %s: one key made %d transactions: %v", r.name, r.key, n, r.ids)
		}
		auditEvents(t, r)
		effects := ledger[r.ids[0]]
		verdict := r.events[len(r.events)-1].view
		verdicts[verdict.Status]++
		switch {
		case len(effects) > 1:
			t.Errorf("%s, %s: %d effects: %+v", r.name, r.key, len(effects), effects)
		case len(effects) == 1 && verdict.Status != map[string]string{"completed": "succeeded", "declined": "failed"}[effects[0].Status]:
			t.Errorf("%s, %s: told %s (%s), but it %s", r.name, r.key, verdict.Status, verdict.Reason, effects[0].Status)
		case len(effects) == 0 && verdict.Status != "failed":
			t.Errorf("%s, %s: told %s, but nothing happened", r.name, r.key, verdict.Status)
		}
	}
	if verdicts["succeeded"] == 0 || verdicts["failed"] == 0 {
		t.Errorf("verdicts %v: the run did not reach both", verdicts)
	}
	t.Logf("%d transactions: %v", len(records), verdicts)
}

// auditEvents holds a subscriber's log against the rules: the same id means the same bytes, ids grow, and nothing comes
// after the verdict.
func auditEvents(t *testing.T, r record) {
	t.Helper()
	byID := map[string]string{}
	for i, e := range r.events {
		if e.view.Status != "pending" && i < len(r.events)-1 {
			t.Errorf("%s, %s: an event after the verdict: %+v", r.name, r.key, r.events)
		}
		if data, seen := byID[e.id]; seen && data != e.data {
			t.Errorf("%s, %s: event %s came as %s and as %s", r.name, r.key, e.id, data, e.data)
		}
		byID[e.id] = e.data
	}
}

func TestEveryMisfortuneEndsInTheTrueVerdict(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	g := s.newInstance("a")
	g.start()
	for n := range 8 {
		for _, o := range s.orders {
			s.play(n, fmt.Sprintf("%s %d", o.name, n), o, g)
		}
	}
	s.mustBeRight()
}

// TestFiftyCrashesLoseNothing kills the gateway at random moments under load, and deletes the stream's folder while it
// runs and between runs.
func TestFiftyCrashesLoseNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	g := s.newInstance("a")
	g.start()
	stop := s.load(100*time.Millisecond, g)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 50 {
		s.sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(600*time.Millisecond))))
		if n%10 == 4 { // while it runs
			g.loseStream()
			s.sleep(500 * time.Millisecond)
		}
		g.process.kill()
		s.interrupted()
		if n%10 == 9 { // between runs
			g.loseStream()
		}
		g.start()
	}
	stop()
	s.mustBeRight()
}

func TestStartedAgainItGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	g := s.newInstance("a")
	g.start()
	const late = `{"status":"completed","reply":"timeout","settles":true,"settles_after":"40s","webhook":"none"}`
	s.play(0, "504", djamoOrder("", late), g)
	s.play(0, "500", momoOrder("", late, ""), g)
	s.sleep(100 * time.Millisecond)
	if code := g.process.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM:\n%s", code, g.process.log)
	}
	s.interrupted()
	g.start()
	s.play(0, "decline", djamoOrder("", misfortunes["decline"]), g)
	s.mustBeRight()
}
