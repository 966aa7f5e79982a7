package web

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// frame is a block of server-sent events as section 9.2.6 of the HTML standard reads it.
type frame struct {
	event, id, data, retry string
	hasID, hasData         bool
	comment                bool
}

// frames parses a stream by the standard's rules.
type frames struct{ *bufio.Scanner }

func newFrames(r io.Reader) frames { return frames{bufio.NewScanner(r)} }

// next returns the next block, and false at the end of the stream.
func (f frames) next() (frame, bool) {
	var got frame
	var data []string
	for f.Scan() {
		line := f.Text()
		if line == "" {
			got.data, got.hasData = strings.Join(data, "\n"), data != nil
			return got, true
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "":
			got.comment = true
		case "event":
			got.event = value
		case "id":
			got.id, got.hasID = value, true
		case "retry":
			got.retry = value
		case "data":
			data = append(data, value)
		}
	}
	return frame{}, false
}

// nextEvent skips what clients skip, and the position.
func (f frames) nextEvent() (frame, bool) {
	for {
		got, ok := f.next()
		if !ok || got.hasData && got.event != "position" {
			return got, ok
		}
	}
}

// sse connects to a stream.
func sse(t *testing.T, url string, header ...string) (*http.Response, frames) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return sseWith(t, ctx, http.DefaultClient, url, header...)
}

func sseWith(t testing.TB, ctx context.Context, client *http.Client, url string, header ...string) (*http.Response, frames) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer, newFrames(answer.Body)
}

// wantEvent reads the next event, which must be the one of a transaction as it stands.
func (w *world) wantEvent(f frames, id string) {
	w.t.Helper()
	want := w.current(id).Event()
	got, ok := f.nextEvent()
	if !ok || "event: "+got.event+"\nid: "+got.id+"\ndata: "+got.data+"\n\n" != string(eventStream{}.event(want, true)) {
		w.t.Fatalf("got %+v, %t; want %s", got, ok, eventStream{}.event(want, true))
	}
}

func wantEnd(t *testing.T, f frames) {
	t.Helper()
	if got, ok := f.nextEvent(); ok {
		t.Fatalf("after the end: %+v", got)
	}
}
