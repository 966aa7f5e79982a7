package web

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// maskedFrame is a frame as a client sends it (RFC 6455 section 5.2), of at most 125 bytes.
func maskedFrame(head byte, text string) []byte {
	mask := [4]byte{7, 11, 13, 17}
	frame := append([]byte{head, 0x80 | byte(len(text))}, mask[:]...)
	for i := range text {
		frame = append(frame, text[i]^mask[i%4])
	}
	return frame
}

const (
	textFrame = 0x80 | websocket.TextMessage
	pingFrame = 0x80 | websocket.PingMessage
	pongFrame = 0x80 | websocket.PongMessage
)

// send sends bytes as they are.
func (c client) send(frames ...[]byte) {
	c.t.Helper()
	if _, err := c.conn.NetConn().Write(slices.Concat(frames...)); err != nil {
		c.t.Fatal(err)
	}
}

// pongs has the client keep what its pings are answered with.
func (c client) pongs() *[]string {
	var texts []string
	c.conn.SetPongHandler(func(text string) error {
		texts = append(texts, text)
		return nil
	})
	return &texts
}

func TestPingsAreAnsweredWhereverTheyStand(t *testing.T) {
	c := newWorld(t).connect()
	pongs := c.pongs()
	message := maskedFrame(textFrame, `{"type":"ping"}`)
	long := strings.Repeat("x", 125)
	c.send(maskedFrame(pingFrame, "a"), maskedFrame(pongFrame, ""), maskedFrame(pingFrame, long), message, maskedFrame(pingFrame, "c"), message)
	c.want(`{"type":"pong"}`)
	c.want(`{"type":"pong"}`)
	parts := [2][]byte{maskedFrame(websocket.TextMessage, `{"type"`), maskedFrame(0x80, `:"ping"}`)}
	c.send(parts[0], maskedFrame(pingFrame, "within"), parts[1])
	c.want(`{"type":"pong"}`)
	if want := []string{"a", long, "c", "within"}; !slices.Equal(*pongs, want) {
		t.Errorf("answered %q, want %q", *pongs, want)
	}
}

func TestNobodyWaitsInGorillaForAClientThatOnlyPings(t *testing.T) {
	c := newWorld(t).connect()
	answered := make(chan struct{})
	c.conn.SetPongHandler(func(string) error {
		close(answered)
		return nil
	})
	c.send(maskedFrame(pongFrame, ""), maskedFrame(pingFrame, ""))
	go func() { _, _, _ = c.conn.ReadMessage() }()
	<-answered
	eventually(t, "all is read and nobody reads on", func() bool {
		stacks := make([]byte, 1<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "takeAll")
	})
}

func TestWhoeverTalksIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := dialSocket(t, websocket.Dialer{NetDialContext: w.listenOnPipes(t).dial}, "ws://pipe")
		ended := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, c.conn.NetConn()) // which answers no ping
			close(ended)
		}()
		for range 30 {
			time.Sleep(10 * time.Second)
			c.say(`{"type":"ping"}`)
		}
		talked := time.Now()
		<-ended
		if silent := time.Since(talked); silent > time.Minute {
			t.Errorf("cut after %s of silence", silent)
		}
	})
}

func TestAFrameThatComesInCrumbsIsHeard(t *testing.T) {
	c := newWorld(t).connect()
	pongs := c.pongs()
	for _, b := range slices.Concat(maskedFrame(pingFrame, "crumbs"), maskedFrame(textFrame, `{"type":"ping"}`)) {
		c.send([]byte{b})
		time.Sleep(time.Millisecond) // so that it is read by itself, mostly
	}
	c.want(`{"type":"pong"}`)
	if !slices.Equal(*pongs, []string{"crumbs"}) {
		t.Errorf("answered %q", *pongs)
	}
}

func TestControlFramesThatAreWrongEndTheConnection(t *testing.T) {
	for name, frame := range map[string][]byte{
		"not masked":     {pingFrame, 1, 'a'},
		"too long":       {pingFrame, 0x80 | 126, 0, 126, 0, 0, 0, 0},
		"not final":      {websocket.PongMessage, 0x80, 0, 0, 0, 0},
		"a reserved bit": {pongFrame | 0x40, 0x80, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newWorld(t).connect()
			c.send(frame)
			c.wantClosed(websocket.CloseProtocolError)
		})
	}
}

// BenchmarkIdleSocket measures what a WebSocket costs whose client has sent a ping and a pong and says nothing more.
func BenchmarkIdleSocket(b *testing.B) {
	const clients = 1000
	w := newWorld(b, func(c *Config) { c.Limits = Limits{Handshakes: 2 * clients, PerAddress: 2 * clients} })
	url := strings.TrimPrefix(w.listen(), "http://")
	for b.Loop() {
		conns := make([]net.Conn, clients)
		var before, after runtime.MemStats
		readMemory(&before)
		for i := range conns {
			conn, err := net.Dial("tcp", url)
			if err != nil {
				b.Fatal(err)
			}
			conns[i] = conn
			fmt.Fprintf(conn, "GET /v1/ws HTTP/1.1\r\nHost: verdict\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			readUntil(b, conn, "\r\n\r\n")
			_, _ = conn.Write(slices.Concat(maskedFrame(pingFrame, "a"), maskedFrame(pongFrame, "")))
			readUntil(b, conn, string([]byte{pongFrame, 1, 'a'}))
		}
		readMemory(&after)
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/clients, "stack-B/client")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/clients, "heap-B/client")
		for _, conn := range conns {
			conn.Close()
		}
	}
}

func readMemory(m *runtime.MemStats) {
	runtime.GC()
	runtime.GC() // frees what the first has found
	runtime.ReadMemStats(m)
}

func readUntil(b *testing.B, conn net.Conn, end string) {
	var text []byte
	for !strings.HasSuffix(string(text), end) {
		var some [512]byte
		n, err := conn.Read(some[:])
		if err != nil {
			b.Fatal(err)
		}
		text = append(text, some[:n]...)
	}
}
