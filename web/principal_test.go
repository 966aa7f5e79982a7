package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"verdict"
	"verdict/web/auth"
)

// The API keys of the guarded worlds' users.
var amasKey, kofisKey, tillsKey = auth.NewKey(), auth.NewKey(), auth.NewKey()

var ama, kofi = verdict.Audience{Tenant: "shop", Owner: "ama"}, verdict.Audience{Tenant: "shop", Owner: "kofi"}

// newGuard returns a guard that knows ama, kofi, and the service till of their tenant.
func newGuard(t *testing.T) *auth.Guard { return guardUntil(t, time.Time{}) }

// guardUntil returns one that knows ama until then.
func guardUntil(t *testing.T, expires time.Time) *auth.Guard {
	t.Helper()
	g, err := auth.New(t.Context(), auth.Config{Keys: map[string]auth.Key{
		"ama":  {Hash: auth.Hash(amasKey), Role: auth.App, Tenant: "shop", Subject: "ama", Expires: expires},
		"kofi": {Hash: auth.Hash(kofisKey), Role: auth.App, Tenant: "shop", Subject: "kofi"},
		"till": {Hash: auth.Hash(tillsKey), Role: auth.Service, Tenant: "shop"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// guardedWorld is a world whose users must say who they are.
func guardedWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return newWorld(t, append([]func(*Config){func(c *Config) {
		c.Guard = newGuard(t)
	}}, change...)...)
}

func (w *world) ticket(key string) string {
	w.t.Helper()
	answer := w.do("POST", "/v1/tickets", "", "Authorization", "Bearer "+key)
	if answer.Code != http.StatusCreated {
		w.t.Fatalf("no ticket: %d %s", answer.Code, answer.Body)
	}
	return decode[ticketAnswer](w.t.(*testing.T), answer.Body).Ticket
}

func TestNobodySeesWhatIsSomebodyElses(t *testing.T) {
	w := guardedWorld(t)
	mine := w.settled(w.acceptFor(ama, "k1"), verdict.OutcomeSucceeded)
	url := w.listen()
	const unknown = "00000000-0000-7000-8000-00000000ffff"
	for _, path := range []string{"", "/timeline", "/events"} {
		for id, want := range map[string]int{mine.ID: 200, unknown: 404} {
			if answer := w.do("GET", "/v1/transactions/"+id+path, "", "Authorization", "Bearer "+amasKey); answer.Code != want {
				t.Errorf("ama, %s: %d, want %d", path, answer.Code, want)
			}
		}
		foreign := w.do("GET", "/v1/transactions/"+mine.ID+path, "", "Authorization", "Bearer "+kofisKey)
		none := w.do("GET", "/v1/transactions/"+unknown+path, "", "Authorization", "Bearer "+kofisKey)
		if foreign.Code != 404 || foreign.Body.String() != none.Body.String() {
			t.Errorf("%s: a foreign one is answered %d %s, an unknown one %s", path, foreign.Code, foreign.Body, none.Body)
		}
	}
	wantProblem(t, w.do("POST", "/v1/transactions/"+mine.ID+"/ack", "", "Authorization", "Bearer "+kofisKey), noTransaction)
	_, f := sse(t, url+"/v1/events?after=0", "Authorization", "Bearer "+kofisKey)
	f.next()
	f.next()
	w.settled(w.acceptFor(ama, "k2"), verdict.OutcomeFailed)
	w.wantEvent(f, w.settled(w.acceptFor(kofi, "k1"), verdict.OutcomeFailed).ID)
}

func TestAServiceActsForAUser(t *testing.T) {
	w := guardedWorld(t)
	mine := w.acceptFor(ama, "k1")
	for subject, want := range map[string]int{"ama": 200, "kofi": 404} {
		if answer := w.do("GET", "/v1/transactions/"+mine.ID, "", "Authorization", "Bearer "+tillsKey, "Verdict-Subject", subject); answer.Code != want {
			t.Errorf("for %q: %d, want %d", subject, answer.Code, want)
		}
	}
	if answer := w.do("GET", "/v1/transactions/"+mine.ID, "", "Authorization", "Bearer "+tillsKey); answer.Code != 404 {
		t.Errorf("for itself: %d", answer.Code)
	}
	if answer := w.do("GET", "/v1/transactions/"+mine.ID, "", "Authorization", "Bearer "+amasKey, "Verdict-Subject", "kofi"); answer.Code != 403 {
		t.Errorf("ama for kofi: %d", answer.Code)
	}
}

func TestATicketOpensOneStream(t *testing.T) {
	w := guardedWorld(t)
	mine := w.settled(w.acceptFor(ama, "k1"), verdict.OutcomeSucceeded)
	url := w.listen()
	for _, path := range []string{"/v1/transactions/" + mine.ID + "/events?ticket=", "/v1/events?after=0&ticket="} {
		at := url + path + w.ticket(amasKey)
		_, f := sse(t, at)
		w.wantEvent(f, mine.ID)
		if answer, _ := sse(t, at); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("used again: %d", answer.StatusCode)
		}
	}
	at := strings.Replace(url, "http", "ws", 1) + "/v1/ws?ticket=" + w.ticket(amasKey)
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, answer, err := websocket.DefaultDialer.DialContext(t.Context(), at, nil); err == nil || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("used again: %v", err)
	}
	for _, path := range []string{"/v1/transactions/" + mine.ID, "/v1/transactions/" + mine.ID + "/timeline"} {
		if answer := w.do("GET", path+"?ticket="+w.ticket(amasKey), ""); answer.Code != http.StatusUnauthorized {
			t.Errorf("a ticket for %s: %d", path, answer.Code)
		}
	}
	wantProblem(t, w.do("GET", "/v1/events?ticket=vt1_forged", ""), unauthenticated)
}

func TestATicketIsGoodForHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := guardedWorld(t)
		ticket := w.ticket(amasKey)
		time.Sleep(31 * time.Second)
		wantProblem(t, w.do("GET", "/v1/events?ticket="+ticket, ""), unauthenticated)
	})
}

func TestAStreamEndsWithItsCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expires := time.Now().Add(time.Minute)
		w := guardedWorld(t, func(c *Config) { c.Guard = guardUntil(t, expires) })
		p := w.listenOnPipes(t)
		client := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
		ticket := w.ticket(amasKey)
		_, f := sseWith(t, t.Context(), client, "http://pipe/v1/events?ticket="+ticket)
		f.next()
		f.next()
		got, _ := f.nextEvent()
		if !time.Now().Equal(expires) || got.event != "reauth" || !strings.Contains(got.data, expires.UTC().Format(time.RFC3339)) {
			t.Errorf("%s after the end of its credentials: %+v", time.Since(expires), got)
		}
		if retry, ok := f.next(); !ok || retry.retry == "" {
			t.Errorf("then %+v", retry)
		}
		wantEnd(t, f)
	})
}

func TestASocketRenewsItsCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expires := time.Now().Add(time.Minute)
		w := guardedWorld(t)
		c := w.onPipesAs(t, amasKey)
		w.server.guard = guardUntil(t, expires) // from now on her key has an end
		c.say(`{"type":"auth","token":"` + amasKey + `","ref":"1"}`)
		c.want(`{"type":"authenticated","ref":"1","expires_at":"` + expires.UTC().Format(time.RFC3339Nano) + `"}`)
		_ = c.conn.SetReadDeadline(time.Now().Add(2 * time.Hour)) // reading answers pings
		_, text, err := c.conn.ReadMessage()
		if want := `{"type":"reauth","expires_at":"` + expires.UTC().Format(time.RFC3339Nano) + `"}`; err != nil || string(text) != want {
			t.Errorf("heard %s, %v; want %s", text, err, want)
		}
		if left := time.Until(expires); left != reauthLead {
			t.Errorf("told %s before", left)
		}
		for _, other := range []string{kofisKey, "x", tillsKey} {
			c.say(`{"type":"auth","token":"` + other + `"}`)
			c.wantError(codeUnauthenticated, "")
		}
		later := time.Now().Add(time.Hour)
		w.server.guard = guardUntil(t, later)
		c.say(`{"type":"auth","token":"` + amasKey + `"}`)
		c.hear()
		_ = c.conn.SetReadDeadline(time.Now().Add(2 * time.Hour)) // reading answers pings
		if _, text, err := c.conn.ReadMessage(); err != nil || !time.Now().Equal(later.Add(-reauthLead)) {
			t.Errorf("%s before its new end: %s, %v", time.Until(later), text, err)
		}
		if _, _, err := c.conn.ReadMessage(); !websocket.IsCloseError(err, closeExpired) || !time.Now().Equal(later) {
			t.Errorf("%s after its new end: %v", time.Since(later), err)
		}
	})
}

// onPipesAs connects a client in virtual time.
func (w *world) onPipesAs(t *testing.T, key string) client {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: w.listenOnPipes(t).dial}
	conn, _, err := dialer.DialContext(t.Context(), "ws://pipe/v1/ws", http.Header{"Authorization": {"Bearer " + key}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client{t, conn}
}

func TestAddressIsTheLastThatIsNoProxyOfOurs(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	})
	for _, c := range []struct {
		remote, forwarded, want string
	}{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.7", "192.0.2.1"}, // anybody may write that
		{"10.0.0.1:99", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:99", "203.0.113.5, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"[fd00::1]:99", "2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"}, // a client may have any address of its network
		{"10.0.0.1:99", "198.51.100.7:5555, 10.0.0.2:80", "198.51.100.7"},
		{"[::ffff:10.0.0.1]:99", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:99", "nonsense", "10.0.0.1"},
		{"10.0.0.1:99", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"}, // what is before it may be anybody's
		{"10.0.0.1:99", "[2001:db8::1]:5555", "2001:db8::"},
		{"[fe80::1%eth0]:99", "198.51.100.7", "fe80::"},
		{"10.0.0.1:99", "", "10.0.0.1"},
		{"pipe", "", "pipe"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := w.server.address(r); got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestATicketThatFindsNoRoomStaysGood(t *testing.T) {
	w := guardedWorld(t, func(c *Config) { c.Limits.PerUser = 1 })
	mine := w.settled(w.acceptFor(ama, "k1"), verdict.OutcomeSucceeded)
	at, err := w.server.streams.enter(auth.Principal{Audience: ama}, "", "sse")
	if err != nil {
		t.Fatal(err)
	}
	url := w.listen() + "/v1/transactions/" + mine.ID + "/events?ticket=" + w.ticket(amasKey)
	wantSentAway(t, url)
	if answer, err := http.Head(url); err != nil || answer.StatusCode != 200 {
		t.Error(err)
	}
	at.leave()
	_, f := sse(t, url)
	w.wantEvent(f, mine.ID)
}

func TestTroubleWithATicketSendsAStreamAway(t *testing.T) {
	w := guardedWorld(t)
	ticket := w.ticket(amasKey)
	w.store.fail(errors.New("disk i/o error"))
	wantSentAway(t, w.listen()+"/v1/events?ticket="+ticket)
}

func TestATicketAndAHeaderAreTooMuch(t *testing.T) {
	w := guardedWorld(t)
	wantProblem(t, w.do("GET", "/v1/events?ticket="+w.ticket(amasKey), "", "Authorization", "Bearer "+kofisKey), unauthenticated)
}

func TestWhereNobodyIsAskedOnlyNamesOfOursAreServed(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Hosts = []string{"pay.example"} })
	tr := w.accept("k1")
	for host, want := range map[string]int{
		"localhost:5000": 200, "127.0.0.1": 200, "[::1]:5000": 200, "Pay.example": 200, "evil.example:5000": 421, "pay.example.evil": 421,
	} {
		if answer := w.do("GET", "/v1/transactions/"+tr.ID, "", "Host", host); answer.Code != want {
			t.Errorf("%s: %d, want %d", host, answer.Code, want)
		}
	}
	if answer := w.do("POST", w.webhookPath(tr.ID), `{"status":"pending"}`, "Host", "any.example"); answer.Code != 200 {
		t.Errorf("a partner: %d", answer.Code)
	}
}

func TestARequestOfAnAppIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWorld(t).server
		began := time.Now()
		stuck := s.forApps(func(_ http.ResponseWriter, r *http.Request) error {
			if caller(r) != anyone {
				t.Errorf("made by %+v", caller(r))
			}
			<-r.Context().Done()
			return r.Context().Err()
		})
		err := stuck(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != requestTimeout {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}
