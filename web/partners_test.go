package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"verdict"
	"verdict/web/admin"
)

// known is a partner of which more is known than that it exists.
type known struct{ partner }

func (known) Traits() verdict.Traits {
	return verdict.Traits{
		SubmitTimeout: 35 * time.Second, SettlesWithin: 2 * time.Minute,
		Budget: verdict.Budget{Limit: 60, Window: time.Minute, Burst: 1},
	}
}

// newPlannedDesk is a desk that plans its checks. A partner has been asked often, and has just refused a check.
func newPlannedDesk(t *testing.T) *desk {
	d := newDesk(t)
	now := time.Now()
	learned := verdict.Learned{At: now, Answered: verdict.Course{Opened: 0.6}}
	for law, text := range map[*verdict.Law]string{
		&learned.Answered.Settle: "[[-1,140,20]]", &learned.Answered.Webhook: "[[-1,40,30]]", // [after, up to, how many], in cells
	} {
		if err := json.Unmarshal([]byte(text), law); err != nil {
			t.Fatal(err)
		}
	}
	var pace verdict.Pace
	for n := range 8 {
		pace, _, _ = pace.Take(known{}.Traits().Budget, now.Add(time.Duration(n-20)*time.Second))
	}
	pace = pace.After(verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeUnknown, Asked: now, At: now, Wait: 2 * time.Minute})
	d.store.partners["djamo"] = verdict.Partner{Pace: pace, Learned: learned}
	providers := map[string]verdict.Provider{"djamo": known{}, "other": partner{}}
	d.settle.Planner = verdict.NewPlanner(d.store, providers, verdict.DefaultSchedule(), verdict.Asking{Price: verdict.DefaultPrice})
	if err := d.settle.Planner.Look(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOperatorsSeeWhichPartnersRefuse(t *testing.T) {
	d := newPlannedDesk(t)
	list := decode[admin.PartnerList](t, d.do("GET", "/v1/partners", "").Body).Partners
	if len(list) != 2 || list[0].Name != "djamo" || list[1].Name != "other" {
		t.Fatalf("%+v", list)
	}
	refuses, other := list[0], list[1]
	if refuses.Circuit != verdict.CircuitOpen || refuses.Refusals != 1 || refuses.ChecksLastHour != 8 || time.Until(refuses.CircuitUntil) < time.Minute {
		t.Errorf("%+v", refuses)
	}
	if other.Circuit != verdict.CircuitClosed || other.Refusals != 0 || !other.CircuitUntil.IsZero() || other.Mode != verdict.ModePlanned || other.PriceMS != 8000 || other.LeastPriceMS != 8000 {
		t.Errorf("%+v", other)
	}
}

func TestOperatorsSeeToWhatBudgetWeKeepAndWhy(t *testing.T) {
	d := newPlannedDesk(t)
	p := decode[admin.Prospect](t, d.do("GET", "/v1/partners/djamo", "").Body)
	taught := admin.Budget{Checks: 4, WindowMS: 120_000, Burst: 1} // half of the eight that were too many
	if p.Told != (admin.Budget{Checks: 60, WindowMS: 60_000, Burst: 1}) || p.Budget != taught {
		t.Errorf("told %+v, keeping to %+v", p.Told, p.Budget)
	}
	if p.Taught == nil || p.Taught.Budget != taught || time.Since(p.Taught.At) > time.Minute {
		t.Errorf("%+v", p.Taught)
	}
	free := decode[admin.Prospect](t, d.do("GET", "/v1/partners/other", "").Body)
	if free.Taught != nil || free.Told.Checks != 0 || free.Budget != free.Told {
		t.Errorf("%+v", free)
	}
}

func TestOperatorsSeeWhatIsExpectedAndWhenAPartnerIsAsked(t *testing.T) {
	p := decode[admin.Prospect](t, newPlannedDesk(t).do("GET", "/v1/partners/djamo", "").Body)
	if p.SettlesWithinMS != 120_000 || p.Unanswered.BeginsMS != 36_000 || p.Answered.BeginsMS != 0 {
		t.Errorf("%+v", p)
	}
	if c := p.Answered; c.Sightings != 20 || c.WebhookSightings != 30 || c.PerSecond < 0.004 || c.PerSecond > 0.005 {
		t.Errorf("%+v", c)
	}
	if c := p.Unanswered; c.Sightings != 0 || c.WebhookSightings != 0 || c.PerSecond != 0 {
		t.Errorf("%+v", c)
	}
	for _, c := range []admin.Course{p.Unanswered, p.Answered} {
		var floor []int64
		for _, at := range c.Plan.Checks {
			if at.Floor {
				floor = append(floor, at.AtMS)
			}
		}
		if !slices.Equal(floor, []int64{60_000, 360_000, 960_000, 1_860_000, 3_660_000}) || len(floor) == len(c.Watched.Checks) {
			t.Errorf("in any case %v", floor)
		}
		if c.Watched.Untold.MeanMS >= c.Plan.Untold.MeanMS || c.Plan.Expected.MeanMS >= c.Plan.Untold.MeanMS {
			t.Errorf("%+v", c)
		}
		if len(c.Settle) == 0 || c.WebhookLoss <= 0 || c.Late <= 0 {
			t.Errorf("%+v", c)
		}
	}
}

func TestOperatorsAreToldWhichPartnersThereAre(t *testing.T) {
	d := newDesk(t)
	if p := wantProblem(t, d.do("GET", "/v1/partners/nobody", ""), noPartner); !strings.Contains(p.Detail, "djamo, other") {
		t.Errorf("%q", p.Detail)
	}
	if answer := d.do("GET", "/v1/partners/djamo", ""); answer.Code != http.StatusOK {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}
