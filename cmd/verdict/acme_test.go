package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// documented returns the configuration of a partner that docs/partners.md shows, with another URL.
func documented(t *testing.T, name, url string) string {
	t.Helper()
	for _, block := range documentedBlocks(t) {
		if strings.Contains(block, "\n  "+name+":\n") {
			lines := strings.Split(block, "\n")
			for i, line := range lines {
				if strings.HasPrefix(line, "    url: ") {
					lines[i] = "    url: " + url
				}
			}
			return strings.Join(lines, "\n")
		}
	}
	t.Fatalf("docs/partners.md has no example %q", name)
	return ""
}

func documentedBlocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/partners.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	for i := range blocks {
		blocks[i], _, _ = strings.Cut(blocks[i], "```")
	}
	return blocks
}

// acme is the partner of docs/partners.md. A payment without a note succeeds at once, one of the note "webhook" is decided by webhook, "lost" is answered 504 and carried out,
// "refused" is a definite no, and "stuck" and "late" are under way until they are decided. While it is busy it takes none.
type acme struct {
	*httptest.Server
	mu       sync.Mutex
	payments map[string]string // states by reference
	posts    int
	checks   int
	tokens   int
	busy     bool
	odd      func(w http.ResponseWriter) // what checks are answered instead, unless nil
}

const acmeSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the documentation

func newAcme(t *testing.T, serve func(*httptest.Server)) *acme {
	a := &acme{payments: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/oauth/token", a.grant)
	mux.HandleFunc("POST /v2/payments", a.known(a.pay(t)))
	mux.HandleFunc("GET /v2/payments", a.known(a.find))
	a.Server = httptest.NewUnstartedServer(mux)
	serve(a.Server)
	t.Cleanup(a.Close)
	return a
}

func (a *acme) grant(w http.ResponseWriter, r *http.Request) {
	if id, secret, _ := r.BasicAuth(); id != "shop" || secret != "s3cret" || r.FormValue("grant_type") != "client_credentials" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens++
	fmt.Fprint(w, `{"access_token":"t0","expires_in":3600}`)
}

func (a *acme) known(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0" || r.Header.Get("X-Merchant") != "17" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		then(w, r)
	}
}

func (a *acme) pay(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.posts++
		var order struct {
			Ref, Note, Payer string
			Amount           struct{ Value json.Number }
			CallbackURL      string `json:"callback_url"`
		}
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil || order.Amount.Value != "2500.10" || r.Header.Get("Idempotency-Key") != order.Ref {
			t.Errorf("%+v, %v", order, err)
		}
		if a.busy {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if a.payments[order.Ref] != "" {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"error":{"code":"duplicate_ref"}}`)
			return
		}
		switch order.Note {
		case "":
			a.payments[order.Ref] = "succeeded"
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"data":{"payment":{"uid":"p_1","state":"succeeded"}}}`)
		case "stuck", "late":
			a.payments[order.Ref] = "processing"
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"data":{"payment":{"uid":"p_1","state":"processing"}}}`)
		case "webhook":
			a.payments[order.Ref] = "processing"
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"data":{"payment":{"uid":"p_1","state":"created"}}}`)
			go callBack(t, order.CallbackURL, order.Ref)
		case "lost":
			a.payments[order.Ref] = "succeeded"
			w.WriteHeader(http.StatusGatewayTimeout)
		case "refused":
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"error":{"code":"limit_reached","message":"Plafond dépassé"}}`)
		}
	}
}

// callBack sends a webhook, first with a signature that isn't the partner's.
func callBack(t *testing.T, url, ref string) {
	body := fmt.Sprintf(`{"event":"payment.succeeded","data":{"payment":{"uid":"p_1","ref":%q,"state":"succeeded"}}}`, ref)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(acmeSecret, "whsec_"))
	if err != nil {
		t.Error(err)
	}
	for _, signed := range []struct {
		key  []byte
		want int
	}{{[]byte("another"), http.StatusUnauthorized}, {key, http.StatusOK}} {
		at := fmt.Sprint(time.Now().Unix())
		mac := hmac.New(sha256.New, signed.key)
		fmt.Fprintf(mac, "msg_1.%s.%s", at, body)
		r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header = http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {at}, "Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		answer.Body.Close()
		if answer.StatusCode != signed.want {
			t.Errorf("a webhook is answered %d, want %d", answer.StatusCode, signed.want)
		}
	}
}

func (a *acme) find(w http.ResponseWriter, r *http.Request) {
	a.checks++
	if a.odd != nil {
		a.odd(w)
		return
	}
	ref := r.URL.Query().Get("ref")
	var found bytes.Buffer
	if state, ok := a.payments[ref]; ok {
		fmt.Fprintf(&found, `{"uid":"p_1","ref":%q,"state":%q}`, ref, state)
	}
	fmt.Fprintf(w, `{"data":{"payments":[%s]}}`, &found)
}

func (a *acme) beBusy(busy bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy = busy
}

// decide has a payment that was under way succeed.
func (a *acme) decide(ref string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.payments[ref] = "succeeded"
}

func (a *acme) has(ref string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.payments[ref] != ""
}

func (a *acme) counts() (posts, checks, tokens int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.posts, a.checks, a.tokens
}
