package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"verdict"
)

// appFates are what a submit of an app may meet with; streamFates what a subscription may.
var (
	appFates    = []fate{fateRefused, fateUnheard, fateReset, fateLost, fateTruncated}
	streamFates = []fate{fateRefused, fateUnheard, fateCut, fateCut, fateCut}
)

// answer is what an app was told about a submit.
type answer struct {
	key          string
	other        bool // the submit had other content than the key's first
	asked, heard time.Time
	status       int
	replayed     bool
	view         verdict.View
}

// apps are the clients of a universe.
type apps struct {
	u       *universe
	submits *http.Client
	streams *http.Client
	sockets *websocket.Dialer
	playing sync.WaitGroup // keys that have not reached their end
	feeding sync.WaitGroup // subscribers to everything
}

func (u *universe) openApps() *apps {
	dial := u.network(streamFates, u.dialNamed)
	return &apps{
		u:       u,
		submits: &http.Client{Transport: clientTransport(u.network(appFates, u.dialNamed)), Timeout: 8 * time.Second},
		streams: &http.Client{Transport: clientTransport(dial)},
		sockets: &websocket.Dialer{NetDialContext: dial},
	}
}

// simTenants are those whose apps there are, each with a key and a backend of its own.
var simTenants = []string{"north", "south"}

// tenantOf is the tenant whose app makes the requests with a key.
func (u *universe) tenantOf(key string) string {
	return simTenants[u.always("tenant of "+key).IntN(len(simTenants))]
}

// identify says whose app makes a request.
func identify(h http.Header, tenant string) { h.Set("Authorization", "Bearer "+simAPIKey(tenant)) }

func simAPIKey(tenant string) string { return "vsk1_" + tenant }

// play is the life of one request: twins submit it, subscribers follow it to its verdict, and it is repeated afterwards.
func (a *apps) play(ctx context.Context, key string) {
	r := a.u.draw("play " + key)
	if sleep(ctx, between(r, 0, chaosFor*2/3)) != nil {
		return
	}
	var twins sync.WaitGroup
	first := make(chan string, 8)
	for n := range 1 + r.IntN(3) {
		delay := between(r, 0, 3*time.Second)
		twins.Go(func() {
			if sleep(ctx, delay) == nil {
				a.submit(ctx, fmt.Sprintf("%s/%d", key, n), key, first)
			}
		})
	}
	id := ""
	select {
	case id = <-first:
	case <-ctx.Done():
	}
	var following sync.WaitGroup
	for n, kind := range []string{"sse", "socket", "poll"} {
		if n > 0 && r.IntN(2) == 0 {
			continue
		}
		following.Go(func() { a.follow(ctx, kind, fmt.Sprintf("%s:%s", key, kind), a.u.tenantOf(key), id) })
	}
	twins.Wait()
	following.Wait()
	if sleep(ctx, between(r, 0, 20*time.Second)) == nil {
		a.submit(ctx, key+"/again", key, first)
	}
}

// submit insists until it has an answer that isn't an error of the server or the network.
func (a *apps) submit(ctx context.Context, who, key string, first chan<- string) {
	r := a.u.draw("submit " + who)
	other := r.IntN(8) == 0 && !strings.HasSuffix(who, "/0")
	simple := a.u.partnerOf(key).byDefault && a.u.always("route of "+key).IntN(2) == 0
	for ctx.Err() == nil {
		got, err := a.post(ctx, who, key, other, simple)
		if err == nil {
			a.u.note("app", "%s: %d %s %s, replayed %t", who, got.status, got.view.ID, got.view.Status, got.replayed)
			a.u.evidence.answer(got)
			if got.status < 300 {
				select {
				case first <- got.view.ID:
				default:
				}
			}
			if got.status < 500 && got.status != http.StatusTooManyRequests {
				return
			}
		}
		_ = sleep(ctx, between(r, 200*time.Millisecond, 4*time.Second))
	}
}

// post sends the request once, by the simple route, which names no partner, or the other one.
func (a *apps) post(ctx context.Context, who, key string, other, simple bool) (answer, error) {
	got := answer{key: key, other: other, asked: time.Now()}
	partner := a.u.partnerOf(key)
	payload := partner.payload(a.u, key, map[bool]int{false: 2500, true: 1}[other])
	route, body := "/v1/transactions", fmt.Sprintf(`{"provider":%q,"payload":{%s}}`, partner.name, payload)
	if simple {
		route, body = "/transaction", fmt.Sprintf(`{"id":%q,%s}`, key, payload)
	}
	req, err := http.NewRequestWithContext(withOperation(ctx, "app "+who), http.MethodPost, a.anywhere(who)+route, strings.NewReader(body))
	if err != nil {
		return got, err
	}
	identify(req.Header, a.u.tenantOf(key))
	req.GetBody = nil // so that net/http doesn't repeat it behind our back
	if !simple {
		req.Header.Set("Idempotency-Key", strconv.Quote(key))
	}
	resp, err := a.submits.Do(req)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return got, err
	}
	got.status, got.heard, got.replayed = resp.StatusCode, time.Now(), resp.Header.Get("Idempotent-Replayed") == "true"
	if got.status >= 300 {
		return got, nil
	}
	if err := json.Unmarshal(text, &got.view); err != nil {
		return got, err
	}
	if simple {
		got.view.ID = strings.TrimPrefix(resp.Header.Get("Location"), "/v1/transactions/")
	}
	return got, nil
}

// anywhere is the address of an instance.
func (a *apps) anywhere(who string) string {
	n := a.u.draw("instance for " + who).IntN(len(a.u.instances))
	return "http://" + a.u.instances[n].name + ":80"
}
