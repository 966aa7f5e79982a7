package web

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
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
