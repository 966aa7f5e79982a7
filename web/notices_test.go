package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"verdict"
	"verdict/web/admin"
)

// notified puts a verdict on record that the endpoint shop was told in vain, and that till is yet to be told. Shop wants to
// be told nothing any more.
func (d *desk) notified(key string) verdict.Transaction {
	d.t.Helper()
	tr := d.accept(key)
	d.settled(tr, verdict.OutcomeSucceeded)
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	now := time.Now()
	for i, n := range []verdict.Notice{
		{Endpoint: "shop", Attempts: 10, TriedAt: now, Result: "answered 500"}, {Endpoint: "till", Due: now},
	} {
		n.Number, n.Transaction, n.Version, n.SettledAt = int64(i)+1, tr.ID, 1, now
		d.store.notices = append(d.store.notices, n)
	}
	d.store.endpoints = []verdict.Endpoint{
		{Name: "shop", ClosedUntil: verdict.UntilOpened, Reason: "answered 410", GivenUp: 1},
		{Name: "till", ClosedUntil: now.Add(time.Hour), Reason: "answered 503", Pending: 1, Oldest: now},
	}
	return tr
}

func TestOperatorsSeeWhatBackendsWereTold(t *testing.T) {
	d := newDesk(t)
	tr := d.notified("k1")
	file := decode[admin.File](t, d.do("GET", "/v1/transactions/"+tr.ID, "").Body)
	if n := file.Notices; len(n) != 2 || n[0].State != verdict.NoticeGivenUp || n[0].Result != "answered 500" || n[1].State != verdict.NoticePending {
		t.Errorf("%+v", n)
	}
	for query, want := range map[string]string{"": "shop", "state=pending": "till", "state=told": "", "state=given_up&endpoint=till": "", "after=1": ""} {
		var got []string
		for _, n := range decode[admin.NoticeList](t, d.do("GET", "/v1/notices?"+query, "").Body).Notices {
			got = append(got, n.Endpoint)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	if page := decode[admin.NoticeList](t, d.do("GET", "/v1/notices?limit=1", "").Body); page.Next != 1 {
		t.Errorf("%+v", page)
	}
	all := decode[admin.EndpointList](t, d.do("GET", "/v1/endpoints", "").Body).Endpoints
	if len(all) != 2 || !all[0].Disabled || !all[0].PausedUntil.IsZero() || all[1].Disabled || all[1].PausedUntil.IsZero() || all[1].Reason != "answered 503" {
		t.Errorf("%+v", all)
	}
}

func TestOperatorsHaveBackendsToldAgain(t *testing.T) {
	d := newDesk(t)
	tr := d.notified("k1")
	again := decode[admin.Notices](t, d.do("POST", "/v1/transactions/"+tr.ID+"/notify?endpoint=shop", "").Body).Notices
	if len(again) != 1 || again[0].State != verdict.NoticePending || again[0].Attempts != 0 {
		t.Errorf("%+v", again)
	}
	if n := d.store.notices; n[0].Version != 2 || n[0].Due.IsZero() || n[1].Version != 1 {
		t.Errorf("%+v", n)
	}
	if all := decode[admin.Notices](t, d.do("POST", "/v1/transactions/"+tr.ID+"/notify", "").Body).Notices; len(all) != 2 {
		t.Errorf("%+v", all)
	}
	untold := d.accept("k2")
	if none := decode[admin.Notices](t, d.do("POST", "/v1/transactions/"+untold.ID+"/notify", "").Body).Notices; len(none) != 0 {
		t.Errorf("%+v", none)
	}
}

func TestOperatorsEnableAnEndpoint(t *testing.T) {
	d := newDesk(t)
	d.notified("k1")
	for i, name := range []string{"shop", "till"} {
		answer := d.do("POST", "/v1/endpoints/"+name+"/enable", "")
		if got := decode[admin.EndpointList](t, answer.Body).Endpoints[i]; answer.Code != http.StatusOK || got.Disabled || !got.PausedUntil.IsZero() || got.Reason != "" {
			t.Errorf("%s: %d %+v", name, answer.Code, got)
		}
	}
	wantProblem(t, d.do("POST", "/v1/endpoints/nobody/enable", ""), noEndpoint)
}

func TestOperatorsSeeAnEndpointThatIsNotConfiguredAnyMore(t *testing.T) {
	d := newDesk(t)
	d.notified("k1")
	d.admin.Configured = []string{"shop"}
	all := decode[admin.EndpointList](t, d.do("GET", "/v1/endpoints", "").Body).Endpoints
	if len(all) != 2 || !all[0].Configured || all[1].Configured || all[1].Pending != 1 {
		t.Errorf("%+v", all)
	}
}

func TestNothingIsReplayedWhereNobodyTellsIt(t *testing.T) {
	d := newDesk(t)
	tr := d.notified("k1")
	d.admin.Configured = []string{"shop"}
	replay := "/v1/transactions/" + tr.ID + "/notify"
	if again := decode[admin.Notices](t, d.do("POST", replay, "").Body).Notices; len(again) != 1 || again[0].Endpoint != "shop" {
		t.Errorf("%+v", again)
	}
	wantProblem(t, d.do("POST", replay+"?endpoint=till", ""), noEndpoint)
	if n := d.store.notices; n[1].Version != 1 {
		t.Errorf("%+v", n)
	}
}

func TestOperatorsDropAnEndpoint(t *testing.T) {
	d := newDesk(t)
	tr := d.notified("k1")
	const waiting = 600 // more than are deleted together
	for range waiting {
		d.store.notices = append(d.store.notices, verdict.Notice{Endpoint: "till", Transaction: "another", Due: time.Now()})
	}
	wantProblem(t, d.do("POST", "/v1/endpoints/till/drop", ""), endpointInUse)
	if n := len(d.store.notices); n != waiting+2 || len(d.store.endpoints) != 2 {
		t.Errorf("%d notices are left, endpoints %+v", n, d.store.endpoints)
	}
	d.admin.Configured = []string{"shop"}
	answer := d.do("POST", "/v1/endpoints/till/drop", "")
	if got := decode[admin.Dropped](t, answer.Body); answer.Code != http.StatusOK || got.Notices != waiting+1 {
		t.Errorf("%d %+v", answer.Code, got)
	}
	if n := d.store.notices; len(n) != 1 || n[0].Endpoint != "shop" || len(d.store.endpoints) != 1 {
		t.Errorf("notices %+v, endpoints %+v of %s", n, d.store.endpoints, tr.ID)
	}
	if log := d.logs.String(); !strings.Contains(log, `msg="endpoint dropped" endpoint=till notices=601 source=operator`) {
		t.Error(log)
	}
	wantProblem(t, d.do("POST", "/v1/endpoints/till/drop", ""), noEndpoint)
}

// overtaken is a store in which every notice has changed since it was read.
type overtaken struct{ *memory }

func (s overtaken) ReplaceNotice(context.Context, verdict.Notice) error { return verdict.ErrStale }
