package goclient

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"time"
)

const (
	// silence is how long a stream may say nothing. A gateway's heartbeats come every 15 s.
	silence = 40 * time.Second

	// shortestRetry is how soon a connection may follow another, whatever the gateway tells.
	shortestRetry = 100 * time.Millisecond
)

// connect makes one connection of a stream and yields its new events. over reports that there is no more to do: the
// verdict was yielded, or yield wants no more. Otherwise the error says why the connection ended; its end is one too.
func (c *Client) connect(ctx context.Context, s *stream, yield func(Event) bool) (over bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	s.failures++
	answer, err := c.send(ctx, s.request())
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if err := checkStream(answer); err != nil {
		return false, err
	}
	s.failures = 0
	blocks := newFrames(&watched{answer.Body, watchdog})
	defer func() {
		if blocks.retry != untold {
			s.retry = min(max(blocks.retry, shortestRetry), maxTold)
		}
	}()
	for {
		f, err := blocks.next()
		if err != nil {
			return false, err
		}
		e, isNew, err := s.take(f)
		if err != nil {
			return false, err
		}
		if isNew && (!yield(e) || s.one && e.Settled()) {
			return true, nil
		}
	}
}

// pause is how long to wait after a connection. After a stream it is what the gateway told this client, which has spread
// its clients already; after failures there is a random time on top.
func (s *stream) pause(err error) time.Duration {
	pause := s.retry
	if pause == untold {
		pause = time.Second/2 + rand.N(time.Second) // #nosec G404 -- it spreads clients in time, and nothing depends on its being unguessable
	}
	if s.failures > 0 {
		pause += pauseAfter(err, s.failures)
	}
	return pause
}

func (s *stream) request() request {
	r := request{method: http.MethodGet, path: s.path, header: http.Header{"Accept": {"text/event-stream"}}}
	if s.position != unknown {
		r.header.Set("Last-Event-ID", strconv.FormatInt(s.position, 10))
	}
	return r
}

// checkStream returns nil if an answer is a stream. One that isn't, though it is a success, will not be one later: 204
// tells a client not to come back.
func checkStream(answer *http.Response) error {
	if answer.StatusCode >= http.StatusMultipleChoices {
		return ReadProblem(answer)
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode != http.StatusOK || err != nil || kind != "text/event-stream" {
		return finalError{fmt.Errorf("answered %s and no stream of events", answer.Status)}
	}
	return nil
}

// watched is the body of a stream. Its watchdog is awake only while something is waited for: a caller may take its time
// over an event.
type watched struct {
	io.Reader
	watchdog *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	w.watchdog.Reset(silence)
	defer w.watchdog.Stop()
	return w.Reader.Read(p)
}
