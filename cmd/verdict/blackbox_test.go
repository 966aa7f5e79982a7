package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// misfortunes are what may happen to a request at the third party, in its own words and times.
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
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	const each = 8
	records := make([]record, 0, each*len(misfortunes))
	var mu sync.Mutex
	var apps sync.WaitGroup
	for _, name := range slices.Sorted(maps.Keys(misfortunes)) {
		for i := range each {
			apps.Go(func() {
				r := w.play(ctx, name, fmt.Sprintf("%s %d", name, i), misfortunes[name], 1+i%3)
				mu.Lock()
				defer mu.Unlock()
				records = append(records, r)
			})
		}
	}
	apps.Wait()
	audit(t, records, w.ledger())
	if code := w.gateway.terminate(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM:\n%s", code, w.gateway.log)
	}
}

// TestFiftyCrashesLoseNothing kills the gateway at random moments under load, and deletes the stream's folder while it
// runs and between runs.
func TestFiftyCrashesLoseNothing(t *testing.T) {
	t.Parallel()
	const crashes = 50
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	names := slices.Sorted(maps.Keys(misfortunes))
	var records []record
	var mu sync.Mutex
	var apps sync.WaitGroup
	crashing, stopCrashing := context.WithCancel(ctx)
	apps.Go(func() {
		for n := 0; crashing.Err() == nil; n++ {
			apps.Go(func() {
				name := names[n%len(names)]
				r := w.play(ctx, name, fmt.Sprintf("%s %d", name, n), misfortunes[name], 1+n%2)
				mu.Lock()
				defer mu.Unlock()
				records = append(records, r)
			})
			time.Sleep(100 * time.Millisecond)
		}
	})
	random := rand.New(rand.NewPCG(1, 2))
	for n := range crashes {
		time.Sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(600*time.Millisecond))))
		if n%10 == 4 { // while it runs
			if err := os.RemoveAll(w.streamDir()); err != nil {
				t.Logf("delete the stream's folder while it is written to: %v", err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		w.gateway.kill()
		if n%10 == 9 { // between runs
			if err := os.RemoveAll(w.streamDir()); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
	}
	stopCrashing()
	apps.Wait()
	audit(t, records, w.ledger())
}

func TestStartedAgainItGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	v, err := w.app("k").submit(ctx, `{"simulate":{"reply":"timeout","settles":true,"settles_after":"40s"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if code := w.gateway.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM:\n%s", code, w.gateway.log)
	}
	w.start()
	events, err := w.app("k").follow(ctx, v.ID, (*app).sse)
	if err != nil {
		t.Fatal(err)
	}
	audit(t, []record{
		{name: "504 that goes through", key: "k", ids: []string{v.ID}, events: events},
		w.play(ctx, "decline", "k2", misfortunes["decline"], 1),
		w.play(ctx, "nothing", "k3", `{"status":"completed"}`, 1),
	}, w.ledger())
}
