package web

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"verdict"
)

func TestDrainTellsAllStreamsToComeBack(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	tr := w.accept("k1")
	_, one := sse(t, url+"/v1/transactions/"+tr.ID+"/events")
	_, all := sse(t, url+"/v1/events")
	one.nextEvent()
	all.next()
	all.next()
	c := dialSocket(t, websocket.Dialer{}, "ws"+url[len("http"):])
	c.say(`{"type":"subscribe"}`)
	c.hear()
	drained := make(chan error)
	go func() { drained <- w.server.Drain(context.Background()) }()
	for _, f := range []frames{one, all} {
		goodbye, _ := f.next()
		if _, more := f.next(); goodbye.retry == "" || more {
			t.Errorf("told %+v, more %t; want retry and the end", goodbye, more)
		}
	}
	if m := c.hear(); m.Type != "retry" || m.AfterMS < 100 || m.AfterMS >= 1000 {
		t.Errorf("told %+v", m)
	}
	c.wantClosed(websocket.CloseServiceRestart)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if n := w.feed.subscribers(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	wantSentAway(t, url+"/v1/events")
	wantProblem(t, w.do("GET", "/v1/ws", "", "Connection", "Upgrade", "Upgrade", "websocket"), overloaded)
	if answer := w.do("GET", "/v1/transactions/"+tr.ID, ""); answer.Code != http.StatusOK {
		t.Errorf("other requests get %d", answer.Code)
	}
}

func TestStreamsEndAtMomentsOfTheirOwnAndAreServedUntilThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 100
		w := newWorld(t, func(c *Config) { c.Spread = 50 * time.Millisecond }) // less than the streams would get
		p := w.listenOnPipes(t)
		ends := make(chan time.Duration, streams)
		client := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
		var began time.Time
		for range streams {
			_, f := sseWith(t, t.Context(), client, "http://pipe/v1/events")
			f.next()
			f.next()
			go func() {
				event, _ := f.nextEvent()
				wantEnd(t, f)
				if event.hasData {
					ends <- time.Since(began)
				} else {
					ends <- -1
				}
			}()
		}
		synctest.Wait()
		began = time.Now()
		drained := make(chan error)
		go func() { drained <- w.server.Drain(t.Context()) }()
		synctest.Wait()
		w.settled(w.accept("k1"), verdict.OutcomeSucceeded) // while none has ended
		if err := <-drained; err != nil {
			t.Error(err)
		}
		moments := map[time.Duration]bool{}
		for range streams {
			moment := <-ends
			if moment < 0 || moment > w.config.Spread {
				t.Fatalf("a stream that ends at %s", moment)
			}
			moments[moment] = true
		}
		if len(moments) < streams/2 {
			t.Errorf("%d streams end at %d moments", streams, len(moments))
		}
	})
}

func TestDrainIsNotHeldUp(t *testing.T) {
	for name, ignore := range map[string]func(*testing.T, *world, *pipes){
		"by a socket that ignores the close frame": func(t *testing.T, _ *world, p *pipes) {
			c := dialSocket(t, websocket.Dialer{NetDialContext: p.dial}, "ws://pipe")
			go func() { // reads, so that the frame can be written, and answers nothing
				for buffer := make([]byte, 100); ; {
					if _, err := c.conn.NetConn().Read(buffer); err != nil {
						return
					}
				}
			}()
		},
		"by a socket that doesn't read": func(t *testing.T, _ *world, p *pipes) {
			c := dialSocket(t, websocket.Dialer{NetDialContext: p.dial}, "ws://pipe")
			c.say(`{"type":"ping"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				ignore(t, w, w.listenOnPipes(t))
				synctest.Wait()
				began := time.Now()
				if err := w.server.Drain(t.Context()); err != nil || time.Since(began) > writeTimeout+closeTimeout {
					t.Errorf("took %s, %v", time.Since(began), err)
				}
			})
		})
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dialSocket(t, websocket.Dialer{NetDialContext: w.listenOnPipes(t).dial}, "ws://pipe").say(`{"type":"ping"}`)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := w.server.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		if err := w.server.Drain(t.Context()); err != nil {
			t.Errorf("draining again: %v", err)
		}
	})
}

func TestStreamsThatOutlastTheDrainAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.listenOnPipes(t)
		client := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
		_, f := sseWith(t, t.Context(), client, "http://pipe/v1/events")
		f.next()
		f.next()
		dialSocket(t, websocket.Dialer{NetDialContext: p.dial}, "ws://pipe").say(`{"type":"ping"}`) // and reads nothing
		tr := w.settled(w.accept("k1"), verdict.OutcomeSucceeded)
		synctest.Wait()
		w.server.notes.add(tr.ID, time.Now())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := w.server.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		synctest.Wait()
		if left := len(w.server.streams.taken); left != 0 {
			t.Errorf("%d streams are left", left)
		}
		if w.current(tr.ID).ToldAt.IsZero() {
			t.Error("what was told isn't noted")
		}
	})
}
