package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"verdict"
)

const (
	// subprotocol is what our messages are called in the WebSocket handshake.
	subprotocol = "verdict.v1"

	// maxMessage is how many bytes a client's message may have.
	maxMessage = 4 << 10

	// socketQueue is how many messages may wait for a client to read them.
	socketQueue = 256

	// maxSubscriptions is how many a socket may have at once.
	maxSubscriptions = 100

	// closeTimeout is how long a client may take to answer a close frame.
	closeTimeout = time.Second
)

// errSlow: a client doesn't read what it asked for.
var errSlow = errors.New("too slow; connect again and resume after the last event")

// socket is a client's WebSocket. The handler's goroutine reads, one writes, and one more pumps the journal if the client
// follows all its verdicts.
type socket struct {
	server        *Server
	conn          *websocket.Conn
	audience      verdict.Audience
	end           context.CancelCauseFunc  // ends the socket; the cause is told to the client
	out           chan []byte              // the queue
	journal       chan []byte              // from the pump, unbuffered
	gone          chan struct{}            // closed when the client's side has ended
	subscriptions map[string]*subscription // by transaction, "" for all; the reading goroutine's own
}

// socket takes GET /v1/ws.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) error {
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		return refusal{kind: noUpgrade}
	}
	if !s.streams.enter() {
		return errFull
	}
	defer s.streams.leave()
	upgrader := websocket.Upgrader{
		Subprotocols:    []string{subprotocol},
		ReadBufferSize:  512,
		WriteBufferSize: 1024,
		WriteBufferPool: &s.buffers,
		CheckOrigin:     s.mayCall,
		Error:           func(http.ResponseWriter, *http.Request, int, error) {}, // fail answers
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if errors.As(err, new(websocket.HandshakeError)) {
		return invalid(err.Error())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	ctx, end := context.WithCancelCause(context.WithoutCancel(r.Context())) // a hijacked request's context says nothing
	so := &socket{
		server: s, conn: conn, audience: caller(r), end: end,
		out: make(chan []byte, socketQueue), journal: make(chan []byte), gone: make(chan struct{}), subscriptions: map[string]*subscription{},
	}
	so.run(ctx)
	return nil
}

// run serves the client until either side ends.
func (so *socket) run(ctx context.Context) {
	var writing sync.WaitGroup
	writing.Go(func() { so.write(ctx) })
	so.read(ctx)
	close(so.gone)
	so.end(errGone)
	for transaction := range so.subscriptions {
		so.unsubscribe(transaction)
	}
	writing.Wait()
}

// read handles the client's messages until the connection or the socket ends.
func (so *socket) read(ctx context.Context) {
	so.conn.SetReadLimit(maxMessage)
	so.conn.SetPongHandler(func(string) error { return so.stillThere() })
	for so.stillThere() == nil {
		kind, text, err := so.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.TextMessage {
			err = so.push(ctx, so.out, errorMessage{Code: codeMessage, Message: "send text, not binary"}.text())
		} else {
			err = so.handle(ctx, text)
		}
		if err != nil {
			return
		}
	}
}

// stillThere gives the client time for its next sign of life: two pings and an answer.
func (so *socket) stillThere() error {
	return so.conn.SetReadDeadline(time.Now().Add(2*so.server.heartbeat + writeTimeout))
}

// write sends what is queued, and pings, until the socket ends; then it closes the connection, which ends read.
func (so *socket) write(ctx context.Context) {
	defer so.conn.Close()
	beat := newBeat(so.server.heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case text := <-so.out:
			err = so.send(text)
		case text := <-so.journal:
			err = so.send(text)
		case <-beat.C:
			beat.Reset(so.server.heartbeat)
			err = so.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
		case <-so.server.streams.closing:
			so.sayGoodbye(websocket.CloseServiceRestart, "restarting; connect again and resume after the last event")
			return
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, errGone) {
				so.sayGoodbye(websocket.CloseTryAgainLater, cause.Error())
			}
			return
		}
		if err != nil {
			so.end(errGone)
			return
		}
	}
}

func (so *socket) send(text []byte) error {
	if err := so.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return so.conn.WriteMessage(websocket.TextMessage, text)
}

// sayGoodbye sends a close frame and gives the client a moment to answer it.
func (so *socket) sayGoodbye(code int, reason string) {
	deadline := time.Now().Add(closeTimeout)
	if err := so.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), deadline); err != nil {
		return
	}
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case <-so.gone:
	case <-timeout.C:
	}
}

// push hands a message to the writer, and waits until there is room or the socket has ended.
func (so *socket) push(ctx context.Context, to chan<- []byte, text []byte) error {
	select {
	case to <- text:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// offer queues an event without waiting. A client whose queue is full is cut; it resumes from the record.
func (so *socket) offer(e verdict.Event) {
	select {
	case so.out <- eventMessage(e):
	default:
		so.end(errSlow)
	}
}
