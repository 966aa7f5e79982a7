package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// A chat is a client's WebSocket.
type chat struct {
	*client
	hearing *hearing
	conn    *websocket.Conn
	acks    []*confirmation // that are not answered yet
	mu      sync.Mutex      // held while writing
}

// converse opens a WebSocket, says what the client's way is, and listens until its end.
func (c *client) converse() {
	h, conn, freeze := c.dial()
	if conn == nil {
		return
	}
	stop := c.leaveLater(h, conn, freeze)
	defer stop()
	t := &chat{client: c, hearing: h}
	if err := t.upgrade(conn); err != nil {
		c.leave(h, conn, "no answer")
		return
	}
	c.book.opened(h)
	c.begin(t)
	t.listen()
	c.mu.Lock()
	c.talk = nil
	c.mu.Unlock()
	c.leave(h, conn, "eof")
}

func (t *chat) upgrade(conn net.Conn) error {
	dialer := websocket.Dialer{
		Subprotocols: []string{"verdict.v1"}, HandshakeTimeout: 10 * time.Second, ReadBufferSize: 1024, WriteBufferSize: 1024,
		NetDialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	header := http.Header{}
	t.client.user.introduce(header)
	ws, answer, err := dialer.DialContext(t.present, "ws://gateway/v1/ws", header)
	t.conn = ws
	if err != nil && answer != nil && answer.StatusCode != http.StatusServiceUnavailable {
		t.book.complain("a WebSocket was answered %s", answer.Status)
	}
	return err
}

// begin has a new socket take up what the client was about.
func (c *client) begin(t *chat) {
	switch c.way {
	case byPosition:
		t.say(map[string]any{"type": "resume", "after": c.last})
	case byConfirming:
		t.say(map[string]any{"type": "subscribe", "unconfirmed": true})
	case byTransaction:
		if id := c.book.stranger(c.user.n, rand.N(1000)); id != "" && rand.N(4) == 0 {
			t.say(map[string]any{"type": "subscribe", "transaction": id, "ref": "stranger"})
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.talk = t
	for _, id := range c.open {
		t.subscribe(id)
	}
	for key, o := range c.unplaced {
		t.submit(key, o)
	}
}

// place has the client submit over its socket, on each that it opens until it is answered.
func (c *client) place(key string, o order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unplaced[key] = o
	if c.talk != nil {
		c.talk.submit(key, o)
	}
}

// placing returns how many submits are not answered yet.
func (c *client) placing() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.unplaced)
}

func (t *chat) subscribe(transaction string) {
	t.say(map[string]any{"type": "subscribe", "transaction": transaction})
}

func (t *chat) submit(key string, o order) {
	t.say(map[string]any{"type": "submit", "ref": key, "key": key, "provider": o.partner, "payload": json.RawMessage(o.payload)})
}

// say sends a message. What doesn't arrive is said again on the next connection.
func (t *chat) say(message any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_ = t.conn.WriteJSON(message)
}

// chatMessage is what the gateway says.
type chatMessage struct {
	Type        string
	Ref         string
	ID          int64
	Transaction json.RawMessage
	After       int64
	AfterMillis int64 `json:"after_ms"`
	Code        string
	Message     string
	Problem     *problemError
}

// transaction is the one that an answer is about: it is named, or shown.
func (m chatMessage) transaction() string {
	var id string
	if json.Unmarshal(m.Transaction, &id) == nil {
		return id
	}
	var v view
	_ = json.Unmarshal(m.Transaction, &v) // what is neither is about none
	return v.ID
}

func (t *chat) listen() {
	for {
		_, text, err := t.conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
			t.book.close(t.hearing, fmt.Sprint(closed.Code))
		}
		if err != nil {
			return
		}
		var m chatMessage
		if err := json.Unmarshal(text, &m); err != nil {
			t.book.complain("a message is %s: %v", text, err)
			return
		}
		t.heed(m)
	}
}

func (t *chat) heed(m chatMessage) {
	switch m.Type {
	case "event":
		e, err := newPushed(time.Now(), m.ID, string(m.Transaction))
		if err != nil {
			t.book.complain("%v", err)
			return
		}
		t.known(t.hearing, e)
		if t.client.heed(e) {
			t.acks = append(t.acks, t.book.confirming(t.client.user.n, e.transaction))
			t.say(map[string]any{"type": "ack", "transaction": e.transaction, "id": e.id})
		}
	case "subscribed":
		if t.way != byTransaction {
			t.book.begins(t.hearing, m.After)
		}
	case "acknowledged":
		t.acknowledged(m.transaction())
	case "submitted":
		t.submitted(m)
	case "retry":
		t.retry = time.Duration(m.AfterMillis) * time.Millisecond
	case "error":
		t.deplore(m)
	default:
		t.book.complain("a message of type %s", m.Type)
	}
}

func (t *chat) acknowledged(transaction string) {
	t.acks = slices.DeleteFunc(t.acks, func(c *confirmation) bool {
		if c.transaction != transaction {
			return false
		}
		t.book.confirmed(c)
		return true
	})
}

// submitted notes an accepted transaction, which the socket is now subscribed to.
func (t *chat) submitted(m chatMessage) {
	id := m.transaction()
	t.client.mu.Lock()
	delete(t.unplaced, m.Ref)
	t.client.mu.Unlock()
	t.accepted(t.client.user, id)
}

func (t *chat) deplore(m chatMessage) {
	switch {
	case m.Ref == "stranger":
		t.book.refuse("ws", m.Code)
	case m.Code == "unavailable" || m.Problem != nil && m.Problem.mayPass():
		time.AfterFunc(time.Second, func() { t.client.again(m.Ref) })
	default:
		t.book.complain("client %d was told %s: %s", t.n, m.Code, m.Message)
	}
}

// again repeats a submit that could not be taken.
func (c *client) again(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o, ok := c.unplaced[key]; ok && c.talk != nil {
		c.talk.submit(key, o)
	}
}
