package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"verdict/bench/app"
	"verdict/bench/load"
)

// come has one subscriber after the other come, listen, and go, until ctx ends: users by WebSocket, and users by an event stream.
func (w *world) come(ctx context.Context, client int) {
	for user := client; ctx.Err() == nil; user = rand.IntN(users) {
		stay, leave := context.WithTimeout(ctx, time.Duration(rand.ExpFloat64()*float64(w.options.Stay)))
		var err error
		if rand.IntN(2) == 0 {
			err = w.socket(stay, client, user)
		} else {
			err = w.stream(stay, user)
		}
		w.came.Add(1)
		if stay.Err() == nil && err != nil {
			w.cut.Add(1)
			pause(ctx, time.Second)
		}
		leave()
	}
}

// socket follows a user's transactions on a WebSocket until ctx ends, or the connection does.
func (w *world) socket(ctx context.Context, client, user int) error {
	ws, err := load.DialWebSocket(ctx, client, w.gateway.Address, "/v1/ws", app.Identity(user), "verdict.v1")
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	defer ws.Close()
	if err := ws.Say(`{"type":"subscribe"}`); err != nil {
		return err
	}
	return ws.Read(func([]byte) { w.heard.Add(1) })
}

// streams are the connections of event streams, each its own, as phones have.
var streams = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{KeepAlive: -1}).DialContext}}

// stream follows a user's transactions on an event stream.
func (w *world) stream(ctx context.Context, user int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.gateway.Address+"/v1/events", nil)
	if err != nil {
		return err
	}
	r.Header = app.Identity(user)
	answer, err := streams.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("event stream: %s", answer.Status)
	}
	for buffer := make([]byte, 4096); ; {
		n, err := answer.Body.Read(buffer)
		if n > 0 {
			w.heard.Add(1)
		}
		if err != nil {
			return errors.Join(errors.New("the stream ended"), err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
