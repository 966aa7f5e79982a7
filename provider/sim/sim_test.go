package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inbox is the client's end of webhooks. It answers 204 unless told otherwise.
type inbox struct {
	mu    sync.Mutex
	calls []received
	reply func(*http.Request) (*http.Response, error)
}

type received struct {
	id, status string
	at         time.Time
}

func (b *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	var o object
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.calls = append(b.calls, received{o.ID, o.Status, time.Now()})
	b.mu.Unlock()
	if b.reply != nil {
		return b.reply(r)
	}
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

// got returns the webhooks that came so far.
func (b *inbox) got() []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// start returns a partner in the bubble of the caller.
func start(t *testing.T, c Config) (*Partner, *inbox) {
	t.Helper()
	in := &inbox{}
	c.Transport = in
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, p) })
	return p, in
}

func stop(t *testing.T, p io.Closer) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// answer is how a request ended.
type answer struct {
	code       int // 0: the connection was cut
	status     string
	body       string
	retryAfter string
	took       time.Duration
}

// ask makes a request and waits for its end.
func ask(p *Partner, method, path, body string) answer {
	return serve(p, httptest.NewRequest(method, path, strings.NewReader(body)))
}

// serve has a request served and waits for its end.
func serve(p http.Handler, r *http.Request) (a answer) {
	start := time.Now()
	defer func() {
		if cut := recover(); cut != nil {
			if cut != http.ErrAbortHandler {
				panic(cut)
			}
			a = answer{took: time.Since(start)}
		}
	}()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	a = answer{code: w.Code, body: w.Body.String(), retryAfter: w.Header().Get("Retry-After"), took: time.Since(start)}
	var told struct{ Status string }
	if json.Unmarshal(w.Body.Bytes(), &told) == nil {
		a.status = told.Status
	}
	return a
}

func post(p *Partner, id, simulate string) answer {
	body := fmt.Sprintf(`{"id":%q,"webhookUrl":"http://us.example/w","amount":100`, id)
	if simulate != "" {
		body += `,"simulate":` + simulate
	}
	return ask(p, http.MethodPost, "/transaction", body+"}")
}

func check(p *Partner, id string) answer { return ask(p, http.MethodGet, "/transaction/"+id, "") }

// life is all that became of one id.
type life struct {
	reply    answer
	early    answer // a check 15 s after the post, when every 200 has been given
	late     answer // a check after 125 s, when all is over
	effects  []Effect
	webhooks []received
}

// crowd posts ids at once, in the order given, and follows them to their end.
func crowd(t *testing.T, seed int64, order []int) map[string]*life {
	lives := map[string]*life{}
	synctest.Test(t, func(t *testing.T) {
		p, in := start(t, Config{Seed: seed, BanAfter: -1})
		var clients sync.WaitGroup
		for _, i := range order {
			id := fmt.Sprint("id-", i)
			l := &life{}
			lives[id] = l
			clients.Go(func() { l.reply = post(p, id, "") })
		}
		time.Sleep(15 * time.Second)
		for id, l := range lives {
			l.early = check(p, id)
		}
		time.Sleep(110 * time.Second)
		clients.Wait()
		for id, l := range lives {
			l.late = check(p, id)
		}
		for _, e := range p.Ledger() {
			lives[e.ID].effects = append(lives[e.ID].effects, e)
		}
		for _, c := range in.got() {
			lives[c.id].webhooks = append(lives[c.id].webhooks, c)
		}
	})
	return lives
}

const population = 3000

func inOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// epoch is when a bubble's time begins (see testing/synctest).
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestPartnerMisbehavesAsOften(t *testing.T) {
	for seed := range int64(3) {
		var oks, timeouts, declines, called, settled, shown float64
		for id, l := range crowd(t, seed, inOrder(population)) {
			switch l.reply.code {
			case http.StatusOK:
				oks++
				wantOK(t, id, l)
				if l.reply.status == declined {
					declines++
				}
				called += float64(len(l.webhooks))
			case http.StatusGatewayTimeout:
				timeouts++
				wantTimeout(t, id, l)
				settled += float64(len(l.effects))
				if l.early.code == http.StatusOK {
					shown++
				}
			default:
				t.Fatalf("%s: %+v", id, l.reply)
			}
		}
		near(t, "timeouts of posts", timeouts/population, 0.1, 0.02)
		near(t, "declined of answered", declines/oks, 1.0/3, 0.03)
		near(t, "webhooks of answered", called/oks, 0.8, 0.03)
		near(t, "carried out of timeouts", settled/timeouts, 0.5, 0.1)
		near(t, "shown as pending of those", shown/settled, 0.5, 0.15)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if got < want-tolerance || got > want+tolerance {
		t.Errorf("%s: %.3f, want %.3f", what, got, want)
	}
}

// wantOK checks one that was answered 200: final at once, one effect, a webhook at most.
func wantOK(t *testing.T, id string, l *life) {
	t.Helper()
	if l.reply.took < 200*time.Millisecond || l.reply.took > 10*time.Second {
		t.Errorf("%s: answered after %s", id, l.reply.took)
	}
	if len(l.effects) != 1 || l.effects[0].Status != l.reply.status || l.effects[0].At.Sub(epoch) != l.reply.took {
		t.Errorf("%s: answered %+v, effects %+v", id, l.reply, l.effects)
	}
	if l.early.status != l.reply.status || l.late.status != l.reply.status {
		t.Errorf("%s: answered %s, checks said %s and %s", id, l.reply.status, l.early.status, l.late.status)
	}
	if len(l.webhooks) > 1 || len(l.effects[0].Webhooks) != len(l.webhooks) {
		t.Errorf("%s: webhooks %+v, in the ledger %+v", id, l.webhooks, l.effects[0].Webhooks)
	}
	for _, w := range l.webhooks {
		if after := w.at.Sub(epoch); w.status != l.reply.status || after < 10*time.Second || after > 30*time.Second {
			t.Errorf("%s: answered %s, webhook says %s after %s", id, l.reply.status, w.status, after)
		}
	}
}

// wantTimeout checks one that was answered 504: half of them have an effect later, none a webhook.
func wantTimeout(t *testing.T, id string, l *life) {
	t.Helper()
	if took := l.reply.took.Truncate(time.Second); took != 30*time.Second || l.reply.body != "Timeout" {
		t.Errorf("%s: %+v", id, l.reply)
	}
	if len(l.webhooks) != 0 || len(l.effects) > 1 {
		t.Errorf("%s: webhooks %+v, effects %+v", id, l.webhooks, l.effects)
	}
	if len(l.effects) == 0 {
		if l.early.code != http.StatusNotFound || l.late.code != http.StatusNotFound || l.late.body != "" {
			t.Errorf("%s: never carried out, checks said %+v and %+v", id, l.early, l.late)
		}
		return
	}
	if after := l.effects[0].At.Sub(epoch); after < 30*time.Second || after > 120*time.Second {
		t.Errorf("%s: carried out after %s", id, after)
	}
	if l.late.status != l.effects[0].Status || l.early.code == http.StatusOK && l.early.status != pending {
		t.Errorf("%s: carried out as %s, checks said %+v and %+v", id, l.effects[0].Status, l.early, l.late)
	}
}

func TestSeedReplaysWhateverTheInterleaving(t *testing.T) {
	const ids = 500
	first := crowd(t, 7, inOrder(ids))
	again := crowd(t, 7, rand.Perm(ids))
	other := crowd(t, 8, inOrder(ids))
	differ := 0
	for id, l := range first {
		if got, want := summary(again[id]), summary(l); got != want {
			t.Errorf("%s:\n got %s\nwant %s", id, got, want)
		}
		if summary(other[id]) != summary(l) {
			differ++
		}
	}
	if differ != ids {
		t.Errorf("with another seed %d of %d ids differ", differ, ids)
	}
}

// summary is a life but for its number in the ledger, which depends on the company.
func summary(l *life) string {
	var effects []Effect
	for _, e := range l.effects {
		e.Seq = 0
		effects = append(effects, e)
	}
	return fmt.Sprint(l.reply, l.early, l.late, effects, l.webhooks)
}

func TestNoTwoThingsHappenInTheSameNanosecond(t *testing.T) {
	at := map[time.Duration]string{}
	note := func(after time.Duration, what string) {
		if before, taken := at[after]; taken {
			t.Errorf("after %s: %s and %s", after, before, what)
		}
		at[after] = what
	}
	for id, l := range crowd(t, 1, inOrder(population)) {
		note(l.reply.took, "reply to "+id)
		if l.reply.code == http.StatusGatewayTimeout && len(l.effects) > 0 {
			note(l.effects[0].At.Sub(epoch), "effect of "+id)
		}
		for _, w := range l.webhooks {
			note(w.at.Sub(epoch), "webhook of "+id)
		}
	}
}

func TestSpeedDividesAllTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, in := start(t, Config{Speed: 100})
		a := post(p, "a", `{"reply":"ok","reply_after":"5s","webhook":"once","webhook_after":"20s"}`)
		within(t, "reply", a.took, 50*time.Millisecond)
		time.Sleep(time.Second)
		if len(in.got()) != 1 {
			t.Fatalf("webhooks %+v", in.got())
		}
		within(t, "webhook", in.got()[0].at.Sub(epoch), 200*time.Millisecond)
	})
}

// within checks a time that was told: it comes up to 10 ms later.
func within(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want || got > want+10*time.Millisecond {
		t.Errorf("%s after %s, want %s", what, got, want)
	}
}

func TestConfigIsRefusedIfItMakesNoSense(t *testing.T) {
	for _, c := range []Config{{Speed: -1}, {BanWindow: -1}, {BanFor: -1}, {Ledger: t.TempDir()}} {
		if p, err := New(c); err == nil {
			t.Errorf("%+v: got %v", c, p)
		}
	}
}

func TestPartnerSpeaksHTTP(t *testing.T) {
	called := make(chan string, 1)
	us := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		called <- string(body)
	}))
	defer us.Close()
	p, err := New(Config{Speed: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, p)
	partner := httptest.NewServer(p)
	defer partner.Close()

	order := fmt.Sprintf(`{"id":"a","webhookUrl":%q,"simulate":{"status":"declined","reply":"ok","webhook":"once"}}`, us.URL)
	resp, err := http.Post(partner.URL+"/transaction", "application/json", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	want := fmt.Sprintf(`{"id":"a","status":"declined","webhookUrl":%q}`, us.URL)
	if err != nil || resp.StatusCode != http.StatusOK || string(bytes.TrimSpace(body)) != want {
		t.Errorf("got %d %s, %v; want %s", resp.StatusCode, body, err, want)
	}
	if got := <-called; got != `{"id":"a","status":"declined"}` {
		t.Errorf("webhook: got %s", got)
	}
	order = `{"id":"b","simulate":{"reply":"lost"}}`
	if resp, err := http.Post(partner.URL+"/transaction", "application/json", strings.NewReader(order)); err == nil {
		t.Errorf("lost: got %d", resp.StatusCode)
	}
	if effects := p.Ledger(); len(effects) != 2 || effects[1].ID != "b" {
		t.Errorf("ledger: %+v", effects)
	}
}
