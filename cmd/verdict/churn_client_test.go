package main

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A client has one connection at a time. It drops that as phones do, without a word, and comes back to any instance.
type client struct {
	*churn
	n      int
	user   *user
	way    way
	socket bool          // else server-sent events
	steady bool          // it never drops a connection itself
	last   int64         // the greatest number it was told
	retry  time.Duration // as it was told last
	news   chan struct{} // open has grown

	mu       sync.Mutex       // guards what follows
	open     []string         // transactions it follows one by one and whose verdict it doesn't know
	unplaced map[string]order // by key: what it submits over its socket and hasn't been answered
	talk     *chat            // its socket, while there is one
}

// newClient returns the nth. Of the clients of a user each second has a socket, all ways occur, and one is steady.
func newClient(c *churn, n int) *client {
	u, k := n/clientsPerUser, n%clientsPerUser
	ways := []way{byPosition, byConfirming, byTransaction}
	return &client{
		churn: c, n: n, user: c.users[u], way: ways[(u+k)%len(ways)], socket: k%2 == 1, steady: k == u%clientsPerUser,
		unplaced: map[string]order{}, news: make(chan struct{}, 1),
	}
}

// live connects, and again whenever the connection has ended, until the clients are dismissed.
func (c *client) live() {
	for c.present.Err() == nil {
		c.retry = 50*time.Millisecond + rand.N(250*time.Millisecond)
		switch transaction := c.next(); {
		case c.socket:
			c.converse()
		case c.way == byTransaction && transaction == "":
			c.await()
			continue
		default:
			c.listen(transaction)
		}
		c.rest(c.retry)
	}
}

// rest waits, unless the clients are dismissed.
func (c *churn) rest(d time.Duration) {
	select {
	case <-c.present.Done():
	case <-time.After(d):
	}
}

// await waits until there is a transaction to follow.
func (c *client) await() {
	select {
	case <-c.present.Done():
	case <-c.news:
	}
}

// next returns a transaction to follow, "" if there is none.
func (c *client) next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) == 0 {
		return ""
	}
	return c.open[rand.N(len(c.open))]
}

// follow has a client that follows single transactions follow one more.
func (c *client) follow(transaction string) {
	c.book.want(want{c.n, transaction})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, transaction)
	if c.talk != nil {
		c.talk.subscribe(transaction)
	}
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// known notes what a connection told the client.
func (c *client) known(h *hearing, e pushed) {
	c.book.hear(h, e)
	c.last = max(c.last, e.id)
	if e.final() && c.way == byTransaction {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open = slices.DeleteFunc(c.open, func(id string) bool { return id == e.transaction })
	}
}

// heed reports whether a client that confirms will confirm an event: it doesn't always come to it.
func (c *client) heed(e pushed) bool { return c.way == byConfirming && e.final() && rand.N(10) < 6 }

// dial connects to one of the instances, and through its proxy if the connection may be frozen.
func (c *client) dial() (h *hearing, conn *net.TCPConn, freeze func()) {
	g := c.gates[rand.N(len(c.gates))]
	address, frozen := g.address, rand.N(4) == 0
	if frozen {
		address = g.frost.address()
	}
	h = c.book.open(hearing{client: c.n, user: c.user.n, way: c.way, instance: g.address, transport: c.transport()})
	made, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(c.present, "tcp", address)
	if err != nil {
		c.book.close(h, "not reached")
		return h, nil, nil
	}
	if frozen {
		freeze = func() { g.frost.freeze(made.LocalAddr()) }
	}
	return h, made.(*net.TCPConn), freeze
}

func (c *client) transport() string {
	if c.socket {
		return "ws"
	}
	return "sse"
}

// dropAfter is how long connections last on average.
const dropAfter = 4 * time.Second

// leaveLater has the connection of a hearing end after a while, as when a phone loses its network, unless the client is
// steady or it is calm by then. stop forgets it.
func (c *client) leaveLater(h *hearing, conn *net.TCPConn, freeze func()) (stop func()) {
	stay := context.AfterFunc(c.present, func() {
		c.book.close(h, "dismissed")
		reset(conn)
	})
	timer := time.AfterFunc(time.Duration(rand.ExpFloat64()*float64(dropAfter)), func() {
		if !c.steady && c.calm.Err() == nil {
			c.drop(h, conn, freeze)
		}
	})
	return func() {
		timer.Stop()
		stay()
	}
}

// leftFor is how long a connection that was left alone stays: of each user there are no more than an instance allows.
const leftFor = 15 * time.Second

// drop ends a connection as the client sees it: by a reset, or by leaving it alone, frozen or not.
func (c *client) drop(h *hearing, conn *net.TCPConn, freeze func()) {
	switch {
	case freeze != nil:
		freeze()
		c.rest(rand.N(time.Second)) // in which it may be told more, in vain
		c.book.close(h, "frozen")
	case rand.N(5) == 0:
		c.book.close(h, "abandoned")
	default:
		c.book.close(h, "rst")
		reset(conn)
		return
	}
	_ = conn.SetReadDeadline(time.Now()) // so that the client goes; the connection stays
	c.rest(leftFor)
	reset(conn)
}

// confirm confirms a verdict by HTTP.
func (c *client) confirm(e pushed) {
	word := c.book.confirming(c.user.n, e.transaction)
	g := c.gates[rand.N(len(c.gates))]
	answer, err := c.user.http.Post("http://"+g.address+"/v1/transactions/"+e.transaction+"/ack", "application/json", nil)
	if err != nil {
		return
	}
	answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusOK:
		c.book.confirmed(word)
	case answer.StatusCode != http.StatusServiceUnavailable:
		c.book.complain("a confirmation of %s was answered %s", e.transaction, answer.Status)
	}
}

// number returns -1 for what is none.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
