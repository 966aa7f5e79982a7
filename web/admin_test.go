package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
	"verdict/web/admin"
	"verdict/web/auth"
)

// desk is the operators' handler over a world, called as from this machine.
type desk struct {
	*world
	handler  http.Handler
	admin    *admin.Desk
	stopping atomic.Bool
	unusable atomic.Bool
}

func newDesk(t *testing.T) *desk {
	w := newWorld(t)
	d := &desk{world: w}
	log := slog.New(slog.NewTextHandler(w.logs, nil))
	ailing := func(is *atomic.Bool, says string) func(context.Context) error {
		return func(context.Context) error {
			if is.Load() {
				return errors.New(says)
			}
			return nil
		}
	}
	d.admin = &admin.Desk{Store: w.store, Settler: w.settle, Configured: []string{"shop", "till"}, Log: log, Concerns: []admin.Concern{
		{Name: "instance", Vital: true, Check: ailing(&d.stopping, "stopping")}, {Name: "stream", Check: ailing(&d.unusable, "away")},
	}}
	d.handler = NewAdmin(d.admin, d.admin.Metrics(), nil, w.intake.NewID, log)
	return d
}

func (d *desk) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:5001"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	answer := httptest.NewRecorder()
	d.handler.ServeHTTP(answer, r)
	return answer
}

// review puts a transaction on record that its partner never decided.
func (d *desk) review(key string) verdict.Transaction {
	d.t.Helper()
	t := d.accept(key)
	policy := verdict.Policy{Schedule: verdict.DefaultSchedule()}
	steps := []func(verdict.Transaction) verdict.Transaction{
		func(t verdict.Transaction) verdict.Transaction { return t.Send(policy, time.Now()) },
	}
	for range policy.Schedule.Checks {
		steps = append(steps, func(t verdict.Transaction) verdict.Transaction {
			return t.Weigh(verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending, Asked: t.Due, At: t.Due}, policy)
		})
	}
	for _, step := range steps {
		var err error
		if t, err = d.store.Replace(d.t.Context(), step(t), nil); err != nil {
			d.t.Fatal(err)
		}
	}
	if t.Stage != verdict.StageReview {
		d.t.Fatalf("it is %s", t.Stage)
	}
	return t
}

func TestOperatorsSeeWhatIsForReview(t *testing.T) {
	d := newDesk(t)
	var want []string
	for _, key := range []string{"a", "b", "c"} {
		want = append(want, d.review(key).ID)
	}
	d.accept("pending")
	var got []string
	path := "/v1/transactions?limit=2"
	for after := int64(-1); after != 0; {
		page := decode[admin.List](t, d.do("GET", path, "").Body)
		for _, tr := range page.Transactions {
			got = append(got, tr.ID)
			if tr.Tenant != "default" || tr.Owner != "app" || tr.Sends != 1 || tr.Checks != 5 || tr.Reference != tr.ID || tr.SentAt.IsZero() || tr.Payload != nil {
				t.Errorf("%+v", tr)
			}
		}
		after = page.Next
		path = "/v1/transactions?stage=review&limit=2&after=" + strconv.FormatInt(after, 10)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	accepted := decode[admin.List](t, d.do("GET", "/v1/transactions?stage=accepted", "").Body).Transactions
	if len(accepted) != 1 || accepted[0].Key != "pending" || accepted[0].Due.IsZero() {
		t.Errorf("%+v", accepted)
	}
	for query, says := range map[string]string{
		"stage=lost": "stage: give accepted", "stage=": "stage: give", "after=x": "after: give", "after=-1": "after: give",
		"limit=0": "limit: give 1 to 500", "limit=501": "limit: give 1 to 500",
	} {
		if p := wantProblem(t, d.do("GET", "/v1/transactions?"+query, ""), invalidRequest); !strings.Contains(p.Detail, says) {
			t.Errorf("%s: %q", query, p.Detail)
		}
	}
}

func TestOperatorsSeeAllThatIsKnown(t *testing.T) {
	d := newDesk(t)
	tr := d.accept("k1")
	for _, e := range []verdict.Evidence{
		{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, Reason: "paid", At: time.Now(), Raw: []byte("{\"é\":1}\n")},
		{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeFailed, At: time.Now(), Wait: time.Second, Raw: []byte{0xff, 0}},
	} {
		if err := d.settle.Settle(t.Context(), tr.ID, e); err != nil {
			t.Fatal(err)
		}
	}
	file := decode[admin.File](t, d.do("GET", "/v1/transactions/"+tr.ID, "").Body)
	if got := file.Transaction; got.Status != verdict.Succeeded || string(got.Payload) != `{"amount":1500}` || !got.Due.IsZero() {
		t.Errorf("%+v", got)
	}
	if len(file.Evidence) != 2 {
		t.Fatalf("%+v", file.Evidence)
	}
	text, bytes := file.Evidence[0], file.Evidence[1]
	if text.Raw != "{\"é\":1}\n" || text.Encoding != "" || text.Conflict || text.Reason != "paid" {
		t.Errorf("%+v", text)
	}
	if bytes.Raw != "/wA=" || bytes.Encoding != "base64" || !bytes.Conflict || bytes.WaitMS != 1000 {
		t.Errorf("%+v", bytes)
	}
	conflicts := decode[admin.ConflictList](t, d.do("GET", "/v1/conflicts", "").Body).Conflicts
	if len(conflicts) != 1 || conflicts[0].Transaction.ID != tr.ID || conflicts[0].Evidence.Outcome != verdict.OutcomeFailed {
		t.Errorf("%+v", conflicts)
	}
	if page := decode[admin.ConflictList](t, d.do("GET", "/v1/conflicts?limit=1", "").Body); page.Next != 1 {
		t.Errorf("%+v", page)
	}
}

func TestOperatorsHaveThePartnerAsked(t *testing.T) {
	d := newDesk(t)
	tr := d.review("k1")
	answer := d.do("POST", "/v1/transactions/"+tr.ID+"/check", "")
	if got := decode[admin.Change](t, answer.Body).Transaction; got.Stage != verdict.StageWaiting || time.Since(got.Due) < 0 {
		t.Errorf("%d %+v", answer.Code, got)
	}
	if got := d.current(tr.ID); got.Stage != verdict.StageWaiting || got.Version != tr.Version+1 {
		t.Errorf("%+v", got)
	}
	unsent := d.accept("k2") // never sent: nothing to ask
	if got := decode[admin.Change](t, d.do("POST", "/v1/transactions/"+unsent.ID+"/check", "").Body).Transaction; got.Version != 1 {
		t.Errorf("%+v", got)
	}
}

func TestOperatorsResolveWhatIsForReview(t *testing.T) {
	d := newDesk(t)
	tr := d.review("k1")
	path := "/v1/transactions/" + tr.ID + "/resolve"
	for body, says := range map[string]string{
		`{"status":"pending","reason":"x"}`: "status: give succeeded or failed", `{"status":"failed"}`: "reason: say how",
		`{"status":"failed","reason":" "}`: "reason: say how", `{"status":"failed","Reason":"x"}`: `"Reason" is not known`, ``: "",
	} {
		if p := wantProblem(t, d.do("POST", path, body), invalidRequest); !strings.Contains(p.Detail, says) {
			t.Errorf("%s: %q", body, p.Detail)
		}
	}
	if d.current(tr.ID).Version != tr.Version {
		t.Fatal("it was changed")
	}
	const word = `{"status":"failed","reason":"not on the statement"}`
	answer := d.do("POST", path, word)
	if got := decode[admin.Change](t, answer.Body).Transaction; answer.Code != http.StatusOK || got.Status != verdict.Failed || strings.Contains(got.Reason, "statement") {
		t.Errorf("%d %+v", answer.Code, got)
	}
	if history, _ := d.store.History(t.Context(), tr.ID); len(history) != 1 || history[0].Reason != "not on the statement" {
		t.Errorf("%+v", history)
	}
	wantProblem(t, d.do("POST", path, word), notInReview)
	wantProblem(t, d.do("POST", "/v1/transactions/x/resolve", word), noTransaction)
}

// racing changes a transaction whenever it is read.
type racing struct{ *memory }

func (s racing) Replace(_ context.Context, _ verdict.Transaction, _ *verdict.Evidence) (verdict.Transaction, error) {
	return verdict.Transaction{}, verdict.ErrStale
}

func TestOperatorsAreToldOfARace(t *testing.T) {
	d := newDesk(t)
	tr := d.review("k1")
	d.settle.Store = racing{d.store}
	wantProblem(t, d.do("POST", "/v1/transactions/"+tr.ID+"/check", ""), changed)
	wantProblem(t, d.do("POST", "/v1/transactions/"+tr.ID+"/resolve", `{"status":"failed","reason":"x"}`), changed)
}

func TestPagesOfOthersCantCallTheOperatorsListener(t *testing.T) {
	d := newDesk(t)
	tr := d.review("k1")
	const word = `{"status":"failed","reason":"x"}`
	for _, c := range []struct{ method, path string }{
		{"POST", "/v1/transactions/" + tr.ID + "/resolve"}, {"POST", "/v1/transactions/" + tr.ID + "/check"},
		{"GET", "/v1/transactions/" + tr.ID}, {"GET", "/v1/conflicts"}, {"GET", "/metrics"}, {"GET", "/readyz"}, {"GET", "/debug/pprof/heap"},
	} {
		for _, header := range [][]string{
			{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://127.0.0.1:5000"},
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		} {
			answer := d.do(c.method, c.path, word, header...)
			wantProblem(t, answer, foreignOrigin)
			if answer.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("it may be read")
			}
		}
		for _, host := range []string{"evil.example:5001", "evil.example", "127.0.0.1.evil.example", "10.0.0.1:5001", "0.0.0.0:5001", "", "localhost.evil.example"} {
			wantProblem(t, d.do(c.method, c.path, word, "Host", host, "Origin", "http://"+host, "Sec-Fetch-Site", "same-origin"), wrongHost)
		}
	}
	if d.current(tr.ID).Version != tr.Version {
		t.Fatal("it was changed")
	}
	for _, host := range []string{"localhost:5001", "localhost", "LOCALHOST:1", "127.0.0.1:5001", "127.0.0.2", "[::1]:5001", "[::1]"} {
		if answer := d.do("GET", "/livez", "", "Host", host, "Sec-Fetch-Site", "none"); answer.Code != http.StatusOK {
			t.Errorf("%s: %d %s", host, answer.Code, answer.Body)
		}
	}
	for _, c := range []struct{ method, path string }{{"OPTIONS", "/v1/conflicts"}, {"DELETE", "/v1/conflicts"}} {
		wantProblem(t, d.do(c.method, c.path, ""), wrongMethod)
	}
	wantProblem(t, d.do("GET", "/v1/ws", ""), noPage)
}

func TestWhereOperatorsAreAskedOnlyTheirKeyIsServed(t *testing.T) {
	d := newDesk(t)
	tr := d.review("k1")
	operator, app := auth.NewKey(), auth.NewKey()
	guard, err := auth.New(t.Context(), auth.Config{Keys: map[string]auth.Key{
		"desk": {Hash: auth.Hash(operator), Role: auth.Operator},
		"till": {Hash: auth.Hash(app), Role: auth.Service, Tenant: "shop"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.handler = NewAdmin(d.admin, d.admin.Metrics(), guard, d.intake.NewID, slog.New(slog.DiscardHandler))
	const word = `{"status":"failed","reason":"x"}`
	for _, c := range []struct{ method, path string }{
		{"POST", "/v1/transactions/" + tr.ID + "/resolve"}, {"GET", "/v1/transactions/" + tr.ID}, {"GET", "/metrics"},
		{"GET", "/readyz"}, {"GET", "/debug/pprof/heap"}, {"GET", "/nothing"},
	} {
		wantProblem(t, d.do(c.method, c.path, word), unauthenticated)
		wantProblem(t, d.do(c.method, c.path, word, "Authorization", "Bearer x"), unauthenticated)
		wantProblem(t, d.do(c.method, c.path, word, "Authorization", "Bearer "+app), forbidden)
		wantProblem(t, d.do(c.method, c.path, word, "Authorization", "Bearer "+operator, "Origin", "https://evil.example"), foreignOrigin)
	}
	if d.current(tr.ID).Version != tr.Version {
		t.Fatal("it was changed")
	}
	if answer := d.do("GET", "/", "", "Host", "operators.example"); answer.Code != http.StatusOK {
		t.Errorf("the console, which asks for the key: %d", answer.Code)
	}
	wantProblem(t, d.do("GET", "/v1/figures", ""), unauthenticated)
	for _, host := range []string{"127.0.0.1:5001", "operators.example"} {
		answer := d.do("GET", "/v1/transactions/"+tr.ID, "", "Authorization", "Bearer "+operator, "Host", host)
		if answer.Code != http.StatusOK {
			t.Errorf("%s: %d %s", host, answer.Code, answer.Body)
		}
	}
}

func TestReadinessSaysWhyNot(t *testing.T) {
	d := newDesk(t)
	want := func(code int, says string) {
		t.Helper()
		answer := d.do("GET", "/readyz", "")
		if answer.Code != code || !strings.Contains(answer.Body.String(), says) {
			t.Errorf("%d %q, want %d %q", answer.Code, answer.Body, code, says)
		}
		if alive := d.do("GET", "/livez", ""); alive.Code != http.StatusOK {
			t.Errorf("not alive: %d", alive.Code)
		}
	}
	want(http.StatusOK, "ready\nrecord: ok\ninstance: ok\nstream: ok\n")
	d.store.fail(errors.New("disk i/o error"))
	want(http.StatusServiceUnavailable, "not ready\nrecord: it doesn't answer: disk i/o error\ninstance: ok\nstream: ok\n")
	d.store.fail(nil)
	d.unusable.Store(true) // requests are kept without it
	want(http.StatusOK, "ready\nrecord: ok\ninstance: ok\nstream: away\n")
	d.stopping.Store(true)
	want(http.StatusServiceUnavailable, "not ready\nrecord: ok\ninstance: stopping\nstream: away\n")
}

func TestOperatorsProfileTheProcessButDontSeeItsCommandLine(t *testing.T) {
	d := newDesk(t)
	for path, says := range map[string]string{
		"/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile: total", "/debug/pprof/symbol": "num_symbols",
	} {
		if answer := d.do("GET", path, ""); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), says) {
			t.Errorf("%s: %d %.200s", path, answer.Code, answer.Body)
		}
	}
	if answer := d.do("GET", "/debug/pprof/cmdline", ""); answer.Code != http.StatusNotFound {
		t.Errorf("the command line: %d %q", answer.Code, answer.Body)
	}
}

func TestProbesTellAnyoneNothingMore(t *testing.T) {
	d := newDesk(t)
	tr := d.review("k1")
	d.handler = NewProbes(d.admin, d.admin.Metrics(), d.intake.NewID, slog.New(slog.NewTextHandler(d.logs, nil)))
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 200, "/openapi.json": 404, "/debug/pprof/": 404, "/debug/pprof/heap": 404, "/v1/conflicts": 404, "/v1/transactions/" + tr.ID: 404} {
		answer := d.do("GET", path, "", "Host", "10.1.2.3:5002", "Origin", "https://shop.example")
		if answer.Code != want || strings.Contains(answer.Body.String(), tr.ID) {
			t.Errorf("%s: %d, want %d: %s", path, answer.Code, want, answer.Body)
		}
	}
	d.store.fail(errors.New("password authentication failed for user ama"))
	answer := d.do("GET", "/readyz", "")
	if answer.Code != http.StatusServiceUnavailable || strings.Contains(answer.Body.String(), "ama") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if !strings.Contains(d.logs.String(), "user ama") {
		t.Error("the log doesn't say why it isn't ready")
	}
}

func TestProbesLogEachChangeOnce(t *testing.T) {
	d := newDesk(t)
	d.handler = NewProbes(d.admin, d.admin.Metrics(), d.intake.NewID, slog.New(slog.NewTextHandler(d.logs, nil)))
	ask := func(want int) {
		t.Helper()
		for range 5 {
			if answer := d.do("GET", "/readyz", ""); answer.Code != want {
				t.Errorf("%d %s, want %d", answer.Code, answer.Body, want)
			}
		}
	}
	ask(http.StatusOK)
	if text := d.logs.String(); strings.Contains(text, "ready") {
		t.Errorf("nothing has changed: %s", text)
	}
	for n := 1; n <= 2; n++ {
		d.store.fail(errors.New("disk i/o error"))
		ask(http.StatusServiceUnavailable)
		d.store.fail(nil)
		ask(http.StatusOK)
		for _, words := range []string{`msg="not ready" error=`, `msg="ready again"`} {
			if found := strings.Count(d.logs.String(), words); found != n {
				t.Errorf("%s is logged %d times, want %d:\n%s", words, found, n, d.logs)
			}
		}
	}
}

// attentive does nothing for callers who have given up.
type attentive struct{ *memory }

func (s attentive) LastEventID(ctx context.Context) (int64, error) { return 0, ctx.Err() }

func TestWhoGivesUpMakesNoInstanceUnready(t *testing.T) {
	d := newDesk(t)
	d.admin.Store = attentive{d.store}
	d.handler = NewProbes(d.admin, d.admin.Metrics(), d.intake.NewID, slog.New(slog.NewTextHandler(d.logs, nil)))
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	d.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil))
	if text := d.logs.String(); strings.Contains(text, "ready") {
		t.Error(text)
	}
}

func TestProbesPointToNothingThatIsntThere(t *testing.T) {
	d := newDesk(t)
	d.handler = NewProbes(d.admin, d.admin.Metrics(), d.intake.NewID, slog.New(slog.DiscardHandler))
	for _, method := range []string{"GET", "POST"} {
		wantProbes(t, d.do(method, "/v1/conflicts", ""))
	}
	wantProbes(t, d.do("GET", "/problems/x", ""))
	wantProblem(t, d.do("POST", "/livez", ""), wrongMethod)
}

func wantProbes(t *testing.T, answer *httptest.ResponseRecorder) {
	t.Helper()
	p := wantProblem(t, answer, noPage)
	if strings.Contains(p.Detail, "openapi") || !strings.Contains(p.Detail, "/livez, /readyz and /metrics") {
		t.Errorf("%q", p.Detail)
	}
}

func TestTheOperatorsDocumentIsAsServed(t *testing.T) {
	c := readContract(t, admin.Document)
	d := newDesk(t)
	routed := []string{"GET /livez", "GET /readyz", "GET /metrics", "GET /openapi.json", "GET /problems/{slug}"}
	for _, r := range d.admin.Routes() {
		routed = append(routed, r.Pattern)
	}
	c.wantRoutes(t, routed)
	broken, racingDesk := newDesk(t), newDesk(t)
	broken.store.fail(errors.New("disk i/o error"))
	raced, retold := racingDesk.review("r"), racingDesk.notified("n")
	racingDesk.admin.Store = overtaken{racingDesk.store}
	racingDesk.settle.Store = racing{racingDesk.store}
	planned, orphaned := newPlannedDesk(t), newDesk(t)
	orphaned.notified("o")
	orphaned.admin.Configured = nil
	const list, conflicts, word = "/v1/transactions", "/v1/conflicts", `{"status":"failed","reason":"x"}`
	tr := d.review("k1")
	one := list + "/" + tr.ID
	told := list + "/" + d.notified("k2").ID
	foreign, elsewhere := []string{"Origin", "null"}, []string{"Host", "evil.example"}
	c.wantScenes(t, []scene{
		{d.do, "GET", list + "?stage=review&after=0&limit=1", "", nil, 200},
		{d.do, "GET", list + "?stage=x", "", nil, 400},
		{d.do, "GET", list, "", foreign, 403},
		{d.do, "GET", list, "", elsewhere, 421},
		{broken.do, "GET", list, "", nil, 503},
		{d.do, "GET", "/v1/search?q=k1&status=pending&stage=review&provider=djamo&from=2026-01-14T09:00:00Z&limit=1", "", nil, 200},
		{d.do, "GET", "/v1/search?status=x", "", nil, 400},
		{d.do, "GET", "/v1/search", "", foreign, 403},
		{d.do, "GET", "/v1/search", "", elsewhere, 421},
		{broken.do, "GET", "/v1/search", "", nil, 503},
		{planned.do, "GET", "/v1/figures", "", nil, 200},
		{d.do, "GET", "/v1/figures", "", foreign, 403},
		{d.do, "GET", "/v1/figures", "", elsewhere, 421},
		{broken.do, "GET", "/v1/figures", "", nil, 503},
		{d.do, "GET", one, "", nil, 200},
		{d.do, "GET", one, "", foreign, 403},
		{d.do, "GET", list + "/x", "", nil, 404},
		{d.do, "GET", one, "", elsewhere, 421},
		{broken.do, "GET", one, "", nil, 503},
		{racingDesk.do, "POST", list + "/" + raced.ID + "/check", "", nil, 409},
		{d.do, "POST", one + "/check", "", foreign, 403},
		{d.do, "POST", list + "/x/check", "", nil, 404},
		{d.do, "POST", one + "/check", "", elsewhere, 421},
		{broken.do, "POST", one + "/check", "", nil, 503},
		{d.do, "POST", one + "/resolve", `{}`, nil, 400},
		{d.do, "POST", one + "/resolve", word, foreign, 403},
		{d.do, "POST", list + "/x/resolve", word, nil, 404},
		{d.do, "POST", one + "/resolve", strings.Repeat("x", maxBody+1), nil, 413},
		{d.do, "POST", one + "/resolve", word, elsewhere, 421},
		{broken.do, "POST", one + "/resolve", word, nil, 503},
		{d.do, "POST", one + "/resolve", word, nil, 200},
		{d.do, "POST", one + "/resolve", word, nil, 409},
		{d.do, "POST", one + "/check", "", nil, 200},
		{d.do, "GET", one, "", nil, 200},
		{d.do, "GET", conflicts, "", nil, 200},
		{d.do, "GET", conflicts + "?after=x", "", nil, 400},
		{d.do, "GET", conflicts, "", foreign, 403},
		{d.do, "GET", conflicts, "", elsewhere, 421},
		{broken.do, "GET", conflicts, "", nil, 503},
		{planned.do, "GET", "/v1/partners", "", nil, 200},
		{d.do, "GET", "/v1/partners", "", nil, 200},
		{d.do, "GET", "/v1/partners", "", foreign, 403},
		{d.do, "GET", "/v1/partners", "", elsewhere, 421},
		{planned.do, "GET", "/v1/partners/djamo", "", nil, 200},
		{d.do, "GET", "/v1/partners/djamo", "", nil, 200},
		{d.do, "GET", "/v1/partners/djamo", "", foreign, 403},
		{d.do, "GET", "/v1/partners/x", "", nil, 404},
		{d.do, "GET", "/v1/partners/djamo", "", elsewhere, 421},
		{d.do, "GET", "/v1/notices?state=pending&endpoint=shop&after=0&limit=1", "", nil, 200},
		{d.do, "GET", "/v1/notices?state=x", "", nil, 400},
		{d.do, "GET", "/v1/notices", "", foreign, 403},
		{d.do, "GET", "/v1/notices", "", elsewhere, 421},
		{broken.do, "GET", "/v1/notices", "", nil, 503},
		{d.do, "POST", told + "/notify?endpoint=shop", "", nil, 200},
		{d.do, "POST", told + "/notify", "", foreign, 403},
		{d.do, "POST", list + "/x/notify", "", nil, 404},
		{racingDesk.do, "POST", list + "/" + retold.ID + "/notify", "", nil, 409},
		{d.do, "POST", told + "/notify", "", elsewhere, 421},
		{broken.do, "POST", told + "/notify", "", nil, 503},
		{d.do, "GET", "/v1/endpoints", "", nil, 200},
		{d.do, "GET", "/v1/endpoints", "", foreign, 403},
		{d.do, "GET", "/v1/endpoints", "", elsewhere, 421},
		{broken.do, "GET", "/v1/endpoints", "", nil, 503},
		{d.do, "POST", "/v1/endpoints/shop/enable", "", nil, 200},
		{d.do, "POST", "/v1/endpoints/shop/enable", "", foreign, 403},
		{d.do, "POST", "/v1/endpoints/x/enable", "", nil, 404},
		{d.do, "POST", "/v1/endpoints/shop/enable", "", elsewhere, 421},
		{broken.do, "POST", "/v1/endpoints/shop/enable", "", nil, 503},
		{d.do, "POST", "/v1/endpoints/shop/drop", "", nil, 409},
		{d.do, "POST", "/v1/endpoints/shop/drop", "", foreign, 403},
		{d.do, "POST", "/v1/endpoints/x/drop", "", nil, 404},
		{d.do, "POST", "/v1/endpoints/x/drop", "", elsewhere, 421},
		{broken.do, "POST", "/v1/endpoints/x/drop", "", nil, 503},
		{orphaned.do, "POST", "/v1/endpoints/shop/drop", "", nil, 200},
		{d.do, "GET", told, "", nil, 200},
		{d.do, "GET", "/livez", "", nil, 200},
		{d.do, "GET", "/readyz", "", nil, 200},
		{broken.do, "GET", "/readyz", "", nil, 503},
		{d.do, "GET", "/metrics", "", nil, 200},
		{d.do, "GET", "/openapi.json", "", nil, 200},
		{d.do, "GET", "/problems/not-in-review", "", nil, 200},
		{d.do, "GET", "/problems/x", "", nil, 404},
	})
}
