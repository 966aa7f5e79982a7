//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// What a checker may find.
const (
	lostTransaction = "an acknowledged transaction isn't there"
	lostVerdict     = "a verdict that was told isn't there"
	lostWebhook     = "a webhook that was answered 2xx isn't in the timeline"
	lostMarker      = "the third party acted on what isn't on record"
	secondEffect    = "the third party acted twice"
	brokenFile      = "the file is broken"
)

// A checker compares what apps and the third party were told with what the gateway knows. It counts what it compared.
type checker struct {
	*station
	told map[string]int // webhooks of a transaction that were compared

	mu             sync.Mutex // guards all below
	found          map[string][]string
	acks, verdicts int // verdicts: acks that told one
	webhooks       int // answered 2xx
	effects        int
}

func newChecker(s *station) *checker {
	return &checker{station: s, told: map[string]int{}, found: map[string][]string{}}
}

func (c *checker) report(finding, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found[finding] = append(c.found[finding], fmt.Sprintf(format, args...))
}

// fail makes the findings errors of the test, and tells the first of each kind.
func (c *checker) fail() {
	c.t.Helper()
	const told = 20
	for finding, list := range c.found {
		c.t.Errorf("%d times: %s", len(list), finding)
		for _, what := range list[:min(len(list), told)] {
			c.t.Errorf("%s: %s", finding, what)
		}
	}
}

func (c *checker) foundAll(findings []string) bool {
	return !slices.ContainsFunc(findings, func(f string) bool { return len(c.found[f]) == 0 })
}

// check compares the acks, and all that has been added to the third party's ledger since the last check.
func (c *checker) check(acks []ack) {
	c.t.Helper()
	c.checkFile()
	each(acks, c.checkAck)
	ledger := c.sendings()
	c.checkEffects(ledger)
	each(c.fresh(ledger), c.checkWebhooks)
}

// checkFile reads the file beside the gateway, as another process may.
func (c *checker) checkFile() {
	db, err := sql.Open("sqlite3", "file:"+c.database()+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		c.report(brokenFile, "%s, %v", verdict, err)
	}
}

func (c *checker) checkAck(a ack) {
	for _, path := range []string{"/v1/transactions/" + a.id, "/v1/transactions?key=" + url.QueryEscape(a.key)} {
		var v struct{ ID, Key, Status string }
		if err := c.get(path, &v); err != nil || v.ID != a.id || v.Key != a.key {
			c.report(lostTransaction, "%+v: GET %s: %+v, %v", a, path, v, err)
		} else if a.status != "pending" && v.Status != a.status {
			c.report(lostVerdict, "%+v: now %s", a, v.Status)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks++
	if a.status != "pending" {
		c.verdicts++
	}
}

// checkEffects looks for what was sent twice.
func (c *checker) checkEffects(ledger []sending) {
	times := map[string]int{}
	for _, e := range ledger {
		if times[e.ID]++; times[e.ID] == 2 {
			c.report(secondEffect, "%s", e.ID)
		}
	}
	c.effects = len(ledger)
}

// fresh returns what is new in the ledger since it was asked last.
func (c *checker) fresh(ledger []sending) []sending {
	var fresh []sending
	for _, e := range ledger {
		if before, known := c.told[e.ID]; !known || before < len(e.Webhooks) {
			c.told[e.ID] = len(e.Webhooks)
			fresh = append(fresh, e)
		}
	}
	return fresh
}

func (c *checker) checkWebhooks(e sending) {
	var timeline struct {
		Entries []struct{ Kind, Outcome string }
	}
	if err := c.get("/v1/transactions/"+e.ID+"/timeline", &timeline); err != nil {
		c.report(lostMarker, "%+v: %v", e, err)
	}
	for _, w := range e.Webhooks {
		if !strings.HasPrefix(w.Outcome, "2") {
			continue
		}
		c.mu.Lock()
		c.webhooks++
		c.mu.Unlock()
		told := struct{ Kind, Outcome string }{"webhook", outcomes[w.Status]}
		if !slices.Contains(timeline.Entries, told) {
			c.report(lostWebhook, "%+v: %+v", e, timeline.Entries)
		}
	}
}

// outcomes are the third party's words in ours.
var outcomes = map[string]string{"completed": "succeeded", "declined": "failed"}

// each calls f with each of the items, several at once.
func each[T any](items []T, f func(T)) {
	queue := make(chan T)
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			for item := range queue {
				f(item)
			}
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	workers.Wait()
}
