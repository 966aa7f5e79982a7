package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ran is what a command of the client's printed, and whether it succeeded.
type ran struct {
	views []view
	errs  string
	ok    bool
}

// runClient runs a command of the client's to its end.
func runClient(t *testing.T, server string, environ []string, args ...string) ran {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append(args, "--server", server)...)
	cmd.Env = append(cmd.Environ(), environ...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := ran{errs: errs.String(), ok: err == nil}
	for d := json.NewDecoder(&out); ; {
		var v view
		if err := d.Decode(&v); err == io.EOF {
			return r
		} else if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		r.views = append(r.views, v)
	}
}

func (r ran) statuses() (all []string) {
	for _, v := range r.views {
		all = append(all, v.Status)
	}
	return all
}

func TestTheClientSubmitsAndFollowsToTheVerdict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := "http://" + w.address + "/"
	submitted := runClient(t, server, nil, "submit", `{"amount":"2500","simulate":{"reply":"ok","status":"completed","reply_after":"20s"}}`, "--watch", "--key", `order "17"`)
	all := submitted.statuses()
	if n := len(all); !submitted.ok || n < 2 || all[0] != "pending" || all[n-1] != "succeeded" || slices.Contains(all[:n-1], "succeeded") {
		t.Fatalf("%+v", submitted)
	}
	id := submitted.views[0].ID
	for _, again := range []ran{
		runClient(t, server, nil, "watch", id),
		runClient(t, server, nil, "submit", `{"simulate":{"status":"completed","reply_after":"20s","reply":"ok"},"amount":"2500"}`, "--watch", "--key", `order "17"`),
	} {
		if !again.ok || len(again.views) != 1 || again.views[0] != submitted.views[len(all)-1] {
			t.Errorf("%+v, want %+v", again, submitted.views[len(all)-1])
		}
	}
	other := runClient(t, server, nil, "submit", `{"simulate":{"reply":"ok","status":"declined","reply_after":"75s"}}`)
	if !other.ok || !slices.Equal(other.statuses(), []string{"pending"}) {
		t.Fatalf("%+v", other)
	}
	if r := runClient(t, server, nil, "watch", other.views[0].ID, "--confirm"); !r.ok || !slices.Equal(r.statuses(), []string{"pending", "failed"}) {
		t.Errorf("%+v", r) // what is pending can't be confirmed
	}
	for _, test := range []struct {
		says string
		args []string
	}{
		{"404 Not Found: There is no such transaction", []string{"watch", "nobody"}},
		{"422 Unprocessable Entity: The key was used", []string{"submit", `{"amount":"1"}`, "--key", `order "17"`}},
		{"400 Bad Request", []string{"submit", `[]`}},
		{"give a JSON object", []string{"submit", `{`}},
		{"leave them or the ID out", []string{"watch", id, "--after", "0"}},
		{"leave them or the ID out", []string{"watch", id, "--unconfirmed"}},
	} {
		if r := runClient(t, server, nil, test.args...); r.ok || !strings.Contains(r.errs, test.says) || r.views != nil {
			t.Errorf("%q: %+v, want %q", test.args, r, test.says)
		}
	}
}

func TestTheClientFetchesAKeyWhereTheGatewayMakesThem(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "--idempotency-mode", "server")
	server := "http://" + o.address
	submitted := runClient(t, server, nil, "submit", "--operation", "transfer")
	if !submitted.ok || len(submitted.views) != 1 {
		t.Fatalf("%+v", submitted)
	}
	own := runClient(t, server, nil, "submit", "--key", "mine")
	if own.ok || !strings.Contains(own.errs, "was not issued to you") {
		t.Errorf("%+v", own)
	}
}

func TestTheClientConfirmsWhatItPrinted(t *testing.T) {
	t.Parallel()
	const token = "vsk1_hunter2"
	var mu sync.Mutex // guards heard
	var heard []string
	verdicts := "event: transaction\nid: 18\ndata: {\"id\":\"a\",\"status\":\"succeeded\",\"stage\":\"settled\"}\n\n" +
		"event: transaction\nid: 19\ndata: {\"id\":\"b\",\"status\":\"failed\",\"stage\":\"settled\"}\n\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		heard = append(heard, r.URL.RequestURI()+" "+r.Header.Get("Last-Event-ID")+" "+string(body))
		switch {
		case r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodPost:
			fmt.Fprint(w, `{"at":"2026-11-22T02:19:25.104Z"}`)
		case r.Header.Get("Last-Event-ID") == "19":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "retry: 100\n\n", verdicts)
		}
	}))
	defer server.Close()
	r := runClient(t, server.URL, []string{"VERDICT_TOKEN=" + token}, "watch", "--after", "0", "--unconfirmed", "--confirm")
	if r.ok || !slices.Equal(r.statuses(), []string{"succeeded", "failed"}) || !strings.Contains(r.errs, "204") {
		t.Errorf("%+v", r)
	}
	mu.Lock()
	if want := []string{
		"/v1/events?unconfirmed=true 0 ", `/v1/transactions/a/ack  {"id":18}`, `/v1/transactions/b/ack  {"id":19}`, "/v1/events?unconfirmed=true 19 ",
	}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
	mu.Unlock()
	other := []string{"VERDICT_TOKEN=other"}
	if r := runClient(t, server.URL, other, "watch", "--after", "19"); !strings.Contains(r.errs, "401") {
		t.Errorf("with another token: %+v", r)
	}
	if r := runClient(t, server.URL, other, "watch", "--after", "19", "--token", token); !strings.Contains(r.errs, "204") {
		t.Errorf("with the flag: %+v", r)
	}
	help := exec.CommandContext(t.Context(), binary, "watch", "--help")
	help.Env = append(help.Environ(), "VERDICT_TOKEN="+token)
	if out, err := help.CombinedOutput(); err != nil || bytes.Contains(out, []byte(token)) {
		t.Errorf("%v: %s", err, out)
	}
}
