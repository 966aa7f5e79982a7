// Package app is the app of many users: each follows its transactions on a WebSocket, and submits.
package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"verdict/bench/load"
)

// APIKey is a service's, which acts for each of the users. Verdict's keys are 256 bits behind a prefix; this one guards
// nothing.
const APIKey = "vsk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// APIKeyHash is its digest, as Verdict's configuration has it.
func APIKeyHash() string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(APIKey))) }

// Users are the load client. Each has a WebSocket on one instance, on which it follows all of its transactions, and submits to
// the next instance: so where there are several, each event crosses from one to another.
type Users struct {
	gateways []string // addresses
	sockets  []*load.WebSocket
	reading  sync.WaitGroup
	closing  atomic.Bool
	posters  []*load.Poster // to each instance

	awaited atomic.Pointer[Arrivals]
	broken  atomic.Pointer[error]
}

// posts is how many submits may be under way at an instance.
const posts = 1000

// Connect connects so many users, and returns when all are subscribed.
func Connect(ctx context.Context, gateways []string, count int) (*Users, error) {
	u := &Users{gateways: gateways}
	for _, address := range gateways {
		u.posters = append(u.posters, load.NewPoster(address, posts))
	}
	u.Await(NewArrivals(0, 0))
	if err := u.connect(ctx, count); err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

// Await has verdicts that are pushed from now on counted by others.
func (u *Users) Await(a *Arrivals) { u.awaited.Store(a) }

func (u *Users) connect(ctx context.Context, count int) error {
	ready := make(chan error, count)
	for user := range count {
		ws, err := load.DialWebSocket(ctx, user, u.gateways[user%len(u.gateways)], "/v1/ws", Identity(user), "verdict.v1")
		if err != nil {
			return err
		}
		u.sockets = append(u.sockets, ws)
		u.reading.Go(func() { u.follow(user, ws, ready) })
		if err := ws.Say(`{"type":"subscribe"}`); err != nil {
			return err
		}
	}
	for range count {
		select {
		case err := <-ready:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Identity is the headers by which a user is known.
func Identity(user int) http.Header {
	return http.Header{"Authorization": {"Bearer " + APIKey}, "Verdict-Subject": {subject(user)}}
}

func subject(user int) string { return "user-" + strconv.Itoa(user) }

var (
	subscribed = []byte(`"type":"subscribed"`)
	keyMember  = []byte(`"key":"` + keyPrefix)
	settled    = []byte(`"status":"succeeded"`)
)

// keyPrefix begins the idempotency keys, which end with the transaction's number.
const keyPrefix = "bench-"

// follow reads a user's events until the connection ends. ready hears once that it is subscribed, or why not.
func (u *Users) follow(user int, ws *load.WebSocket, ready chan<- error) {
	heard := false
	err := ws.Read(func(message []byte) {
		if number, ok := verdictOf(message); ok {
			u.awaited.Load().arrived(number, time.Now())
		} else if !heard && bytes.Contains(message, subscribed) {
			heard = true
			ready <- nil
		}
	})
	if u.closing.Load() {
		return
	}
	err = fmt.Errorf("the WebSocket of user %d ended: %w", user, err)
	u.broken.Store(&err)
	if !heard {
		ready <- err
	}
}

// verdictOf returns the number of the transaction whose success a message tells.
func verdictOf(message []byte) (number int64, ok bool) {
	_, rest, ok := bytes.Cut(message, keyMember)
	if !ok || !bytes.Contains(message, settled) {
		return 0, false
	}
	digits, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseInt(string(digits), 10, 64)
	return number, err == nil
}

// Submit posts the transaction of a number, and returns an error unless it was accepted.
func (u *Users) Submit(number int64) error {
	user := int(number % int64(len(u.sockets)))
	return u.posters[(user+1)%len(u.posters)].Post(func(r *fasthttp.Request) { Fill(r, user, number) })
}

// Fill makes a request the submit of a user's transaction.
func Fill(r *fasthttp.Request, user int, number int64) {
	r.SetRequestURI("/v1/transactions")
	r.Header.Set("Authorization", "Bearer "+APIKey)
	r.Header.Set("Verdict-Subject", subject(user))
	r.Header.Set("Idempotency-Key", keyPrefix+strconv.FormatInt(number, 10))
	r.SetBodyRaw(fmt.Appendf(nil, `{"payload":{"amount":"2500","currency":"XOF","bench":"%d"}}`, number))
}

// Trouble returns why a connection ended against our will.
func (u *Users) Trouble() error {
	if err := u.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// Close ends the connections.
func (u *Users) Close() {
	u.closing.Store(true)
	for _, ws := range u.sockets {
		ws.Close()
	}
	u.reading.Wait()
	for _, p := range u.posters {
		p.Close()
	}
}
