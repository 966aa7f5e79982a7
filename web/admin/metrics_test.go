package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"verdict"
)

// counted is a Store that only counts.
type counted struct {
	Store
	backlog verdict.Backlog
	err     error
}

func (c counted) Backlog(ctx context.Context) (verdict.Backlog, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return verdict.Backlog{}, errors.New("nobody bounds the scrape")
	}
	return c.backlog, c.err
}

func scrape(t *testing.T, s Store) (int, string) {
	t.Helper()
	d := Desk{Store: s, Log: slog.New(slog.DiscardHandler)}
	answer := httptest.NewRecorder()
	d.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Code, answer.Body.String()
}

func TestMetricsCountTheBacklog(t *testing.T) {
	code, text := scrape(t, counted{backlog: verdict.Backlog{Commands: 1, Review: 2, Conflicts: 3, Parked: 4}})
	for _, want := range []string{
		"verdict_outbox_commands 1\n", "verdict_review_transactions 2\n", "verdict_conflicts 3\n", "verdict_parked_webhooks 4\n",
		"go_goroutines ", "process_open_fds ", "go_build_info{",
	} {
		if code != http.StatusOK || !strings.Contains(text, "\n"+want) {
			t.Errorf("%d: %q is missing", code, want)
		}
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
	if code != http.StatusOK || !strings.Contains(text, "\ngo_goroutines ") || strings.Contains(text, "verdict_") {
		t.Errorf("%d %s", code, text)
	}
}
