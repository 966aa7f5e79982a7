package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"verdict"
)

const (
	// subprotocol is what our messages are called in the WebSocket handshake.
	subprotocol = "verdict.v1"

	// maxMessage is how many bytes a client's message may have: a payload, and what is around it.
	maxMessage = verdict.MaxPayload + 4<<10

	// closeTimeout is how long a client may take to answer a close frame.
	closeTimeout = time.Second

	// closeExpired is the code of a close because the credentials have expired (RFC 6455 section 7.4.2 leaves codes from
	// 4000 to applications).
	closeExpired = 4401
)

// socket takes GET /v1/ws.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) error {
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		return refusal{kind: noUpgrade}
	}
	at, err := s.enter(r, "ws")
	if err != nil {
		return err
	}
	defer at.leaveUnheld()
	e, err := s.upgrade(w, r)
	if err != nil {
		return err
	}
	p := principal(r)
	t := &talk{line: s.newLine(socketWire{e.conn}, at, p.Expires), principal: p}
	go t.serve(func() { e.listen(t.take) }, t.release) // Drain waits for it
	return nil
}

func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) (ear, error) {
	upgrader := websocket.Upgrader{
		Subprotocols:    []string{subprotocol},
		WriteBufferSize: 1024,
		WriteBufferPool: &s.buffers,
		CheckOrigin:     func(*http.Request) bool { return true },                // guardOrigin has
		Error:           func(http.ResponseWriter, *http.Request, int, error) {}, // fail answers
	}
	h := &hijacker{ResponseWriter: w}
	conn, err := upgrader.Upgrade(h, r, nil)
	if errors.As(err, new(websocket.HandshakeError)) {
		return ear{}, invalid(err.Error())
	}
	if err != nil {
		return ear{}, fmt.Errorf("%w: %w", errGone, err)
	}
	return newEar(conn, h.in, s.heartbeat), nil
}

// socketWire is the wire of a WebSocket.
type socketWire struct{ conn *websocket.Conn }

// event words a transaction in the same bytes as server-sent events do.
func (w socketWire) event(e verdict.Event, ofAll bool) []byte {
	if ofAll {
		return fmt.Appendf(nil, `{"type":"event","id":%d,"after":%d,"transaction":%s}`, e.ID, e.ID, e.Data)
	}
	return fmt.Appendf(nil, `{"type":"event","id":%d,"transaction":%s}`, e.ID, e.Data)
}

func (w socketWire) reauth(at time.Time) []byte { return reauthMessage(at) }

func (w socketWire) send(texts [][]byte) error { return w.sendWithin(writeTimeout, texts...) }

func (w socketWire) sendWithin(timeout time.Duration, texts ...[]byte) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	for _, text := range texts {
		if err := w.conn.WriteMessage(websocket.TextMessage, text); err != nil {
			return err
		}
	}
	return nil
}

func (w socketWire) beat() error {
	return w.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
}

func (w socketWire) cut() { _ = w.conn.Close() }

func (w socketWire) end(why error, resume string, gone <-chan struct{}) {
	defer w.cut()
	switch {
	case errors.Is(why, errGone):
	case errors.Is(why, errExpired):
		w.goodbye(closeExpired, why.Error()+"; come back with new ones", gone)
	case errors.Is(why, errStop):
		if w.sendWithin(closeTimeout, retryMessage(comeBack())) == nil {
			w.goodbye(websocket.CloseServiceRestart, why.Error()+"; come back"+resume, gone)
		}
	default:
		w.goodbye(websocket.CloseTryAgainLater, why.Error()+"; come back"+resume, gone)
	}
}

// goodbye sends a close frame and gives the client a moment to answer it.
func (w socketWire) goodbye(code int, reason string, gone <-chan struct{}) {
	deadline := time.Now().Add(closeTimeout)
	if w.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), deadline) != nil {
		return
	}
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case <-gone:
	case <-timeout.C:
	}
}
