package main

import (
	"database/sql"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

var churnClients = flag.Int("churn-clients", 400, "clients that come and go in TestChurn")

// TestChurn has many clients come and go between two instances while verdicts flow, while an instance is killed, another
// is stopped, and the stream is lost. Each must be told what it is owed, and nothing else.
func TestChurn(t *testing.T) {
	t.Parallel()
	clients := *churnClients
	if testing.Short() {
		clients = min(clients, 100)
	}
	c := newChurn(t, clients)
	phase := 3*time.Second + time.Duration(clients)*4*time.Millisecond
	c.begin()
	stop := c.load("before", phase, c.orders)
	c.sleep(phase)
	stop()
	c.placeSlow()
	stop = c.load("after", 2*phase+publishing, slices.DeleteFunc(orders(), bySchedule)) // what waits for a lease need not wait for more
	c.loseStream(publishing)
	c.restart(0, (*process).kill)
	c.sleep(phase)
	c.restart(1, func(p *process) {
		if code := p.terminate(t); code != 0 {
			t.Errorf("exit code %d after SIGTERM:\n%s", code, p.log)
		}
	})
	stop()
	h := c.end(15 * time.Second)
	for _, v := range few(h.violations()) {
		t.Error(v)
	}
	events := 0
	for _, heard := range h.hearings {
		events += len(heard.events)
	}
	t.Logf("%d clients of %d users, %d connections, %d transactions, %d events, %d confirmations", len(c.clients), len(c.users),
		len(h.hearings), len(h.record), events, len(h.confirmations))
	if !t.Failed() {
		h.demand(t, c.book)
	}
}

// begin has the clients come, over two seconds.
func (c *churn) begin() {
	var living sync.WaitGroup
	for n, client := range c.clients {
		living.Go(func() {
			client.rest(time.Duration(n) * 2 * time.Second / time.Duration(len(c.clients)))
			client.live()
		})
	}
	c.t.Cleanup(living.Wait)
	c.t.Cleanup(c.dismiss)
}

// end waits until all is settled, while the clients come and go. Then it has them come to rest, waits until all is told or
// that has taken too long, and returns what was seen.
func (c *churn) end(patience time.Duration) churned {
	c.t.Helper()
	late := time.AfterFunc(healed, c.giveUp)
	defer late.Stop()
	for c.appsCtx.Err() == nil && (c.placing() > 0 || slices.ContainsFunc(c.rows(), func(e entry) bool { return e.waits })) {
		c.sleep(200 * time.Millisecond)
	}
	c.apps.Wait()
	c.becalm()
	shown := c.show(c.rows())
	for began := time.Now(); ; c.rest(500 * time.Millisecond) {
		seen := c.book.read()
		seen.record = c.rows()
		for i, e := range seen.record {
			seen.record[i].shown = shown[e.id]
		}
		if time.Since(began) > patience || len(seen.violations()) == 0 {
			c.dismiss()
			return seen
		}
	}
}

// few returns no more violations than anybody reads.
func few(found []string) []string {
	const enough = 40
	if len(found) <= enough {
		return found
	}
	return append(found[:enough:enough], fmt.Sprintf("and %d more", len(found)-enough))
}

// placing returns how many submits over sockets are not answered yet.
func (c *churn) placing() (n int) {
	for _, client := range c.clients {
		n += client.placing()
	}
	return n
}

// rows returns the transactions on record, without what is shown of them.
func (c *churn) rows() (all []entry) {
	c.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+c.database()+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(c.ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		c.t.Fatal(err)
	}
	defer tx.Rollback()
	err = readAll(tx, `SELECT id, tenant, owner, event_id, stage = 'settled', stage NOT IN ('settled', 'review'),
		confirmed_at IS NOT NULL FROM transactions`, func(scan scanFunc) error {
		var e entry
		var tenant, owner string
		err := scan(&e.id, &tenant, &owner, &e.event, &e.settled, &e.waits, &e.confirmed)
		e.user = userOf(tenant, owner)
		all = append(all, e)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

// show returns what each transaction's user is shown of it.
func (c *churn) show(rows []entry) map[string]string {
	shown := map[string]string{}
	var mu sync.Mutex
	var readers errgroup.Group
	readers.SetLimit(8)
	for n, e := range rows {
		readers.Go(func() error {
			answer, err := c.users[e.user].http.Get("http://" + c.gates[n%2].address + "/v1/transactions/" + e.id)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			mu.Lock()
			defer mu.Unlock()
			shown[e.id] = strings.TrimSpace(string(body))
			return err
		})
	}
	if err := readers.Wait(); err != nil {
		c.t.Error(err)
	}
	return shown
}
