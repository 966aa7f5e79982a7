package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPostingAgainActsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, in := start(t, Config{BanAfter: -1})
		const posts = 44
		statuses := map[string]int{}
		for n := 1; n <= posts; n++ {
			a := post(p, "a", `{"reply":"ok","webhook":"once"}`)
			statuses[a.status]++
			if e := p.Ledger(); len(e) != n || e[n-1].Post != n || e[n-1].Seq != n || e[n-1].Status != a.status {
				t.Fatalf("post %d, answered %s: last of %d effects is %+v", n, a.status, len(e), e[len(e)-1])
			}
			if c := check(p, "a"); c.status != a.status {
				t.Errorf("post %d: a check says %s, want the last status, %s", n, c.status, a.status)
			}
		}
		time.Sleep(time.Minute)
		if statuses[completed] == 0 || statuses[declined] == 0 {
			t.Errorf("the status never changed: %v", statuses)
		}
		if s := p.Stats(); s.Posts != posts || s.Repeated != posts-1 || s.Webhooks.Sent != posts || len(in.got()) != posts {
			t.Errorf("%d webhooks, stats %+v", len(in.got()), s)
		}
	})
}

func TestCheckFindsPendingUntilTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, Config{})
		answered := make(chan answer)
		go func() { answered <- post(p, "a", `{"status":"completed","reply":"ok","reply_after":"5s"}`) }()
		time.Sleep(4 * time.Second)
		if c := check(p, "a"); c.status != pending || !strings.Contains(c.body, `"webhookUrl":"http://us.example/w"`) {
			t.Errorf("before the answer: %+v", c)
		}
		if c := check(p, "b"); c.code != http.StatusNotFound || c.body != "" {
			t.Errorf("unknown id: %+v", c)
		}
		<-answered
		if c := check(p, "a"); c.status != completed {
			t.Errorf("after the answer: %+v", c)
		}
	})
}

func TestClientThatLeavesChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, Config{})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		body := `{"id":"a","simulate":{"reply":"ok","reply_after":"8s"}}`
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/transaction", strings.NewReader(body)))
		if left := time.Since(epoch); left != time.Second {
			t.Errorf("the request ended after %s", left)
		}
		time.Sleep(10 * time.Second)
		if e := p.Ledger(); len(e) != 1 {
			t.Errorf("effects %+v", e)
		}
	})
}

func TestCheckingTooOftenIsThrottledThenBanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, Config{BanAfter: 3, BanWindow: time.Minute, BanFor: 5 * time.Minute})
		expect := func(code int, retryAfter string) {
			t.Helper()
			if a := check(p, "a"); a.code != code || a.retryAfter != retryAfter {
				t.Errorf("after %s: got %d, Retry-After %q; want %d, %q", time.Since(epoch), a.code, a.retryAfter, code, retryAfter)
			}
		}
		for range 3 {
			expect(404, "")
			time.Sleep(10 * time.Second)
		}
		expect(429, "30")
		time.Sleep(30 * time.Second) // as told
		expect(404, "")
		expect(429, "10")
		time.Sleep(10*time.Second - 1)
		expect(403, "") // a nanosecond early: banned
		time.Sleep(5*time.Minute - 1)
		expect(403, "")
		time.Sleep(time.Nanosecond)
		expect(404, "")
		want := Stats{Checks: 9, Throttled: 4, Bans: 1}
		if s := p.Stats(); s != want {
			t.Errorf("stats %+v, want %+v", s, want)
		}
	})
}

func TestBansAreForEachClient(t *testing.T) {
	g := newGuard(1, time.Minute, time.Minute)
	for _, tt := range []struct {
		client string
		want   int
	}{{"a", 200}, {"a", 429}, {"a", 403}, {"b", 200}, {"b", 429}, {"a", 403}} {
		if got, _ := g.admit(tt.client, epoch); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.client, got, tt.want)
		}
	}
}

func TestWebhookOutcomesAreKept(t *testing.T) {
	for name, tt := range map[string]struct {
		reply   func(*http.Request) (*http.Response, error)
		outcome string
		want    WebhookStats
	}{
		"taken": {nil, "204", WebhookStats{Sent: 1}},
		"refused": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusUnauthorized, Body: http.NoBody}, nil
		}, "401", WebhookStats{Failed: 1}},
		"redirected": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"/x"}}, Body: http.NoBody}, nil
		}, "302", WebhookStats{Failed: 1}},
		"no connection": {func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
			"no answer: connection refused", WebhookStats{Failed: 1}},
		"no answer": {func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
			"no answer: context deadline exceeded", WebhookStats{Failed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, in := start(t, Config{})
				in.reply = tt.reply
				post(p, "a", `{"reply":"ok","webhook":"once"}`)
				time.Sleep(time.Minute)
				e := p.Ledger()
				if len(in.got()) != 1 || len(e) != 1 || len(e[0].Webhooks) != 1 || e[0].Webhooks[0].Outcome != tt.outcome {
					t.Errorf("%d calls, ledger %+v", len(in.got()), e)
				}
				if got := p.Stats().Webhooks; got != tt.want {
					t.Errorf("stats %+v, want %+v", got, tt.want)
				}
			})
		})
	}
}

func TestWebhookWithoutUsableURLIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, in := start(t, Config{})
		for i, url := range []string{"", "us.example/w", "ftp://us.example/", "http://", "http://%zz"} {
			body := fmt.Sprintf(`{"id":"a%d","webhookUrl":%q,"simulate":{"reply":"ok","webhook":"once"}}`, i, url)
			if a := ask(p, http.MethodPost, "/transaction", body); a.code != http.StatusOK {
				t.Errorf("%q: %+v", url, a)
			}
		}
		time.Sleep(time.Minute)
		if s := p.Stats().Webhooks; s.Dropped != 5 || len(in.got()) != 0 {
			t.Errorf("%d calls, stats %+v", len(in.got()), s)
		}
	})
}

func TestCloseEndsEverythingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, in := start(t, Config{})
		post(p, "owes a webhook", `{"reply":"ok","reply_after":"1s","webhook":"twice"}`)
		cut := make(chan answer)
		go func() { cut <- post(p, "waits", `{"reply":"ok","reply_after":"9s"}`) }()
		synctest.Wait()
		before := time.Now()
		stop(t, p)
		if n := p.Stats().Webhooks.Dropped; n != 2 {
			t.Errorf("%d webhooks are dropped once Close has returned, want 2", n)
		}
		if a := <-cut; a.code != 0 {
			t.Errorf("the one that waited: %+v", a)
		}
		if took := time.Since(before); took != 0 {
			t.Errorf("Close took %s", took)
		}
		if a := post(p, "late", ""); a.code != 0 {
			t.Errorf("after Close: %+v", a)
		}
		time.Sleep(3 * time.Minute)
		e := p.Ledger()
		if len(in.got()) != 0 || len(e) != 1 {
			t.Errorf("%d webhooks, ledger %+v", len(in.got()), e)
		}
	})
}

func TestCloseBreaksOffWebhooksUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, in := start(t, Config{})
		in.reply = func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
		post(p, "a", `{"reply":"ok","webhook":"once","webhook_after":"12s"}`)
		time.Sleep(15*time.Second - time.Since(epoch))
		stop(t, p)
		if s := p.Stats().Webhooks; len(in.got()) != 1 || s.Failed != 1 || time.Since(epoch) != 15*time.Second {
			t.Errorf("once Close has returned: %d calls, stats %+v, after %s", len(in.got()), s, time.Since(epoch))
		}
	})
}

func TestLedgerAndStatsAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, Config{})
		if a := ask(p, http.MethodGet, "/ledger", ""); strings.TrimSpace(a.body) != "[]" {
			t.Errorf("empty ledger: %s", a.body)
		}
		for _, id := range []string{"a", "b", "a"} {
			post(p, id, `{"reply":"ok","webhook":"once"}`)
		}
		time.Sleep(time.Minute)
		for path, want := range map[string]int{"/ledger": 3, "/ledger?id=a": 2, "/ledger?id=b": 1, "/ledger?id=c": 0} {
			var effects []Effect
			if err := json.Unmarshal([]byte(ask(p, http.MethodGet, path, "").body), &effects); err != nil || len(effects) != want {
				t.Errorf("%s: %+v, %v", path, effects, err)
			}
			for _, e := range effects {
				if len(e.Webhooks) != 1 || e.Webhooks[0].Outcome != "204" {
					t.Errorf("%s: %+v", path, e)
				}
			}
		}
		want := `{"posts":3,"repeated":1,"checks":0,"throttled":0,"bans":0,"webhooks":{"sent":3,"failed":0,"dropped":0}}`
		if a := ask(p, http.MethodGet, "/stats", ""); strings.TrimSpace(a.body) != want {
			t.Errorf("got %s, want %s", a.body, want)
		}
	})
}

func TestLedgerFileOutlivesThePartner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, Config{Ledger: path})
		post(p, "a", `{"status":"declined","reply":"ok","webhook":"none"}`)
		post(p, "a", `{"status":"completed","reply":"ok","webhook":"none"}`)
		post(p, "b", `{"status":"declined","reply":"lost","webhook":"none"}`)
		post(p, "c", `{"reply":"refused"}`)
		before := p.Ledger()
		stop(t, p)

		p, _ = start(t, Config{Ledger: path})
		if after := p.Ledger(); len(after) != 3 || !reflect.DeepEqual(after, before) {
			t.Errorf("got  %+v\nwant %+v", after, before)
		}
		for id, want := range map[string]string{"a": completed, "b": declined, "c": ""} {
			if c := check(p, id); c.status != want {
				t.Errorf("%s: %+v, want %q", id, c, want)
			}
		}
		post(p, "a", `{"reply":"ok","webhook":"none"}`)
		if e := p.Ledger(); len(e) != 4 || e[3].Seq != 4 || e[3].Post != 3 {
			t.Errorf("after one more: %+v", e)
		}
	})
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != 4 {
		t.Errorf("the file: %s, %v", text, err)
	}
}

func TestBrokenLedgerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	for name, text := range map[string]string{
		"torn":    `{"seq":1,"id":"a","status":"completed","post":1,"at":"2026-01-01T00:00:00Z"}` + "\n" + `{"seq":2,"id"`,
		"missing": `{"seq":1,"id":"a"}` + "\n" + `{"seq":3,"id":"a"}` + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := New(Config{Ledger: path}); err == nil || !strings.Contains(err.Error(), "line 2 isn't effect 2") {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
	}
}
