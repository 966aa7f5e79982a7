package goclient

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// collect returns the numbers of the events, up to so many, and the error at their end.
func collect(events iter.Seq2[Event, error], atMost int) (numbers []int64, err error) {
	for e, err := range events {
		if err != nil {
			return numbers, err
		}
		if numbers = append(numbers, e.ID); len(numbers) == atMost {
			break
		}
	}
	return numbers, nil
}

// wantEvents checks what a stream yields.
func wantEvents(t *testing.T, events iter.Seq2[Event, error], want ...int64) {
	t.Helper()
	got, err := collect(events, len(want))
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("events %d, %v; want %d", got, err, want)
	}
}

// positions are the Last-Event-ID of each request.
func (s *server) positions() (ids []string) {
	for _, r := range s.requests() {
		ids = append(ids, r.header.Get("Last-Event-ID"))
	}
	return ids
}

const retry = "retry: 2000\n\n"

var pending = event(41, "pending", "accepted")

func TestWatchYieldsTheStateThenTheVerdictThenEnds(t *testing.T) {
	against(t, []http.HandlerFunc{streams(hang, retry, pending, ":\n\n", settled(43))}, func(t *testing.T, c *Client, s *server) {
		var got []Event
		for e, err := range c.Watch(t.Context(), "t/1") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		if len(got) != 2 || got[0].Settled() || !got[1].Settled() || got[1].ID != 43 || got[1].Transaction.Version != 43 {
			t.Errorf("%+v", got)
		}
		if string(got[1].Data) != view(43, "succeeded", "settled") {
			t.Errorf("data %s", got[1].Data)
		}
		if r := s.requests(); len(r) != 1 || r[0].path != "/v1/transactions/t%2F1/events" || r[0].header.Get("Accept") != "text/event-stream" {
			t.Errorf("%+v", r)
		}
	})
}

func TestWatchResumesAfterAReset(t *testing.T) {
	verdict := settled(43)
	for cut := range len(verdict) - 1 {
		against(t, []http.HandlerFunc{streams(abort, retry, pending, verdict[:cut]), streams(ends, pending, pending, verdict, verdict)},
			func(t *testing.T, c *Client, s *server) {
				got, err := collect(c.Watch(t.Context(), "t"), 9)
				if err != nil || !slices.Equal(got, []int64{41, 43}) || !slices.Equal(s.positions(), []string{"", "41"}) {
					t.Errorf("cut at %d: events %d, %v; positions %q", cut, got, err, s.positions())
				}
			})
	}
}

func TestWatchComesBackWhenItIsTold(t *testing.T) {
	last := streams(ends, settled(43))
	for name, test := range map[string]struct {
		first         http.HandlerFunc
		least, atMost time.Duration
	}{
		"sent away":          {streams(ends, retry), 2 * time.Second, 2 * time.Second},
		"and cut":            {streams(abort, "retry: 2000\n"), 2 * time.Second, 2 * time.Second},
		"at once":            {streams(ends, "retry: 0\n\n"), shortestRetry, shortestRetry},
		"never":              {streams(ends, "retry: 999999999\n\n"), maxTold, maxTold},
		"told nothing":       {streams(ends), time.Second / 2, 3 * time.Second / 2},
		"overloaded":         {refuses(503, "overloaded", true, "Retry-After", "7"), 7500 * time.Millisecond, 9 * time.Second},
		"reset":              {abort, time.Second / 2, 2 * time.Second},
		"no answer":          {hang, silence + time.Second/2, silence + 2*time.Second},
		"too many of theirs": {says(429, "slow down"), time.Second / 2, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			against(t, []http.HandlerFunc{test.first, last}, func(t *testing.T, c *Client, s *server) {
				wantEvents(t, c.Watch(t.Context(), "t"), 43)
				if pause := s.pauses()[0]; pause < test.least || pause > test.atMost {
					t.Errorf("came back after %s, want %s to %s", pause, test.least, test.atMost)
				}
			})
		})
	}
}

func TestWatchNeverTiresAndSlowsDown(t *testing.T) {
	answers := slices.Repeat([]http.HandlerFunc{abort}, 200)
	against(t, append(answers, streams(ends, settled(43))), func(t *testing.T, c *Client, s *server) {
		wantEvents(t, c.Watch(t.Context(), "t"), 43)
		var all time.Duration
		for _, pause := range s.pauses() {
			all += pause
			if pause > lastPause+2*time.Second {
				t.Errorf("a pause of %s", pause)
			}
		}
		if all < 200*lastPause/4 {
			t.Errorf("200 failures in %s", all)
		}
	})
}

func TestSilentStreamIsDead(t *testing.T) {
	var beats http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
		for range 240 {
			time.Sleep(15 * time.Second)
			streams(ends, ":\n\n")(w, r)
		}
		<-r.Context().Done()
	}
	against(t, []http.HandlerFunc{streams(beats, retry, pending), streams(ends, settled(43))}, func(t *testing.T, c *Client, s *server) {
		wantEvents(t, c.Watch(t.Context(), "t"), 41, 43)
		if pause, want := s.pauses()[0], time.Hour+silence+2*time.Second; pause != want {
			t.Errorf("came back after %s, want %s", pause, want)
		}
	})
}

func TestSlowCallerIsNoSilence(t *testing.T) {
	later := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Hour)
		streams(ends, settled(43))(w, r)
	}
	against(t, []http.HandlerFunc{streams(later, pending)}, func(t *testing.T, c *Client, s *server) {
		for _, err := range c.Watch(t.Context(), "t") {
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestWatchEndsAtWhatWillNotMend(t *testing.T) {
	for says, answer := range map[string]http.HandlerFunc{
		"404 Not Found: T. D": refuses(404, "no-transaction", true),
		"403":                 refuses(403, "foreign-origin", false),
		"204 No Content":      says(204, "", "Content-Type", "text/event-stream"),
		"200 OK and no":       says(200, "<h1>Log in</h1>", "Content-Type", "text/html"),
		"without a number":    streams(hang, "event: transaction\ndata: {}\n\n"),
		`id "x"`:              streams(hang, "event: transaction\nid: x\ndata: {}\n\n"),
		"read event 43":       streams(hang, "event: transaction\nid: 43\ndata: {\n\n"),
		"longer than 1 MiB":   streams(hang, strings.Repeat("x", maxLine+1)),
	} {
		t.Run(says, func(t *testing.T) {
			against(t, []http.HandlerFunc{answer}, func(t *testing.T, c *Client, s *server) {
				got, err := collect(c.Watch(t.Context(), "t"), 9)
				if err == nil || !strings.Contains(err.Error(), says) || got != nil || len(s.requests()) != 1 {
					t.Errorf("events %d, %v after %d requests", got, err, len(s.requests()))
				}
			})
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{"listening": streams(hang), "asking": hang, "waiting": abort} {
		against(t, []http.HandlerFunc{answer}, func(t *testing.T, c *Client, _ *server) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			began := time.Now()
			if _, err := collect(c.Watch(ctx, "t"), 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 20*time.Second {
				t.Errorf("%s: %v after %s", name, err, time.Since(began))
			}
		})
	}
}

func TestStreamEndsWithItsCaller(t *testing.T) {
	gone := make(chan struct{})
	follow := func(w http.ResponseWriter, r *http.Request) { hang(w, r); close(gone) }
	against(t, []http.HandlerFunc{streams(follow, settled(1), settled(2))}, func(t *testing.T, c *Client, _ *server) {
		wantEvents(t, c.Events(t.Context(), Position{}), 1)
		<-gone
	})
}

func TestEventsBeginAtAPositionAndResume(t *testing.T) {
	answers := func() []http.HandlerFunc {
		return []http.HandlerFunc{
			streams(abort, retry, "event: position\nid: 17\ndata: {\"after\":17}\n\n"), streams(abort, "event: position\nid: 17\ndata: {\"after\":17}\n\n", settled(18), settled(20)), streams(hang, settled(18), settled(20), settled(21)),
		}
	}
	for name, test := range map[string]struct {
		from  Position
		path  string
		first string
	}{
		"now":           {Position{}, "/v1/events", ""},
		"the beginning": {Position{After: new(int64(0))}, "/v1/events", "0"},
		"a number":      {Position{After: new(int64(17))}, "/v1/events", "17"},
		"unconfirmed":   {Position{Unconfirmed: true}, "/v1/events?unconfirmed=true", ""},
	} {
		t.Run(name, func(t *testing.T) {
			against(t, answers(), func(t *testing.T, c *Client, s *server) {
				wantEvents(t, c.Events(t.Context(), test.from), 18, 20, 21)
				if want := []string{test.first, "17", "20"}; !slices.Equal(s.positions(), want) {
					t.Errorf("positions %q, want %q", s.positions(), want)
				}
				for _, r := range s.requests() {
					if r.path != test.path {
						t.Errorf("asked for %s, want %s", r.path, test.path)
					}
				}
			})
		})
	}
}

func TestEventsThatNobodyConfirmedAreYieldedOnce(t *testing.T) {
	answers := []http.HandlerFunc{
		streams(abort, retry, "event: position\nid: 17\ndata: {\"after\":17}\n\n", settled(5), settled(9)),
		streams(abort, "event: position\nid: 17\ndata: {\"after\":17}\n\n", settled(5), settled(9), settled(12), settled(18)),
		streams(hang, settled(5), settled(18), settled(20)),
	}
	for _, after := range []*int64{nil, new(int64(17))} {
		against(t, answers, func(t *testing.T, c *Client, s *server) {
			wantEvents(t, c.Events(t.Context(), Position{After: after, Unconfirmed: true}), 5, 9, 12, 18, 20)
			if got := s.positions()[1:]; !slices.Equal(got, []string{"17", "18"}) {
				t.Errorf("positions %q", got)
			}
		})
	}
}

func TestNothingIsLostWhenTheRecordWasSetBack(t *testing.T) {
	answers := []http.HandlerFunc{streams(abort, "id: 90\n\n", settled(91), settled(99)), streams(abort, "event: position\nid: 17\ndata: {\"after\":17}\n\n", settled(18)), streams(hang, settled(18), settled(19))}
	against(t, answers, func(t *testing.T, c *Client, s *server) {
		wantEvents(t, c.Events(t.Context(), Position{}), 91, 99, 18, 19)
		if got := s.positions(); !slices.Equal(got, []string{"", "99", "18"}) {
			t.Errorf("positions %q", got)
		}
	})
	against(t, []http.HandlerFunc{streams(abort, pending), streams(ends, settled(18))}, func(t *testing.T, c *Client, _ *server) {
		wantEvents(t, c.Watch(t.Context(), "t"), 41, 18)
	})
}

func TestAStreamMayBeRangedOverAgain(t *testing.T) {
	against(t, []http.HandlerFunc{streams(hang, settled(5))}, func(t *testing.T, c *Client, s *server) {
		events := c.Events(t.Context(), Position{})
		wantEvents(t, events, 5)
		wantEvents(t, events, 5)
		if got := s.positions(); !slices.Equal(got, []string{"", ""}) {
			t.Errorf("positions %q", got)
		}
	})
}

func TestWhatANewerGatewayTellsIsLeftAlone(t *testing.T) {
	text := "event: weather\ndata: rain\n\nevent: reauth\ndata: {\"expires_at\":\"2026-01-15T10:00:00Z\"}\n\ndata: x\n\n"
	against(t, []http.HandlerFunc{streams(hang, text, settled(43))}, func(t *testing.T, c *Client, _ *server) {
		wantEvents(t, c.Watch(t.Context(), "t"), 43)
	})
}

func TestStreamThatEndsForItsCredentialsComesBackWithNewOnes(t *testing.T) {
	answers := []http.HandlerFunc{
		streams(ends, retry, pending, "event: reauth\ndata: {\"expires_at\":\"2026-01-15T10:00:00Z\"}\n\n"),
		refuses(401, "unauthenticated", false), streams(ends, settled(43)),
	}
	against(t, answers, func(t *testing.T, c *Client, s *server) {
		k := &tokens{list: []string{"a", "b", "c"}}
		c.Token = k.next
		wantEvents(t, c.Watch(t.Context(), "t"), 41, 43)
		var shown []string
		for _, r := range s.requests() {
			shown = append(shown, r.header.Get("Authorization"))
		}
		if want := []string{"Bearer a", "Bearer b", "Bearer c"}; !slices.Equal(shown, want) {
			t.Errorf("shown %q, want %q", shown, want)
		}
	})
}
