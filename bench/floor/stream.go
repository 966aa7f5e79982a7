package floor

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// plainStream is the usual handler of server-sent events: it stays in net/http and waits for messages on a channel.
func plainStream(h *hub) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		w.Header().Set("Content-Type", "text/event-stream")
		id, out := r.URL.Query().Get("id"), make(chan []byte, queue)
		h.add(id, func(message []byte) error {
			select {
			case out <- message:
				return nil
			default:
				return errFull
			}
		})
		defer h.remove(id)
		out <- []byte(Ready)
		beat := time.NewTimer(firstPing())
		defer beat.Stop()
		for {
			text := []byte(":\n\n")
			select {
			case message := <-out:
				text = field(message)
			case <-beat.C:
				beat.Reset(pingEvery)
			case <-r.Context().Done():
				return
			}
			control.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := w.Write(text); err != nil {
				return
			}
			if control.Flush() != nil {
				return
			}
		}
	}
}

// hijackedStream takes the connection from net/http and keeps of it one goroutine that waits for its end. Whoever
// publishes writes. It sends no heartbeats.
func hijackedStream(h *hub) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		id, s := r.URL.Query().Get("id"), &rawStream{conn: conn}
		head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
		if _, err := io.WriteString(conn, head); err != nil {
			conn.Close()
			return
		}
		h.add(id, s.send)
		s.send([]byte(Ready))
		go func() {
			defer conn.Close()
			defer h.remove(id)
			conn.SetReadDeadline(time.Time{})
			conn.Read(make([]byte, 1)) // clients of event streams say nothing
		}()
	}
}

type rawStream struct {
	mu   sync.Mutex // one writes at a time
	conn net.Conn
}

func (s *rawStream) send(message []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := s.conn.Write(field(message))
	return err
}

func field(message []byte) []byte {
	return slices.Concat([]byte("data: "), bytes.TrimSpace(message), []byte("\n\n"))
}
