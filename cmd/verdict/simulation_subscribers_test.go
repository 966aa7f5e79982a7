package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"verdict"
)

// subscriber is one who follows a transaction, or all of a tenant's if id is empty, and all it was told.
type subscriber struct {
	name, tenant, id string

	mu     sync.Mutex // guards what follows
	drops  int        // connections that ended before it had what it wanted
	after  string     // the last event id it was given
	origin string     // the first: what it may count on being told comes after it
	events []heard
}

// heard is an event as it was told.
type heard struct {
	at   time.Time
	id   string
	data string
	view verdict.View
}

func (s *subscriber) hear(u *universe, id, data string) error {
	h := heard{at: time.Now(), id: id, data: data}
	if err := json.Unmarshal([]byte(data), &h.view); err != nil {
		return err
	}
	s.position(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, h)
	u.note("app", "%s is told %s %s v%d %s", s.name, id, h.view.ID, h.view.Version, h.view.Status)
	return nil
}

func (s *subscriber) position(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = id
	if s.origin == "" {
		s.origin = id
	}
}

// done reports whether it was told what it waits for.
func (s *subscriber) done() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.events)
	return s.id != "" && n > 0 && s.events[n-1].view.Status != verdict.Pending
}

// follow subscribes, and again whenever the connection breaks, until it is told a verdict.
func (a *apps) follow(ctx context.Context, kind, name, tenant, id string) {
	s := &subscriber{name: name, tenant: tenant, id: id}
	a.u.evidence.listener(s)
	listen := map[string]func(context.Context, *subscriber) error{"sse": a.sse, "socket": a.socket, "poll": a.poll}[kind]
	r := a.u.draw("follow " + name)
	for ctx.Err() == nil {
		_ = listen(ctx, s) // broken, as connections are; it resumes
		if s.done() {
			if s.drops > 0 {
				a.u.happened.hit("a subscriber resumed and was told")
			}
			return
		}
		if kind != "poll" {
			s.drops++
		}
		_ = sleep(ctx, between(r, 200*time.Millisecond, 4*time.Second))
	}
}

func (a *apps) get(ctx context.Context, s *subscriber, route string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(withOperation(ctx, s.name), http.MethodGet, a.anywhere(s.name)+route, nil)
	if err != nil {
		return nil, err
	}
	identify(req.Header, s.tenant)
	if s.after != "" {
		req.Header.Set("Last-Event-ID", s.after)
	}
	resp, err := a.streams.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, errors.New(resp.Status)
	}
	return resp, nil
}

// poll asks for the state now.
func (a *apps) poll(ctx context.Context, s *subscriber) error {
	resp, err := a.get(ctx, s, "/v1/transactions/"+s.id)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return s.hear(a.u, "", string(text))
}

func (a *apps) sse(ctx context.Context, s *subscriber) error {
	route := "/v1/events"
	if s.id != "" {
		route = "/v1/transactions/" + s.id + "/events"
	}
	resp, err := a.get(ctx, s, route)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var event, id, data string
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "event":
			event = value
		case field == "id":
			id = value
		case field == "data":
			data = value
		case field == "" && event == "position":
			s.position(id)
			event, data = "", ""
		case field == "" && data != "":
			if err := s.hear(a.u, id, data); err != nil {
				return err
			}
			event, data = "", ""
			if s.done() {
				return nil
			}
		}
	}
	return io.EOF
}

// message is what the gateway says on a WebSocket.
type socketMessage struct {
	Type        string          `json:"type"`
	ID          json.Number     `json:"id"`
	After       json.Number     `json:"after"`
	Transaction json.RawMessage `json:"transaction"`
	Message     string          `json:"message"`
}

func (a *apps) socket(ctx context.Context, s *subscriber) error {
	header := http.Header{}
	identify(header, s.tenant)
	ws, resp, err := a.sockets.DialContext(withOperation(ctx, s.name), "ws"+strings.TrimPrefix(a.anywhere(s.name), "http")+"/v1/ws", header)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return err
	}
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	ws.SetPingHandler(func(string) error { return nil }) // a pipe holds no answer for a server that is busy
	wish := map[string]any{"type": "subscribe"}
	if s.id != "" {
		wish["transaction"] = s.id
	} else if s.after != "" {
		wish["after"] = json.Number(s.after)
	}
	if err := ws.WriteJSON(wish); err != nil {
		return err
	}
	for !s.done() {
		var m socketMessage
		if err := ws.ReadJSON(&m); err != nil {
			return err
		}
		switch {
		case m.Type == "error":
			return errors.New(m.Message)
		case m.Type == "subscribed" && m.After != "":
			s.position(m.After.String())
		case m.Type == "event":
			if err := s.hear(a.u, m.ID.String(), string(m.Transaction)); err != nil {
				return err
			}
		}
	}
	return nil
}
