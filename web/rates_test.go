package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	dto "github.com/prometheus/client_model/go"
)

// refusedBy is how many requests were sent away by a limit.
func (w *world) refusedBy(limit string) float64 {
	w.t.Helper()
	var m dto.Metric
	if err := w.server.metrics.refusedRequests.WithLabelValues(limit).Write(&m); err != nil {
		w.t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// submitBy posts a transaction as the owner of an API key.
func (w *world) submitBy(apiKey, key string, header ...string) *httptest.ResponseRecorder {
	return w.do("POST", "/v1/transactions", `{"payload":{}}`, append(header, "Idempotency-Key", key, "Authorization", "Bearer "+apiKey)...)
}

func TestAUserWhoSendsTooMuchIsSentAwayAloneAndForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := guardedWorld(t, func(c *Config) { c.Rates = Rates{PerUser: 2} })
		for i := range 4 { // the burst
			if answer := w.submitBy(amasKey, strconv.Itoa(i)); answer.Code != http.StatusAccepted {
				t.Fatalf("submit %d: %d", i, answer.Code)
			}
		}
		stored := w.store.count("Create")
		if p := wantProblem(t, w.submitBy(amasKey, "5"), tooOften); p.NewKeySafe {
			t.Error("a new key is said to be safe, though the request may have been stored before")
		}
		if w.store.count("Create") != stored || w.refusedBy("user") != 1 {
			t.Errorf("%d stored, %v counted", w.store.count("Create")-stored, w.refusedBy("user"))
		}
		if answer := w.submitBy(kofisKey, "1"); answer.Code != http.StatusAccepted {
			t.Errorf("another user: %d", answer.Code)
		}
		for i := range 10 { // a service speaks for many
			if answer := w.submitBy(tillsKey, strconv.Itoa(i), "Verdict-Subject", "ama"); answer.Code != http.StatusAccepted && answer.Code != http.StatusOK {
				t.Errorf("a service, %d: %d", i, answer.Code)
			}
		}
		time.Sleep(time.Second)
		if answer := w.submitBy(amasKey, "5"); answer.Code != http.StatusAccepted {
			t.Errorf("a second later: %d", answer.Code)
		}
	})
}

func TestATenantsRequestsCountTogether(t *testing.T) {
	w := guardedWorld(t, func(c *Config) { c.Rates = Rates{PerTenant: 1} })
	answers := map[int]int{}
	for i, key := range []string{amasKey, tillsKey, amasKey, tillsKey, amasKey, tillsKey} {
		answers[w.submitBy(key, strconv.Itoa(i)).Code]++
	}
	if answers[http.StatusTooManyRequests] < 3 || w.refusedBy("tenant") == 0 {
		t.Errorf("%v", answers)
	}
}

func TestAnAddressThatSendsTooMuchIsSentAwayUnasked(t *testing.T) {
	w := guardedWorld(t, func(c *Config) {
		c.Rates = Rates{PerAddress: 1}
		c.Proxies = Proxies{netip.MustParsePrefix("192.0.2.0/24")} // httptest's address
	})
	get := func(from string) int { return w.do("GET", "/v1/transactions/x", "", "X-Forwarded-For", from).Code }
	for _, from := range []string{"198.51.100.7", "2001:db8::1"} {
		answers := []int{get(from), get(from), get(from)}
		if answers[1] != http.StatusUnauthorized || answers[2] != http.StatusTooManyRequests {
			t.Errorf("%s: %v", from, answers)
		}
	}
	if code := get("2001:db8::ffff"); code != http.StatusTooManyRequests {
		t.Errorf("another address of the network: %d", code)
	}
	if code := get("198.51.100.8"); code != http.StatusUnauthorized {
		t.Errorf("another address: %d", code)
	}
	for range 10 { // the proxy itself, whose clients aren't known, and who is on this machine
		for _, from := range []string{"unknown", "127.0.0.1"} {
			if code := get(from); code != http.StatusUnauthorized {
				t.Fatalf("%s: %d", from, code)
			}
		}
	}
}

func TestWebhooksAreNotCounted(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Rates = Rates{PerUser: 1, PerTenant: 1, PerAddress: 1} })
	for range 10 {
		if answer := w.do("POST", w.webhookPath("x"), `{"status":"pending"}`); answer.Code != http.StatusOK {
			t.Fatalf("%d", answer.Code)
		}
	}
}

func TestSubmitsByWebSocketCount(t *testing.T) {
	w := guardedWorld(t, func(c *Config) { c.Rates = Rates{PerUser: 1} })
	url := strings.Replace(w.listen(), "http", "ws", 1) + "/v1/ws?ticket=" + w.ticket(amasKey)
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := client{t, conn}
	for i := range 3 {
		c.say(`{"type":"submit","ref":"` + strconv.Itoa(i) + `","key":"` + strconv.Itoa(i) + `","payload":{}}`)
	}
	for {
		if m := c.hear(); m.Type == "error" {
			if m.Code != codeRefused || m.Problem == nil || m.Problem.Type != tooOften.path() || !m.Problem.RetrySafe {
				t.Errorf("%+v", m)
			}
			return
		}
	}
}

func TestNoMoreBodiesAreReadAtOnceThanThereMayBe(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Rates = Rates{Bodies: 1} })
	url := w.listen()
	body, pen := io.Pipe()
	defer pen.Close()
	var slow sync.WaitGroup
	slow.Go(func() {
		if answer, err := http.Post(url+"/transaction", "application/json", body); err == nil {
			answer.Body.Close()
		}
	})
	if _, err := pen.Write([]byte(`{"id":`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slow one is being read", func() bool { return len(w.server.rates.bodies) == 1 })
	wantProblem(t, w.do("POST", "/transaction", `{"id":"a"}`), overloaded)
	wantProblem(t, w.do("POST", w.webhookPath("x"), `{}`), overloaded)
	if w.refusedBy("bodies") != 2 {
		t.Errorf("%v counted", w.refusedBy("bodies"))
	}
	if _, err := pen.Write([]byte(`"b"}`)); err != nil {
		t.Fatal(err)
	}
	pen.Close()
	slow.Wait()
	if answer := w.do("POST", "/transaction", `{"id":"a"}`); answer.Code != http.StatusAccepted {
		t.Errorf("after it: %d %s", answer.Code, answer.Body)
	}
}

func TestBucketsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuckets[int](1)
		for key := range 3 * maxBuckets {
			if !b.take(key) {
				t.Fatalf("%d is refused, which is new", key)
			}
			if len(b.left) > maxBuckets {
				t.Fatalf("%d buckets", len(b.left))
			}
		}
		time.Sleep(2 * time.Second) // all are full again
		b.makeRoom(time.Now())
		for key := range maxBuckets {
			b.take(-1 - key)
		}
		time.Sleep(time.Second)
		b.take(maxBuckets * 9)
		if len(b.left) > maxBuckets {
			t.Errorf("%d buckets", len(b.left))
		}
	})
}
