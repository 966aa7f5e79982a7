package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// EventStream is a client's connection that reads server-sent events, one stream after the other.
type EventStream struct {
	conn    net.Conn
	address string
	in      *bufio.Reader
	lines   *bufio.Reader
}

// ErrEnds says that a stream has ended, and the connection with it.
var ErrEnds = errors.New("the server closes the connection")

// DialEventStream connects a client.
func DialEventStream(ctx context.Context, client int, address string) (*EventStream, error) {
	conn, err := Dial(ctx, client, address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &EventStream{
		conn: conn, address: address, in: bufio.NewReaderSize(conn, 1024), lines: bufio.NewReaderSize(nil, 4096),
	}, nil
}

// Read asks for a stream, calls begun when it has begun, and take with the data of each event until it ends. It returns
// nil if another may be asked for on the same connection, and ErrEnds if not. Only one may read.
func (s *EventStream) Read(path string, begun func(), take func(data []byte)) error {
	_, err := fmt.Fprintf(s.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", path, s.address)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	begun()
	s.lines.Reset(answer.Body)
	for {
		line, err := s.lines.ReadSlice('\n')
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			take(bytes.TrimSpace(data))
		}
		switch {
		case err == io.EOF && answer.Close:
			return ErrEnds
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// Close ends the connection.
func (s *EventStream) Close() error { return s.conn.Close() }
