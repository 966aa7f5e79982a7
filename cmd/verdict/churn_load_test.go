package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// ordersPerLoad is how many orders a user places in a load, on average.
const ordersPerLoad = 4

// load has users place orders, one after the other, until stop is called: by HTTP, or over the socket of a client that
// follows its transactions one by one. Their keys begin with the name.
func (c *churn) load(name string, span time.Duration, orders []order) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(span / time.Duration(ordersPerLoad*len(c.users)))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ended:
				return
			case <-tick.C:
				c.order(c.users[rand.N(len(c.users))], fmt.Sprintf("%s %d", name, n), orders[n%len(orders)])
			}
		}
	}()
	return func() {
		close(ended)
		<-done
	}
}

// bySchedule reports whether the verdict of an order comes only by the schedule's checks.
func bySchedule(o order) bool {
	return slices.ContainsFunc([]string{"timeout", "lost", "refused", "payeeNote", ":{}"}, func(word string) bool {
		return strings.Contains(o.payload, word)
	})
}

// order has a user place an order.
func (c *churn) order(u *user, key string, o order) {
	if talker := c.talker(u); talker != nil && rand.N(2) == 0 {
		talker.place(key, o)
		return
	}
	c.apps.Go(func() { c.post(u, key, o) })
}

// talker returns a client of the user's that submits over its socket, if there is one.
func (c *churn) talker(u *user) *client {
	for _, client := range c.clientsOf(u) {
		if client.socket && client.way == byTransaction {
			return client
		}
	}
	return nil
}

func (c *churn) clientsOf(u *user) (clients []*client) {
	for n := u.n * clientsPerUser; n < min((u.n+1)*clientsPerUser, len(c.clients)); n++ {
		clients = append(clients, c.clients[n])
	}
	return clients
}

// post places an order by HTTP, at one instance after the other until one takes it.
func (c *churn) post(u *user, key string, o order) {
	for try := rand.N(2); c.appsCtx.Err() == nil; try++ {
		a := &app{server: "http://" + c.gates[try%2].address, key: key, partner: o.partner, http: u.http}
		v, err := a.post(o.payload)
		var refused *problemError
		switch {
		case err == nil:
			c.accepted(u, v.ID)
			return
		case errors.As(err, &refused) && !refused.mayPass():
			c.book.complain("order %s of user %d was refused: %v", key, u.n, err)
			return
		}
		c.sleep(100 * time.Millisecond)
	}
}

// accepted has the clients of a user that follow transactions one by one follow a new one.
func (c *churn) accepted(u *user, transaction string) {
	if !c.book.place(placed{u.n, transaction}) {
		return
	}
	for _, client := range c.clientsOf(u) {
		if client.way == byTransaction {
			client.follow(transaction)
		}
	}
}

// placeSlow has each user place an order whose verdict comes two seconds later, and returns when all are on record.
func (c *churn) placeSlow() {
	var posts sync.WaitGroup
	for _, u := range c.users {
		posts.Go(func() { c.post(u, "slow", djamoOrder("", `{"reply_after":"100s","webhook":"none"}`)) })
	}
	posts.Wait()
}
