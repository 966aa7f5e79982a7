package floor

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	pingEvery    = 15 * time.Second // as Verdict does
	writeTimeout = 10 * time.Second
)

var errFull = errors.New("the queue is full")

// usualSocket is the hub of gorilla/websocket's chat example: a goroutine that reads and one that writes for each
// connection, with the default buffers, which are those of net/http.
func usualSocket(h *hub) http.HandlerFunc {
	var upgrader websocket.Upgrader
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it is answered
		}
		id, out := r.URL.Query().Get("id"), make(chan []byte, queue)
		h.add(id, func(message []byte) error {
			select {
			case out <- message:
				return nil
			default:
				return errFull
			}
		})
		out <- []byte(Ready)
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer h.remove(id)
			read(conn)
		}()
		go writeQueued(conn, out, done)
	}
}

// writeQueued writes and pings until the client is gone.
func writeQueued(conn *websocket.Conn, out <-chan []byte, done <-chan struct{}) {
	defer conn.Close()
	ping := time.NewTimer(firstPing())
	defer ping.Stop()
	for {
		kind, message := websocket.TextMessage, []byte(nil)
		select {
		case message = <-out:
		case <-ping.C:
			ping.Reset(pingEvery)
			kind = websocket.PingMessage
		case <-done:
			return
		}
		conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

// firstPing is anywhere within the interval, so that connections which came together don't ping together.
func firstPing() time.Duration { return rand.N(pingEvery) }

// read discards what the client says, and handles its pongs, until it is gone.
func read(conn *websocket.Conn) {
	conn.SetReadLimit(4 << 10)
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(4 * pingEvery)) })
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

// leanSocket takes as little as gorilla/websocket allows: one goroutine for each connection, which is not the handler's
// and so holds nothing of net/http; 256 bytes to read into; one shared pool of buffers to write from; a timer without a
// goroutine that pings. Whoever publishes writes.
func leanSocket(h *hub) http.HandlerFunc {
	upgrader := websocket.Upgrader{ReadBufferSize: 256, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}}
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it is answered
		}
		id, s := r.URL.Query().Get("id"), &leanConn{conn: conn}
		h.add(id, s.send)
		s.send([]byte(Ready))
		s.ping = time.AfterFunc(time.Hour, s.sendPing) // which uses s.ping
		s.ping.Reset(firstPing())
		go func() {
			defer conn.Close()
			defer h.remove(id)
			defer s.ping.Stop()
			read(conn)
		}()
	}
}

type leanConn struct {
	mu   sync.Mutex // one writes at a time
	conn *websocket.Conn
	ping *time.Timer
}

func (s *leanConn) send(message []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	return s.conn.WriteMessage(websocket.TextMessage, message)
}

func (s *leanConn) sendPing() {
	if s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)) == nil {
		s.ping.Reset(pingEvery)
	}
}
