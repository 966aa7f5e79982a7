package scale

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"verdict/bench/load"
)

// users are the load client. Each has a WebSocket on one instance, on which it follows all of its transactions, and submits to
// the next instance: so where there are several, each event crosses from one to another.
type users struct {
	gateways []string // addresses
	sockets  []*load.WebSocket
	reading  sync.WaitGroup
	closing  atomic.Bool
	http     *http.Client

	submitted int64 // numbers of transactions that were used
	awaited   atomic.Pointer[arrivals]
	broken    atomic.Pointer[error]
}

// connect connects so many users, and returns when all are subscribed.
func connect(ctx context.Context, gateways []string, count int) (*users, error) {
	u := &users{gateways: gateways, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 4000, IdleConnTimeout: time.Minute, DisableCompression: true},
		Timeout:   30 * time.Second,
	}}
	u.awaited.Store(newArrivals(0, 0))
	if err := u.connect(ctx, count); err != nil {
		u.close()
		return nil, err
	}
	return u, nil
}

func (u *users) connect(ctx context.Context, count int) error {
	ready := make(chan error, count)
	for user := range count {
		ws, err := load.DialWebSocket(ctx, user, u.gateways[user%len(u.gateways)], "/v1/ws", identity(user), "verdict.v1")
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

func identity(user int) http.Header {
	return http.Header{"Authorization": {"Bearer " + apiKey}, "Verdict-Subject": {fmt.Sprint("user-", user)}}
}

var (
	subscribed = []byte(`"type":"subscribed"`)
	keyMember  = []byte(`"key":"` + keyPrefix)
	settled    = []byte(`"status":"succeeded"`)
)

// keyPrefix begins the idempotency keys, which end with the transaction's number.
const keyPrefix = "bench-"

// follow reads a user's events until the connection ends. ready hears once that it is subscribed, or why not.
func (u *users) follow(user int, ws *load.WebSocket, ready chan<- error) {
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

// submit posts a transaction, and returns an error unless it was accepted.
func (u *users) submit(ctx context.Context, number int64) error {
	user := int(number % int64(len(u.sockets)))
	address := u.gateways[(user+1)%len(u.gateways)]
	body := fmt.Appendf(nil, `{"payload":{"amount":"2500","currency":"XOF","bench":"%d"}}`, number)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/transactions", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = identity(user)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", keyPrefix+strconv.FormatInt(number, 10))
	answer, err := u.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("submit: %s: %s", answer.Status, text)
	}
	return err
}

// trouble returns why a connection ended against our will.
func (u *users) trouble() error {
	if err := u.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (u *users) close() {
	u.closing.Store(true)
	for _, ws := range u.sockets {
		ws.Close()
	}
	u.reading.Wait()
	u.http.CloseIdleConnections()
}
