package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/web/auth"
)

func TestTransactionStreamTellsTheStateThenTheVerdictThenEnds(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	tr := w.accept("k1")
	answer, f := sse(t, url+"/v1/transactions/"+tr.ID+"/events")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	first, _ := f.next()
	if retry, err := strconv.Atoi(first.retry); err != nil || retry < 100 || retry >= 1000 {
		t.Errorf("first came %+v, want retry between 0.1 and 1 s", first)
	}
	w.wantEvent(f, tr.ID)
	w.settled(tr, verdict.OutcomeSucceeded)
	w.wantEvent(f, tr.ID)
	wantEnd(t, f)
}

func TestTransactionStreamOfASettledTransaction(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	tr := w.settled(w.accept("k1"), verdict.OutcomeFailed)
	path := url + "/v1/transactions/" + tr.ID + "/events"
	for _, lastEventID := range []string{"", "1", "999"} {
		_, f := sse(t, path, "Last-Event-ID", lastEventID)
		w.wantEvent(f, tr.ID)
		wantEnd(t, f)
	}
	if answer, _ := sse(t, path, "Last-Event-ID", strconv.FormatInt(tr.EventID, 10)); answer.StatusCode != http.StatusNoContent {
		t.Errorf("who has the verdict got %d, want 204", answer.StatusCode)
	}
}

func TestVerdictBetweenSubscribingAndReadingIsToldOnce(t *testing.T) {
	w := newWorld(t)
	w.server.store = settleBeforeRead{w.store, w}
	tr := w.accept("k1")
	_, f := sse(t, w.listen()+"/v1/transactions/"+tr.ID+"/events")
	w.wantEvent(f, tr.ID)
	wantEnd(t, f)
}

// lateRead returns what was on record before the verdict, after the feed has told the verdict.
type lateRead struct {
	Store
	world *world
}

func (s lateRead) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	t, err := s.Store.Transaction(ctx, id)
	if !t.Settled() {
		s.world.mute()
		settled := s.world.settled(t, verdict.OutcomeSucceeded)
		s.world.feed.tell(settled.Event())
		s.world.feed.tell(settled.Event())
	}
	return t, err
}

func TestVerdictToldWhileReadingComesAfterTheState(t *testing.T) {
	w := newWorld(t)
	w.server.store = lateRead{w.store, w}
	tr := w.accept("k1")
	_, f := sse(t, w.listen()+"/v1/transactions/"+tr.ID+"/events")
	if got, _ := f.nextEvent(); got.data != string(tr.Event().Data) {
		t.Fatalf("first came %+v", got)
	}
	w.wantEvent(f, tr.ID)
	wantEnd(t, f)
}

func TestAllEventsBeginsNowWithItsPosition(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	old := w.settled(w.accept("old"), verdict.OutcomeSucceeded)
	_, f := sse(t, url+"/v1/events")
	f.next()
	position := strconv.FormatInt(old.EventID, 10)
	if got, _ := f.next(); got.event != "position" || got.id != position || got.data != `{"after":`+position+`}` {
		t.Errorf("begins with %+v", got)
	}
	fresh := w.settled(w.accept("new"), verdict.OutcomeFailed)
	w.settled(w.acceptFor(verdict.Audience{Tenant: "default", Owner: "else"}, "x"), verdict.OutcomeFailed)
	w.wantEvent(f, fresh.ID)
	next := w.settled(w.accept("next"), verdict.OutcomeFailed)
	w.wantEvent(f, next.ID)
}

func TestAllEventsResumesWithoutGapOrDuplicate(t *testing.T) {
	const n = 3*pageSize + 7
	w := newWorld(t)
	url := w.listen()
	var all []verdict.Transaction
	for i := range n {
		all = append(all, w.settled(w.accept(fmt.Sprint("k", i)), verdict.OutcomeSucceeded))
	}
	settling := make(chan struct{})
	_, f := sse(t, url+"/v1/events?after="+strconv.FormatInt(all[4].EventID, 10))
	go func() {
		defer close(settling)
		for i := range n {
			w.settled(w.accept(fmt.Sprint("live", i)), verdict.OutcomeFailed)
		}
	}()
	last := all[4].EventID
	seen := map[string]bool{}
	for range 2*n - 5 {
		got, ok := f.nextEvent()
		id, _ := strconv.ParseInt(got.id, 10, 64)
		if !ok || id <= last || seen[got.data] {
			t.Fatalf("after %d came %+v, %t", last, got, ok)
		}
		last, seen[got.data] = id, true
	}
	<-settling
	_, f = sse(t, url+"/v1/events?after=1", "Last-Event-ID", strconv.FormatInt(last-2, 10))
	if got, _ := f.nextEvent(); got.id != strconv.FormatInt(last, 10) {
		t.Errorf("Last-Event-ID doesn't go before the parameter: %+v", got)
	}
}

func TestAPositionThatIsNotOursMeansNow(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	w.settled(w.accept("old"), verdict.OutcomeSucceeded)
	_, f := sse(t, url+"/v1/events", "Last-Event-ID", "5000")
	f.next()
	w.wantEvent(f, w.settled(w.accept("new"), verdict.OutcomeFailed).ID)
}

func TestStreamsAreBoundedAndClientsSentAway(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.Connections = 1 })
	url := w.listen()
	tr := w.accept("k1")
	_, f := sse(t, url+"/v1/transactions/"+tr.ID+"/events")
	w.wantEvent(f, tr.ID)
	for _, path := range []string{"/v1/events", "/v1/transactions/" + tr.ID + "/events"} {
		wantSentAway(t, url+path)
	}
	w.settled(tr, verdict.OutcomeFailed)
	w.wantEvent(f, tr.ID)
	wantEnd(t, f)
	eventually(t, "there is room again", func() bool {
		at, err := w.server.streams.enter(auth.Principal{}, "", "sse")
		if err != nil {
			return false
		}
		at.leave()
		return true
	})
}

// wantSentAway checks a stream to be one that EventSource comes back from: 200, retry, end.
func wantSentAway(t *testing.T, url string) {
	t.Helper()
	answer, f := sse(t, url)
	first, _ := f.next()
	retry, _ := strconv.Atoi(first.retry)
	if _, more := f.next(); answer.StatusCode != http.StatusOK || retry < 1000 || more {
		t.Errorf("%s: %d %+v, more %t; want 200, a retry of some seconds and the end", url, answer.StatusCode, first, more)
	}
}

func TestTroubleWithTheRecordSendsStreamsAway(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	w.store.fail(errors.New("disk i/o error"))
	wantSentAway(t, url+"/v1/events")
	wantSentAway(t, url+"/v1/transactions/x/events")
}

func TestHeadOfAStreamEnds(t *testing.T) {
	w := newWorld(t)
	if answer := w.do("HEAD", "/v1/events", ""); answer.Code != 200 || answer.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
}

func TestHeartbeatsKeepStreamsAliveAndAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.listenOnPipes(t)
		client := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
		tr := w.accept("k1")
		firsts := map[time.Duration]bool{}
		for _, path := range []string{"/v1/events", "/v1/transactions/" + tr.ID + "/events", "/v1/events"} {
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			_, f := sseWith(t, ctx, client, "http://pipe"+path)
			var beats []time.Time
			for len(beats) < 4 {
				got, ok := f.next()
				if !ok {
					t.Fatal("the stream ended")
				}
				if got.comment {
					beats = append(beats, time.Now())
				}
			}
			first := beats[0].Sub(began)
			if first > 15*time.Second || firsts[first] {
				t.Errorf("the first heartbeat came after %s", first)
			}
			firsts[first] = true
			for i := range 3 {
				if pause := beats[i+1].Sub(beats[i]); pause != 15*time.Second {
					t.Errorf("heartbeats %s apart", pause)
				}
			}
			cancel()
			synctest.Wait()
		}
		if n := w.feed.subscribers(); n != 0 {
			t.Errorf("%d subscriptions outlive their clients", n)
		}
	})
}

func TestSlowReaderOfAStreamIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.listenOnPipes(t)
		conn, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /v1/events HTTP/1.1\r\nHost: pipe\r\n\r\n") // and never reads
		began := time.Now()
		synctest.Wait()
		if w.feed.subscribers() != 1 {
			t.Fatal("it isn't served")
		}
		time.Sleep(writeTimeout - time.Nanosecond)
		synctest.Wait()
		if w.feed.subscribers() != 1 {
			t.Errorf("cut early, after %s", time.Since(began))
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if w.feed.subscribers() != 0 {
			t.Error("a client that doesn't read is still served")
		}
	})
}

func TestAStreamsClientHasNothingToSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		conn, err := w.listenOnPipes(t).dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		fmt.Fprint(conn, "GET /v1/events HTTP/1.1\r\nHost: pipe\r\n\r\n")
		synctest.Wait()
		if w.feed.subscribers() != 1 {
			t.Fatal("it isn't served")
		}
		for err == nil {
			_, err = fmt.Fprintf(conn, "%01000d", 0)
		}
		synctest.Wait()
		if w.feed.subscribers() != 0 {
			t.Error("a client that goes on talking is still served")
		}
	})
}

// panicking is a record with a bug.
type panicking struct{ Store }

func (panicking) Transaction(context.Context, string) (verdict.Transaction, error) { panic("a bug") }

func TestAPanicLeavesItsSeat(t *testing.T) {
	w := newWorld(t)
	w.server.store = panicking{w.store}
	func() {
		defer func() { _ = recover() }() // as net/http does
		w.do("GET", "/v1/transactions/x/events", "")
	}()
	if taken := len(w.server.streams.taken); taken != 0 {
		t.Errorf("%d seats are taken", taken)
	}
}

func TestStreamsPassAProxy(t *testing.T) {
	w := newWorld(t)
	target, err := url.Parse(w.listen())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(httputil.NewSingleHostReverseProxy(target))
	defer proxy.Close()
	tr := w.accept("k1")
	ctx, leave := context.WithCancel(t.Context())
	_, all := sseWith(t, ctx, http.DefaultClient, proxy.URL+"/v1/events")
	_, one := sse(t, proxy.URL+"/v1/transactions/"+tr.ID+"/events")
	w.wantEvent(one, tr.ID)
	w.settled(tr, verdict.OutcomeSucceeded)
	w.wantEvent(one, tr.ID)
	wantEnd(t, one)
	w.wantEvent(all, tr.ID)
	leave()
	eventually(t, "the proxy's client is missed", func() bool { return w.feed.subscribers() == 0 })
}
