package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"verdict"
)

// counted is a Store that only counts.
type counted struct {
	Store
	backlog verdict.Backlog
	err     error
}

func (c counted) Backlog(ctx context.Context, _ time.Time) (verdict.Backlog, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return verdict.Backlog{}, errors.New("nobody bounds the scrape")
	}
	return c.backlog, c.err
}

func (c counted) LastEventID(context.Context) (int64, error) { return 0, c.err }

func (c counted) Endpoints(context.Context) ([]verdict.Endpoint, error) {
	return []verdict.Endpoint{
		{Name: "shop", Pending: 5, Oldest: time.Now().Add(-time.Hour), GivenUp: 6, ClosedUntil: verdict.UntilOpened}, {Name: "till"},
	}, c.err
}

// experience is a verdict.Store that only knows partners.
type experience struct {
	verdict.Store
	partners map[string]verdict.Partner
}

func (e experience) Partner(_ context.Context, provider string) (verdict.Partner, error) {
	return e.partners[provider], nil
}

// DueSince tells of nothing that is due.
func (experience) DueSince(context.Context, verdict.Lane, int) (time.Time, error) {
	return time.Time{}, nil
}

// idle is a partner of which only the traits matter.
type idle struct{ verdict.Provider }

func (idle) Traits() verdict.Traits {
	return verdict.Traits{Budget: verdict.Budget{Limit: 60, Window: time.Minute, Burst: 1}}
}

// planner has looked at two partners: one that has refused us, and one of which nothing is known.
func planner(t *testing.T) *verdict.Planner {
	t.Helper()
	var seen verdict.Learned
	if err := json.Unmarshal([]byte("[[-1,40,90],[180,289,10]]"), &seen.Answered.Webhook); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	refused := verdict.Pace{}.After(verdict.Evidence{Source: verdict.SourceCheck, Asked: now, At: now, Wait: time.Minute})
	store := experience{partners: map[string]verdict.Partner{"strict": {Pace: refused, Learned: seen}}}
	providers := map[string]verdict.Provider{"strict": idle{}, "new": idle{}}
	p := verdict.NewPlanner(store, providers, verdict.DefaultSchedule(), verdict.Asking{Price: verdict.DefaultPrice})
	if err := p.Look(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	return p
}

func scrape(t *testing.T, s Store) (int, string) {
	t.Helper()
	broken := Concern{Name: "stream", Check: func(context.Context) error { return errors.New("away") }}
	d := Desk{
		Store: s, Concerns: []Concern{broken}, Settler: &verdict.Settler{Planner: planner(t)}, Log: slog.New(slog.DiscardHandler),
	}
	answer := httptest.NewRecorder()
	d.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Code, answer.Body.String()
}

func TestMetricsCountTheBacklogAndTellOfPartners(t *testing.T) {
	var code int
	var text string
	synctest.Test(t, func(t *testing.T) { // where no time passes until it is counted
		code, text = scrape(t, counted{backlog: verdict.Backlog{Commands: 1, Due: 5, DueSince: time.Now().Add(-time.Minute), Review: 2, Conflicts: 3, Parked: 4}})
	})
	for _, want := range []string{
		"verdict_outbox_commands 1\n", "verdict_review_transactions 2\n", "verdict_conflicts 3\n", "verdict_parked_webhooks 4\n",
		`verdict_healthy{concern="record"} 1` + "\n", `verdict_healthy{concern="stream"} 0` + "\n",
		"verdict_outbox_due_commands 5\n", "verdict_outbox_overdue_seconds 60\n",
		`verdict_partner_circuit_open{provider="new"} 0` + "\n", `verdict_partner_circuit_open{provider="strict"} 1` + "\n",
		`verdict_partner_refusals_total{provider="new"} 0` + "\n", `verdict_partner_refusals_total{provider="strict"} 1` + "\n",
		`verdict_partner_checks_last_hour{provider="new"} 0` + "\n", `verdict_partner_check_price_seconds{provider="new"} 8` + "\n",
		`verdict_partner_webhook_loss_ratio{course="answered",provider="strict"} 0.10`,
		`verdict_notices_pending{endpoint="shop"} 5` + "\n", `verdict_notices_given_up{endpoint="shop"} 6` + "\n",
		`verdict_notices_oldest_seconds{endpoint="shop"} 3600`, `verdict_notices_oldest_seconds{endpoint="till"} 0` + "\n",
		`verdict_endpoint_disabled{endpoint="shop"} 1` + "\n", `verdict_endpoint_disabled{endpoint="till"} 0` + "\n",
		"go_goroutines ", "process_open_fds ", "go_build_info{",
	} {
		if code != http.StatusOK || !strings.Contains(text, "\n"+want) {
			t.Errorf("%d: %q is missing", code, want)
		}
	}
	if strings.Count(text, "\nverdict_partner_webhook_loss_ratio{") != 1 {
		t.Error("a guess is told as if it had been seen")
	}
}

func TestMetricsAreNamedByPrometheusConventions(t *testing.T) {
	_, text := scrape(t, counted{})
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %+v", err, problems)
	}
}

func TestMetricsAreServedWithoutTheRecord(t *testing.T) {
	code, text := scrape(t, counted{err: errors.New("disk i/o error")})
	if code != http.StatusOK || !strings.Contains(text, "\ngo_goroutines ") || strings.Contains(text, "verdict_outbox") || strings.Contains(text, "verdict_notices") {
		t.Errorf("%d %s", code, text)
	}
	if !strings.Contains(text, "\nverdict_partner_circuit_open{") {
		t.Error("how the partners stood is missing")
	}
}
