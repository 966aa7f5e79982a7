package web

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// An ear is where a WebSocket's client is heard. It is silent nearly always, and there are ten thousand of them: what counts
// is what it takes to wait. Inside gorilla's reader that is a stack of 4 KiB. So the goroutine that waits does so for the
// first byte only, which takes 2 KiB, and another one, that ends when all is read, takes what has come (BenchmarkIdleSocket).
// It takes pings and pongs as well, because gorilla, once it has read them, waits for what follows.
type ear struct {
	conn *websocket.Conn
	in   *bufio.Reader // that conn reads from

	silence time.Duration // the client's at the most: two pings and an answer
}

// earSize is the size of the smallest buffer that an Upgrader takes as it is. It holds any control frame.
const earSize = 257

func newEar(conn *websocket.Conn, in *bufio.Reader, heartbeat time.Duration) ear {
	e := ear{conn, in, 2*heartbeat + writeTimeout}
	conn.SetReadLimit(maxMessage)
	conn.SetPongHandler(func(string) error { return e.alive() })
	conn.SetPingHandler(func(text string) error {
		return errors.Join(e.alive(), conn.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(writeTimeout)))
	})
	return e
}

func (e ear) alive() error { return e.conn.SetReadDeadline(time.Now().Add(e.silence)) }

// listen has take called with each message, until the connection ends.
func (e ear) listen(take func(kind int, text []byte)) {
	for connected := e.alive() == nil; connected; {
		if _, err := e.in.Peek(1); err != nil {
			return
		}
		all := make(chan bool)
		go func() { all <- e.takeAll(take) }()
		connected = <-all
	}
}

// takeAll takes what has come, and returns false if the connection has ended.
func (e ear) takeAll(take func(kind int, text []byte)) bool {
	for e.in.Buffered() > 0 {
		if e.alive() != nil {
			return false
		}
		control, err := e.takeControl()
		if err != nil {
			return false
		}
		if control {
			continue
		}
		kind, text, err := e.conn.ReadMessage()
		if errors.Is(err, websocket.ErrReadLimit) {
			linger(e.conn.NetConn())
		}
		if err != nil {
			return false
		}
		take(kind, text)
	}
	return true
}

// takeControl takes a ping or a pong, if one comes next (RFC 6455 section 5.5), and reports whether it did. Frames with
// anything wrong about them are left to gorilla, which tells the client.
func (e ear) takeControl() (bool, error) {
	head, err := e.in.Peek(2)
	if err != nil {
		return false, err
	}
	const final, masked = 0x80, 0x80
	handle := e.conn.PongHandler()
	switch head[0] {
	case final | websocket.PongMessage:
	case final | websocket.PingMessage:
		handle = e.conn.PingHandler()
	default:
		return false, nil
	}
	size := int(head[1] &^ masked)
	if head[1]&masked == 0 || size > 125 {
		return false, nil
	}
	frame, err := e.in.Peek(2 + 4 + size)
	if err != nil {
		return false, err
	}
	mask, text := frame[2:6], frame[6:]
	for i := range text {
		text[i] ^= mask[i%4]
	}
	err = handle(string(text))
	_, _ = e.in.Discard(len(frame)) // they are there
	return true, err
}

// linger reads on for a moment: a connection that is closed with bytes unread is reset, and the reset may overtake the close
// frame that says why.
func linger(conn net.Conn) {
	if conn.SetReadDeadline(time.Now().Add(closeTimeout)) == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
}

// hijacker has an Upgrader read from a buffer that is kept here.
type hijacker struct {
	http.ResponseWriter
	in *bufio.Reader
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil || buffers.Reader.Buffered() > 0 { // which an Upgrader refuses
		return conn, buffers, err
	}
	h.in = bufio.NewReaderSize(conn, earSize)
	return conn, bufio.NewReadWriter(h.in, buffers.Writer), nil
}
