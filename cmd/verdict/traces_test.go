package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// An observed world is one whose gateway exports traces.
type observed struct {
	*world
	receiver *receiver
}

func newObserved(t *testing.T) *observed {
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	launch(t, "third party ready", "thirdparty", "--address", w.partner, "--speed", worldSpeed, "--ban-after", "-1", "--seed", "42")
	o := &observed{w, newReceiver(t, "Bearer hunter2")}
	o.start()
	return o
}

// start starts an instance on the same record.
func (o *observed) start() {
	o.t.Helper()
	cmd := exec.Command(binary, "serve", "--address", o.address, "--database", "sqlite:"+filepath.Join(o.dir, "verdict.db"),
		"--stream-dir", o.streamDir(), "--config", o.config())
	cmd.Env = append(os.Environ(), o.receiver.environment()...)
	o.gateway = spawn(o.t, cmd, "msg=ready")
	o.gateway.await(o.t)
}

// appTrace and appSpan are those of an app that is traced itself.
const appTrace, appSpan = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

// submit posts a request with a traceparent, if there is one, and returns the transaction's id.
func (o *observed) submit(key, simulate, traceparent string) string {
	o.t.Helper()
	r, err := http.NewRequest("POST", "http://"+o.address+"/v1/transactions", strings.NewReader(`{"payload":{"simulate":`+simulate+`}}`))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", key)
	if traceparent != "" {
		r.Header.Set("Traceparent", traceparent)
		r.Header.Set("Tracestate", "vendor=hunter2")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	var v view
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil || answer.StatusCode > 202 {
		o.t.Fatal(answer.Status, err)
	}
	return v.ID
}

// await waits until all these spans of a transaction are exported.
func (o *observed) await(transaction string, names ...string) {
	o.t.Helper()
	defer func() {
		if o.t.Failed() {
			for _, s := range o.receiver.of(transaction) {
				o.t.Log(s.Name, s.id(), "below", s.parent())
			}
		}
	}()
	mustBecome(o.t, fmt.Sprintf("%q", names), func() bool { return o.receiver.has(transaction, names...) })
}

// follow waits for the verdict, which is pushed.
func (o *observed) follow(id string, by transport) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 60*time.Second)
	defer cancel()
	if _, err := o.app("").follow(ctx, id, by); err != nil {
		o.t.Fatal(err)
	}
}

// oneTrace checks that the spans of a transaction are one trace, each below one that may be above it. Those of an instance that
// was killed may hang in the air.
func (o *observed) oneTrace(transaction, trace string) {
	o.t.Helper()
	above := map[string]*regexp.Regexp{
		"POST /v1/transactions": regexp.MustCompile(`^$`),
		"record accepted":       regexp.MustCompile(`^(POST /v1/transactions|)$`),
		"record .*|webhook":     regexp.MustCompile(`^(POST /v1/transactions|carry out .*|webhook)$`),
		"hand over .*":          regexp.MustCompile(`^(POST /v1/transactions|record accepted)$`),
		"carry out .*":          regexp.MustCompile(`^(hand over .*|POST /v1/transactions)$`),
		"take a turn":           regexp.MustCompile(`^carry out check$`),
		"submit to djamo":       regexp.MustCompile(`^carry out submit$`),
		"check with djamo":      regexp.MustCompile(`^carry out check$`),
		"push":                  regexp.MustCompile(`^(POST /v1/transactions|record accepted|hand over verdict)$`),
	}
	spans := o.receiver.of(transaction)
	names := map[string]string{}
	for _, s := range o.receiver.of("") {
		names[s.id()] = s.Name
	}
	for _, s := range spans {
		parent, known := names[s.parent()]
		if s.trace() != trace {
			o.t.Errorf("%s is in trace %s, want %s", s.Name, s.trace(), trace)
		}
		if known || s.parent() == "" || s.parent() == appSpan {
			fits := false
			for name, may := range above {
				fits = fits || regexp.MustCompile("^("+name+")$").MatchString(s.Name) && may.MatchString(parent)
			}
			if !fits {
				o.t.Errorf("%s is below %q", s.Name, parent)
			}
		} else if s.instance == spans[len(spans)-1].instance {
			o.t.Errorf("%s is below %s, which is unknown", s.Name, s.parent())
		}
		if s.TraceState != "" {
			o.t.Errorf("%s tells %q, which the app said", s.Name, s.TraceState)
		}
	}
}

// TestATransactionIsOneTrace from the app's own span to the push of the verdict, by all ways in which a verdict comes, and also if
// the instance that accepted it is killed while the partner is asked. docs/operating.md has the names.
func TestATransactionIsOneTrace(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	parent := func(trace string) string { return "00-" + trace + "-" + appSpan + "-01" }
	traces := []string{appTrace, "1" + appTrace[1:], "2" + appTrace[1:], "3" + appTrace[1:]}

	reply := o.submit("reply", `{"reply":"ok","reply_after":"1s","webhook":"none"}`, parent(traces[0]))
	o.follow(reply, (*app).socket)
	o.await(reply, "POST /v1/transactions", "record accepted", "hand over submit", "carry out submit", "record sending",
		"submit to djamo", "record settled", "hand over verdict", "push")

	webhook := o.submit("webhook", `{"reply":"ok","webhook":"early","reply_after":"10s"}`, parent(traces[1]))
	o.follow(webhook, (*app).sse)
	o.await(webhook, "POST /v1/transactions", "webhook", "record settled", "push", "submit to djamo")

	check := o.submit("check", `{"reply":"lost","webhook":"none"}`, parent(traces[2]))
	o.follow(check, (*app).sse)
	o.await(check, "record waiting", "carry out check", "take a turn", "check with djamo", "record settled", "push")

	killed := o.submit("killed", `{"reply":"ok","reply_after":"60s","webhook":"none"}`, parent(traces[3]))
	o.await(killed, "POST /v1/transactions", "record sending")
	o.gateway.kill()
	before := len(o.receiver.of(killed))
	o.start()
	o.follow(killed, (*app).sse)
	o.await(killed, "carry out check", "check with djamo", "record settled", "hand over verdict", "push")

	for i, id := range []string{reply, webhook, check, killed} {
		o.oneTrace(id, traces[i])
	}
	spans := o.receiver.of(killed)
	if spans[0].instance == spans[len(spans)-1].instance || spans[before].instance != spans[len(spans)-1].instance {
		t.Errorf("the spans before and after the kill: %d of %d by %s, the last by %s", before, len(spans), spans[0].instance, spans[len(spans)-1].instance)
	}
	o.documented(t)
}

// documented holds the names of spans against docs/operating.md.
func (o *observed) documented(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| span |")
	var known []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			break
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			pattern := strings.NewReplacer("STAGE", "[a-z]+", "PROVIDER", "djamo").Replace(name[1])
			known = append(known, "^"+pattern+"$")
		}
	}
	seen := map[string]bool{}
	for _, s := range o.receiver.of("") {
		i := slices.IndexFunc(known, func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(s.Name) })
		if i < 0 {
			t.Errorf("docs/operating.md doesn't know a span %q", s.Name)
			continue
		}
		seen[known[i]] = true
	}
	for _, pattern := range known {
		if !seen[pattern] && pattern != "^POST /transaction$" && pattern != "^hand over check$" {
			t.Errorf("no span was %q, as in docs/operating.md", pattern)
		}
	}
}

// TestARepeatLinksToTheTransactionsTrace, a message begins a trace, and what the app doesn't want sampled isn't.
func TestARepeatLinksToTheTransactionsTrace(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	const simulate = `{"reply":"ok","reply_after":"1s","webhook":"none"}`
	first := o.submit("key", simulate, "")
	o.await(first, "POST /v1/transactions", "record settled")
	if again := o.submit("key", simulate, "00-"+appTrace+"-"+appSpan+"-01"); again != first {
		t.Fatalf("the repeat made %s beside %s", again, first)
	}
	var linked []exported
	mustBecome(t, "the repeat's spans", func() bool {
		linked = slices.DeleteFunc(o.receiver.of(first), func(s exported) bool { return s.trace() != appTrace || s.Name != "record accepted" })
		return len(linked) == 1
	})
	origin := o.receiver.of(first)[0]
	if links := linked[0].Links; len(links) != 1 || fmt.Sprintf("%x", links[0].TraceId) != origin.trace() {
		t.Errorf("it links to %v, want trace %s", links, origin.trace())
	}

	ws, _, err := websocket.DefaultDialer.Dial("ws://"+o.address+"/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"submit","key":"by message","payload":{"simulate":`+simulate+`}}`)); err != nil {
		t.Fatal(err)
	}
	var message struct {
		Transaction view `json:"transaction"`
	}
	if err := ws.ReadJSON(&message); err != nil {
		t.Fatal(err)
	}
	spoken := message.Transaction.ID
	o.await(spoken, "record accepted", "submit to djamo", "record settled", "push")
	o.oneTrace(spoken, o.receiver.of(spoken)[0].trace())

	unsampled := o.submit("unsampled", simulate, "00-"+appTrace+"-"+appSpan+"-00")
	o.follow(unsampled, (*app).sse)
	last := o.submit("last", simulate, "")
	o.await(last, "record settled") // what came before it is exported too
	if spans := o.receiver.of(unsampled); len(spans) > 0 {
		t.Errorf("%d spans of what isn't sampled", len(spans))
	}
	if o.receiver.denied > 0 {
		t.Errorf("%d exports without the token, or elsewhere", o.receiver.denied)
	}
}

// TestTracesDontHoldTheEnd: a collector that is away is waited for no longer than it is said, and what it takes is complete.
func TestTheEndFlushesWithinABound(t *testing.T) {
	t.Parallel()
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	launch(t, "third party ready", "thirdparty", "--address", w.partner, "--speed", worldSpeed, "--ban-after", "-1", "--seed", "42")
	end := func(endpoint string, until func(o *observed)) time.Duration {
		o := &observed{w, newReceiver(t, "x")}
		cmd := exec.Command(binary, "serve", "--address", w.address, "--database", "memory:", "--stream-dir", t.TempDir(), "--config", w.config())
		cmd.Env = append(os.Environ(), "VERDICT_TRACES_ENDPOINT="+endpoint, "OTEL_BSP_SCHEDULE_DELAY=60000")
		if endpoint == "" {
			cmd.Env = append(cmd.Env, append(o.receiver.environment(), "OTEL_BSP_SCHEDULE_DELAY=60000")...)
		}
		o.gateway = spawn(t, cmd, "msg=ready")
		o.gateway.await(t)
		o.follow(o.submit("k", `{"reply":"ok","reply_after":"1s","webhook":"none"}`, ""), (*app).sse)
		began := time.Now()
		if code := o.gateway.terminate(t); code != 0 {
			t.Errorf("exit code %d:\n%s", code, o.gateway.log)
		}
		until(o)
		return time.Since(began)
	}
	usual := end("", func(o *observed) {
		if !o.receiver.has("", "POST /v1/transactions", "record settled", "push") {
			t.Errorf("the last spans weren't exported: %d", len(o.receiver.of("")))
		}
	})
	hole := listen(t) // takes connections, and answers nothing
	took := end("http://"+hole.Addr().String(), func(o *observed) {
		if !strings.Contains(o.gateway.log.String(), "spans are lost") {
			t.Errorf("nobody is told:\n%s", o.gateway.log)
		}
	})
	if took > usual+10*time.Second { // of which 3 s are the bound
		t.Errorf("it took %s to end, %s with a collector that answers", took, usual)
	}
	t.Logf("it ended in %s, and in %s where the collector doesn't answer", usual, took)
}
