package load

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// WebSocket is a client's connection. It answers pings.
type WebSocket struct {
	conn *websocket.Conn
	mu   sync.Mutex // one writes at a time
}

// pool lends the buffers of writes, which are few.
var pool sync.Pool

// DialWebSocket connects a client to ws://address/path. header goes with the handshake.
func DialWebSocket(ctx context.Context, client int, address, path string, header http.Header, protocols ...string) (*WebSocket, error) {
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return Dial(ctx, client, address) },
		ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: &pool, Subprotocols: protocols,
	}
	conn, answer, err := dialer.DialContext(ctx, "ws://"+address+path, header)
	if err != nil && answer != nil {
		return nil, fmt.Errorf("connect: %w: %s", err, answer.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &WebSocket{conn: conn}, nil
}

// Read calls take with each message until the connection ends, and returns why it did. Only one may read.
func (w *WebSocket) Read(take func(message []byte)) error {
	for {
		_, message, err := w.conn.ReadMessage()
		if err != nil {
			return err
		}
		take(message)
	}
}

// Say sends a message.
func (w *WebSocket) Say(message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn.WriteMessage(websocket.TextMessage, []byte(message))
}

// Close ends the connection without a word.
func (w *WebSocket) Close() error { return w.conn.Close() }
