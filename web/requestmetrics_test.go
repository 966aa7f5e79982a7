package web

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// counts returns what a counter of a label's values has counted, but for zeros.
func (w *world) counts(name, label string) map[string]float64 {
	w.t.Helper()
	counts := map[string]float64{}
	for _, m := range w.measured(name) {
		for _, l := range m.GetLabel() {
			if n := m.GetCounter().GetValue(); l.GetName() == label && n > 0 {
				counts[l.GetValue()] += n
			}
		}
	}
	return counts
}

func TestSubmitsAndRefusalsAreCounted(t *testing.T) {
	w := newWorld(t)
	const path, first, other = "/v1/transactions", `{"payload":{"amount":1}}`, `{"payload":{"amount":2}}`
	w.do("POST", path, first, "Idempotency-Key", "a")
	w.do("POST", path, first, "Idempotency-Key", "a")
	w.do("POST", "/transaction", `{"id":"b"}`)
	w.do("POST", path, other, "Idempotency-Key", "a")
	w.do("POST", path, first)
	w.do("GET", path+"/x", "")
	c := dialSocket(t, websocket.Dialer{}, "ws"+strings.TrimPrefix(w.listen(), "http"))
	c.say(`{"type":"submit","key":"c","payload":{"amount":1}}`)
	c.say(`{"type":"submit","key":"c","payload":{"amount":2}}`)
	c.say(`{"type":"nonsense","ref":"last"}`)
	for c.hear().Ref != "last" { // after the first comes its state as well
	}

	if got, want := w.counts("verdict_submits_total", "answer"), map[string]float64{"accepted": 3, "replayed": 1}; !maps.Equal(got, want) {
		t.Errorf("submits %v, want %v", got, want)
	}
	want := map[string]float64{otherContent.slug: 2, missingKey.slug: 1, noTransaction.slug: 1, invalidRequest.slug: 1}
	if got := w.counts("verdict_refusals_total", "kind"); !maps.Equal(got, want) {
		t.Errorf("refusals %v, want %v", got, want)
	}
	if n, _ := w.observed("verdict_acknowledge_seconds"); n != 3 {
		t.Errorf("%d acknowledged, want those that were accepted", n)
	}
}

func TestWhatIsntOnRecordIsNotCountedAsSubmitted(t *testing.T) {
	w := newWorld(t)
	w.store.fail(http.ErrHandlerTimeout)
	w.do("POST", "/transaction", `{"id":"a"}`)
	if got := w.counts("verdict_submits_total", "answer"); len(got) != 0 {
		t.Errorf("submits %v", got)
	}
	if got := w.counts("verdict_refusals_total", "kind"); got[unavailable.slug] != 1 {
		t.Errorf("refusals %v", got)
	}
}

// All there is to count is told before it happens: else the first of a kind would be no increase.
func TestCountersBeginAtZero(t *testing.T) {
	w := newWorld(t)
	for name, series := range map[string]int{
		"verdict_submits_total": 2 * len(w.intake.Providers), "verdict_refusals_total": len(kinds()),
		"verdict_push_ended_total": 2 * len(causes()), "verdict_push_refused_total": 12, "verdict_push_streams": 2, "verdict_push_verdicts_total": 2,
	} {
		if got := len(w.measured(name)); got != series {
			t.Errorf("%s: %d series, want %d", name, got, series)
		}
	}
}
