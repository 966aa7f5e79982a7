package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"verdict"
)

// client is a WebSocket client of a test.
type client struct {
	t    testing.TB
	conn *websocket.Conn
}

// heard is what a server may say.
type heard struct {
	Type        string          `json:"type"`
	Ref         string          `json:"ref"`
	Replayed    bool            `json:"replayed"`
	AfterMS     int             `json:"after_ms"`
	Problem     *problem        `json:"problem"`
	ID          int64           `json:"id"`
	Transaction json.RawMessage `json:"transaction"`
	After       *int64          `json:"after"`
	Code        string          `json:"code"`
	Message     string          `json:"message"`
}

func (w *world) connect() client {
	w.t.Helper()
	return dialSocket(w.t, websocket.Dialer{Subprotocols: []string{"other", subprotocol}}, strings.Replace(w.listen(), "http", "ws", 1))
}

func dialSocket(t testing.TB, dialer websocket.Dialer, url string) client {
	t.Helper()
	conn, _, err := dialer.DialContext(t.Context(), url+"/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client{t, conn}
}

func (c client) say(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) hear() heard {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	_, text, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	var m heard
	if err := json.Unmarshal(text, &m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c client) want(answer string) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	if _, text, err := c.conn.ReadMessage(); err != nil || string(text) != answer {
		c.t.Fatalf("heard %s, %v; want %s", text, err, answer)
	}
}

func (c client) wantEvent(e verdict.Event) {
	c.t.Helper()
	c.want(fmt.Sprintf(`{"type":"event","id":%d,"transaction":%s}`, e.ID, e.Data))
}

// wantNext wants an event of all verdicts, which moves the position.
func (c client) wantNext(e verdict.Event) {
	c.t.Helper()
	c.want(fmt.Sprintf(`{"type":"event","id":%d,"after":%d,"transaction":%s}`, e.ID, e.ID, e.Data))
}

func (c client) wantError(code, transaction string) {
	c.t.Helper()
	m := c.hear()
	if m.Type != "error" || m.Code != code || m.Message == "" || transaction != "" && string(m.Transaction) != `"`+transaction+`"` {
		c.t.Fatalf("heard %+v %s, want error %s", m, m.Transaction, code)
	}
}

// wantClosed reads until the server closes, with the code.
func (c client) wantClosed(code int) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, code) {
				c.t.Fatalf("closed with %v, want %d", err, code)
			}
			return
		}
	}
}

func TestSocketFollowsATransaction(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	if got := c.conn.Subprotocol(); got != subprotocol {
		t.Errorf("subprotocol %q", got)
	}
	tr := w.accept("k1")
	c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
	c.want(`{"type":"subscribed","transaction":"` + tr.ID + `"}`)
	c.wantEvent(tr.Event())
	c.wantEvent(w.settled(tr, verdict.OutcomeSucceeded).Event())
	c.say(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
}

func TestSocketToldTheVerdictWhileItReadsTellsTheStateFirst(t *testing.T) {
	w := newWorld(t)
	w.server.store = lateRead{w.store, w}
	c := w.connect()
	tr := w.accept("k1")
	c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
	c.want(`{"type":"subscribed","transaction":"` + tr.ID + `"}`)
	c.wantEvent(tr.Event())
	c.wantEvent(w.current(tr.ID).Event())
	c.say(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`) // and the verdict not twice
}

func TestSocketToldAnOldVerdictKeepsQuiet(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	tr := w.settled(w.accept("k1"), verdict.OutcomeFailed)
	c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
	c.want(`{"type":"subscribed","transaction":"` + tr.ID + `"}`)
	c.wantEvent(tr.Event())
	w.feed.tell(tr.Event())
	c.say(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
}

func TestSocketUnsubscribes(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	tr := w.accept("k1")
	c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
	c.hear()
	c.hear()
	for range 2 {
		c.say(`{"type":"subscribe"}`)
		c.hear()
	}
	c.say(`{"type":"unsubscribe","transaction":"` + tr.ID + `"}`)
	c.want(`{"type":"unsubscribed","transaction":"` + tr.ID + `"}`)
	c.say(`{"type":"unsubscribe"}`)
	c.want(`{"type":"unsubscribed"}`)
	w.settled(tr, verdict.OutcomeSucceeded)
	if n := w.feed.subscribers(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	c.say(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
}

func TestSocketFollowsAllFromAPosition(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	first := w.settled(w.accept("k1"), verdict.OutcomeSucceeded)
	var all []verdict.Transaction
	for i := range 2*maxQueue + 3 { // more than the queue holds
		all = append(all, w.settled(w.accept(fmt.Sprint("more", i)), verdict.OutcomeFailed))
	}
	c.say(fmt.Sprintf(`{"type":"subscribe","after":%d}`, first.EventID))
	c.want(fmt.Sprintf(`{"type":"subscribed","after":%d}`, first.EventID))
	for _, tr := range all {
		c.wantNext(tr.Event())
	}
	c.wantNext(w.settled(w.accept("live"), verdict.OutcomeSucceeded).Event())
}

func TestSocketFollowsAllFromNow(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	old := w.settled(w.accept("old"), verdict.OutcomeSucceeded)
	c.say(`{"type":"subscribe"}`)
	c.want(fmt.Sprintf(`{"type":"subscribed","after":%d}`, old.EventID))
	w.settled(w.acceptFor(verdict.Audience{Tenant: "else", Owner: "app"}, "x"), verdict.OutcomeSucceeded)
	c.wantNext(w.settled(w.accept("new"), verdict.OutcomeSucceeded).Event())
}

func TestSocketRefusesBadMessagesAndGoesOn(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	for _, text := range []string{
		``, `{`, `[]`, `{}`, `{"type":"shout"}`, `{"type":5}`, `{"type":"subscribe","transaction":5}`,
		`{"type":"subscribe","transaction":"x","after":1}`, `{"type":"subscribe","after":-1}`,
		`{"type":"subscribe","after":null}`, `{"type":"subscribe","after":"1"}`, `{"type":"subscribe","After":1}`,
		`{"type":"ping","type":"ping"}`, `{"type":"unsubscribe","after":1}`, `{"type":"resume"}`, `{"type":"ack"}`,
		`{"type":"resume","after":1,"transaction":"x"}`, `{"type":"subscribe","unconfirmed":1}`, `{"type":"subscribe","transaction":""}`,
		`{"type":"ack","transaction":"x","id":0}`, `{"type":"unsubscribe","transaction":"` + strings.Repeat("x", maxID+1) + `"}`,
		`{"type":"ack","transaction":"x","id":-1}`,
		`{"type":"ping","ref":5}`, `{"type":"ping","ref":"` + strings.Repeat("x", maxRef+1) + `"}`, `{"type":"auth","token":null}`,
	} {
		c.say(text)
		c.wantError(codeMessage, "")
	}
	if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	c.wantError(codeMessage, "")
	c.say(`{"type":"subscribe","transaction":"nobody"}`)
	c.wantError(codeNotFound, "nobody")
	other := w.acceptFor(verdict.Audience{Tenant: "default", Owner: "else"}, "k1")
	c.say(`{"type":"subscribe","transaction":"` + other.ID + `"}`)
	c.wantError(codeNotFound, other.ID)
	w.store.fail(errors.New("disk i/o error"))
	c.say(`{"type":"subscribe","transaction":"x"}`)
	c.wantError(codeUnavailable, "x")
	c.say(`{"type":"subscribe"}`)
	c.wantError(codeUnavailable, "")
	c.say(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
}

func TestSocketRefusesLargeMessages(t *testing.T) {
	c := newWorld(t).connect()
	c.say(strings.Repeat(" ", maxMessage-15) + `{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
	c.say(strings.Repeat(" ", maxMessage+1))
	c.wantClosed(websocket.CloseMessageTooBig)
}

func TestSocketBoundsItsSubscriptions(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	var trs []verdict.Transaction
	for i := range maxSubscriptions + 1 {
		trs = append(trs, w.accept(fmt.Sprint("k", i)))
	}
	for _, tr := range trs[:maxSubscriptions] {
		c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
		c.hear()
		c.hear()
	}
	last := trs[maxSubscriptions]
	c.say(`{"type":"subscribe","transaction":"` + last.ID + `"}`)
	c.wantError(codeSubscriptions, last.ID)
	c.wantEvent(w.settled(trs[7], verdict.OutcomeSucceeded).Event()) // which ends that subscription
	c.say(`{"type":"subscribe","transaction":"` + last.ID + `"}`)
	c.want(`{"type":"subscribed","transaction":"` + last.ID + `"}`)
}

func TestSocketsAreBounded(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.Connections = 1 })
	c := w.connect()
	c.say(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
	p := wantProblem(t, w.do("GET", "/v1/ws", "", "Connection", "Upgrade", "Upgrade", "websocket"), overloaded)
	if !strings.Contains(p.Detail, "too many streams") {
		t.Error(p.Detail)
	}
}

func TestPlainRequestsAreNoSockets(t *testing.T) {
	w := newWorld(t)
	answer := w.do("GET", "/v1/ws", "")
	if got := answer.Header().Get("Upgrade"); got != "websocket" {
		t.Errorf("Upgrade: %q", got)
	}
	wantProblem(t, answer, noUpgrade)
	wantProblem(t, w.do("GET", "/v1/ws", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "8"), invalidRequest)
}

// onPipes connects a client in virtual time.
func (w *world) onPipes(t *testing.T) client {
	t.Helper()
	return dialSocket(t, websocket.Dialer{NetDialContext: w.listenOnPipes(t).dial}, "ws://pipe")
}

func TestSilentSocketIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.onPipes(t)
		pings := 0
		c.conn.SetPingHandler(func(string) error { pings++; return nil }) // and no pong
		began := time.Now()
		_, _, err := c.conn.ReadMessage()
		if after := time.Since(began); err == nil || after != 2*15*time.Second+writeTimeout {
			t.Errorf("cut after %s with %v", after, err)
		}
		if pings < 2 {
			t.Errorf("pinged %d times", pings)
		}
	})
}

func TestAnsweringSocketStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.onPipes(t)
		_ = c.conn.SetReadDeadline(time.Now().Add(time.Hour))
		began := time.Now()
		_, _, err := c.conn.ReadMessage() // answers pings
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() || time.Since(began) != time.Hour {
			t.Errorf("ended after %s with %v", time.Since(began), err)
		}
	})
}

func TestSlowReaderOfASocketIsCut(t *testing.T) {
	for name, subscribe := range map[string]string{"of a transaction": `{"type":"subscribe","transaction":"%s"}`, "of all": `{"type":"subscribe","after":0}%.0s`} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c := w.onPipes(t)
				tr := w.accept("k1")
				c.say(fmt.Sprintf(subscribe, tr.ID))
				synctest.Wait()
				if w.feed.subscribers() != 1 {
					t.Fatal("it isn't served")
				}
				w.settled(tr, verdict.OutcomeSucceeded)
				time.Sleep(writeTimeout)
				synctest.Wait()
				if w.feed.subscribers() != 0 {
					t.Error("a client that doesn't read is still served")
				}
			})
		})
	}
}

func TestLongHistoryDoesNotCutASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 2 * maxQueue {
			w.settled(w.accept(fmt.Sprint("k", i)), verdict.OutcomeSucceeded)
		}
		c := w.onPipes(t)
		tr := w.accept("mine")
		c.say(`{"type":"subscribe","after":0}`)
		c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
		synctest.Wait() // whatever can wait to be read does
		heard := map[string]int{}
		for range 2*maxQueue + 3 {
			heard[c.hear().Type]++
		}
		if heard["event"] != 2*maxQueue+1 || heard["subscribed"] != 2 {
			t.Errorf("heard %v", heard)
		}
	})
}

func TestSocketWithAFullQueueIsCut(t *testing.T) {
	l := &line{}
	l.room.L = &l.mu
	l.writing.stop() // so nothing is taken from the queue
	for range maxQueue {
		l.say(nil)
	}
	if l.why != nil {
		t.Error("cut while there was room")
	}
	l.say(nil)
	if !errors.Is(l.why, errSlow) || l.queue != nil {
		t.Errorf("ends with %v, and %d in the queue", l.why, len(l.queue))
	}
}

func TestPagesOfOtherOriginsGetNoSocket(t *testing.T) {
	w := newWorld(t)
	url := strings.Replace(w.listen(), "http", "ws", 1)
	for origin, want := range map[string]int{
		"": 101, strings.Replace(url, "ws", "http", 1): 101, "https://shop.example": 101,
		"https://evil.example": 403, "http://127.0.0.1:1": 403, "null": 403,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), url+"/v1/ws", header)
		if err == nil {
			conn.Close()
		}
		if answer.StatusCode != want {
			t.Errorf("origin %q: %d, want %d", origin, answer.StatusCode, want)
		}
	}
}
