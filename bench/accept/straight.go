package accept

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// straight is the shortest way from a submit to its push that commits before it answers and before it tells: no stream, no
// outbox, no worker, no second try. What is under way when it ends is forgotten. It speaks as much of Verdict's API as the
// bench's users do:
//
//	POST /v1/transactions   with Idempotency-Key and Verdict-Subject; 202 once it is on disk
//	GET  /v1/ws             with Verdict-Subject; answers the first message with "subscribed", and then tells verdicts
type straight struct {
	keeper  *sqliteKeeper
	partner string
	calls   *http.Client
	upgrade websocket.Upgrader

	mu    sync.RWMutex // guards users
	users map[string]*listener
}

// listener is a user's WebSocket.
type listener struct {
	mu   sync.Mutex // one writes at a time
	conn *websocket.Conn
}

func (l *listener) tell(message []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn.WriteMessage(websocket.TextMessage, message)
}

func serveStraight(l net.Listener, c Config) error {
	k, err := openSQLite(filepath.Join(c.Dir, "floor.db"), groupSize)
	if err != nil {
		return err
	}
	s := &straight{
		keeper: k, partner: c.Partner + "/transaction", users: map[string]*listener{},
		calls:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}, Timeout: time.Minute},
		upgrade: websocket.Upgrader{Subprotocols: []string{"verdict.v1"}, ReadBufferSize: 256, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/transactions", s.submit)
	mux.HandleFunc("GET /v1/ws", s.listen)
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {}) // we are ready
	return errors.Join((&http.Server{Handler: mux}).Serve(l), k.close())
}

func (s *straight) submit(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	var sent struct {
		Payload map[string]string `json:"payload"`
	}
	if err == nil {
		err = json.Unmarshal(body, &sent)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key, user := r.Header.Get("Idempotency-Key"), r.Header.Get("Verdict-Subject")
	if err := s.keeper.keep(r.Context(), &request{key, body}); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body)                   // who doesn't take it asks again
	go s.carryOut(key, user, sent.Payload) // the load client bounds how many there are
}

// carryOut asks the partner, keeps what it says, and tells the user. What fails isn't told: the bench counts it as lost.
func (s *straight) carryOut(key, user string, payload map[string]string) {
	payload["id"] = key
	body, err := json.Marshal(payload)
	if err != nil {
		return
	}
	answer, err := s.calls.Post(s.partner, "application/json", bytes.NewReader(body))
	if err != nil {
		return
	}
	defer answer.Body.Close()
	var told struct{ Status string }
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil || told.Status != "completed" {
		return
	}
	if s.keeper.change(settleLean, "succeeded", key) != nil {
		return
	}
	s.mu.RLock()
	l := s.users[user]
	s.mu.RUnlock()
	if l != nil {
		_ = l.tell(fmt.Appendf(nil, `{"type":"event","transaction":{"key":%q,"status":"succeeded"}}`, key)) // it has gone
	}
}

func (s *straight) listen(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrade.Upgrade(w, r, nil)
	if err != nil {
		return // it is answered
	}
	defer conn.Close()
	l := &listener{conn: conn}
	for first := true; ; first = false {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
		if first {
			s.mu.Lock()
			s.users[r.Header.Get("Verdict-Subject")] = l
			s.mu.Unlock()
			if l.tell([]byte(`{"type":"subscribed"}`)) != nil {
				return
			}
		}
	}
}
