package check

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// pairs is how many streams there are of either kind: one for each gateway, as the load balancer spreads them.
const pairs = 3

// A crowd is a backend's posts for one user, and that user's streams, all by the load balancer.
type crowd struct {
	base string // of URLs
	http *http.Client
	tls  *tls.Config

	mu       sync.Mutex // guards what follows
	accepted map[string]string
	repeats  map[string]int               // what posts were answered that had to be repeated
	heard    map[string]map[string]string // by stream, then transaction
	returns  int
	delays   []time.Duration
}

func newCrowd(s *stage) *crowd {
	trust := &tls.Config{RootCAs: s.roots()}
	transport := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true} // it adds h2 to what it is given
	return &crowd{
		base: s.hosts["loadbalancer"] + ":8443", tls: trust,
		http:     &http.Client{Transport: transport},
		accepted: map[string]string{}, repeats: map[string]int{},
		heard: map[string]map[string]string{},
	}
}

// view is a transaction as apps see it.
type view struct {
	ID        string
	Status    string
	SettledAt time.Time `json:"settled_at"`
}

func header() http.Header {
	return http.Header{"Authorization": {"Bearer " + shopKey}, "Verdict-Subject": {"ama"}}
}

func (c *crowd) do(ctx context.Context, method, path, body string, more ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "https://"+c.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header()
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	return c.http.Do(r)
}

// post posts transactions, one after the other, until ctx ends. Each is repeated until it is accepted.
func (c *crowd) post(ctx context.Context, poster int) {
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("%d-%d", poster, n)
		status := map[bool]string{true: "declined", false: "completed"}[n%3 == 0]
		body := fmt.Sprintf(`{"payload":{"simulate":{"reply":"ok","reply_after":"%ds","status":%q,"webhook":"once","webhook_after":"40s"}}}`,
			2+n%25, status)
		for {
			v, err := c.submit(key, body)
			c.mu.Lock()
			if err == nil {
				c.accepted[v.ID] = key
				c.mu.Unlock()
				break
			}
			c.repeats[err.Error()]++
			c.mu.Unlock()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *crowd) submit(key, body string) (v view, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := c.do(ctx, "POST", "/v1/transactions", body, "Idempotency-Key", key)
	if err != nil {
		return v, err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return v, fmt.Errorf("%s", answer.Status)
	}
	return v, json.NewDecoder(answer.Body).Decode(&v)
}

// hear notes an event of a stream.
func (c *crowd) hear(by string, v view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heard[by] == nil {
		c.heard[by] = map[string]string{}
	}
	c.heard[by][v.ID] = v.Status
	c.delays = append(c.delays, time.Since(v.SettledAt))
}

// follow keeps a stream open until ctx ends, and takes it up again where it broke.
func (c *crowd) follow(ctx context.Context, by string, listen func(ctx context.Context, by, after string) string) {
	for after := "0"; ; time.Sleep(100 * time.Millisecond) {
		after = listen(ctx, by, after)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.returns++
		c.mu.Unlock()
	}
}

func (c *crowd) sse(ctx context.Context, by, after string) string {
	answer, err := c.do(ctx, "GET", "/v1/events", "", "Last-Event-ID", after)
	if err != nil {
		return after
	}
	defer answer.Body.Close()
	var id string
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch string(name) {
		case "id":
			id = string(value)
		case "data":
			var v view
			if after = id; json.Unmarshal(value, &v) == nil && v.ID != "" {
				c.hear(by, v)
			}
		}
	}
	return after
}

func (c *crowd) socket(ctx context.Context, by, after string) string {
	dialer := websocket.Dialer{TLSClientConfig: c.tls.Clone(), Subprotocols: []string{"verdict.v1"}}
	conn, _, err := dialer.DialContext(ctx, "wss://"+c.base+"/v1/ws", header())
	if err != nil {
		return after
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"resume","after":`+after+`}`)) != nil {
		return after
	}
	for {
		var message struct {
			Type        string
			After       json.Number
			Transaction view
		}
		if conn.ReadJSON(&message) != nil {
			return after
		}
		if message.After != "" {
			after = message.After.String()
		}
		if message.Type == "event" {
			c.hear(by, message.Transaction)
		}
	}
}

// settled reports whether all that was accepted has been told on all streams.
func (c *crowd) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.accepted {
		for _, heard := range c.heard {
			if heard[id] == "" {
				return false
			}
		}
	}
	return len(c.heard) == 2*pairs
}
