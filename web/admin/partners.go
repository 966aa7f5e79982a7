package admin

import (
	"net/http"
	"strings"
	"time"

	"verdict"
)

// PartnerList is the partners that are configured, in the order of their names.
type PartnerList struct {
	Partners []Partner `json:"partners"`
}

// Partner is how a partner's checks stand.
type Partner struct {
	Name           string          `json:"name"`
	Mode           verdict.Mode    `json:"mode"`
	Circuit        verdict.Circuit `json:"circuit"`
	CircuitUntil   time.Time       `json:"circuit_until,omitzero"` // how long it is open, or a probe may be out
	Refusals       int             `json:"refusals"`               // ever
	ChecksLastHour int             `json:"checks_last_hour"`
	PriceMS        int64           `json:"price_ms,omitempty"`       // of a check; missing unless it is planned
	LeastPriceMS   int64           `json:"least_price_ms,omitempty"` // the same while the budget isn't short
}

// Prospect is a partner with what is expected of it, and when it is asked accordingly.
type Prospect struct {
	Partner
	Budget          Budget  `json:"budget"`           // the one kept to
	Told            Budget  `json:"told"`             // the one configured
	Taught          *Lesson `json:"taught,omitempty"` // by refusals
	SettlesWithinMS int64   `json:"settles_within_ms,omitempty"`
	Unanswered      Course  `json:"unanswered"`
	Answered        Course  `json:"answered"`
}

// Budget is how many checks a partner may be asked for in a time.
type Budget struct {
	Checks   int   `json:"checks"` // 0: as many as one likes
	WindowMS int64 `json:"window_ms"`
	Burst    int   `json:"burst"`
}

// Lesson is a budget that was learned from a refusal.
type Lesson struct {
	Budget
	At time.Time `json:"at"`
}

// Course is what is expected of the transactions that the partner answered without a verdict, or didn't answer.
type Course struct {
	Sightings        float64   `json:"sightings"` // of settle times that it rests on; old ones count less
	WebhookSightings float64   `json:"webhook_sightings"`
	PerSecond        float64   `json:"per_second"` // transactions, lately
	WebhookLoss      float64   `json:"webhook_loss"`
	Late             float64   `json:"late"` // share of the verdicts that don't stand by the last check
	BeginsMS         int64     `json:"begins_ms"`
	Settle           []Portion `json:"settle"`
	Plan             Asks      `json:"plan"`
	Watched          Asks      `json:"watched"` // while an app listens
}

// Portion is the share of verdicts that come to stand in a span of time from sending.
type Portion struct {
	AfterMS int64   `json:"after_ms"`
	ByMS    int64   `json:"by_ms"`
	Share   float64 `json:"share"`
}

// Asks is when a transaction is asked about for as long as its verdict isn't known, and what that comes to.
type Asks struct {
	Checks   []PlannedCheck `json:"checks"`
	Expected Toll           `json:"expected"`     // with webhooks as they are expected
	Untold   Toll           `json:"webhook_lost"` // of those that no webhook tells of
}

// PlannedCheck is a check at a time from sending.
type PlannedCheck struct {
	AtMS  int64 `json:"at_ms"`
	Floor bool  `json:"floor"` // the schedule has it made in any case
}

// Toll is how many checks a transaction takes, and the time between the verdict's standing and its being known.
type Toll struct {
	Checks float64 `json:"checks"`
	MeanMS int64   `json:"mean_ms"`
	P50MS  int64   `json:"p50_ms"`
	P90MS  int64   `json:"p90_ms"`
}

// UnknownPartnerError says that no partner of that name is configured, and which are.
type UnknownPartnerError struct{ Known []string }

func (e *UnknownPartnerError) Error() string {
	return "Those configured here: " + strings.Join(e.Known, ", ") + "."
}

// partners takes GET /v1/partners.
func (d *Desk) partners(*http.Request, map[string]string) (any, error) {
	list := PartnerList{Partners: []Partner{}}
	for _, p := range d.Settler.Planner.Prospects(time.Now()) {
		list.Partners = append(list.Partners, newPartner(p))
	}
	return list, nil
}

// prospect takes GET /v1/partners/{name}.
func (d *Desk) prospect(r *http.Request, _ map[string]string) (any, error) {
	now := time.Now()
	p, ok := d.Settler.Planner.Prospect(r.PathValue("name"), now)
	if ok {
		return newProspect(p), nil
	}
	var known []string
	for _, other := range d.Settler.Planner.Prospects(now) {
		known = append(known, other.Provider)
	}
	return nil, &UnknownPartnerError{known}
}

func newPartner(p verdict.Prospect) Partner {
	return Partner{
		Name: p.Provider, Mode: p.Mode, Circuit: p.Circuit, CircuitUntil: plain(p.Until), Refusals: p.Refusals,
		ChecksLastHour: p.Checks, PriceMS: p.Price.Milliseconds(), LeastPriceMS: p.LeastPrice.Milliseconds(),
	}
}

func newProspect(p verdict.Prospect) Prospect {
	told := Prospect{
		Partner: newPartner(p), Budget: newBudget(p.Kept), Told: newBudget(p.Told),
		SettlesWithinMS: p.SettlesWithin.Milliseconds(), Unanswered: newCourse(p.Unanswered), Answered: newCourse(p.Answered),
	}
	if !p.FoundAt.IsZero() {
		told.Taught = &Lesson{newBudget(p.Found), plain(p.FoundAt)}
	}
	return told
}

func newBudget(b verdict.Budget) Budget { return Budget{b.Limit, b.Window.Milliseconds(), b.Burst} }

func newCourse(e verdict.Expectation) Course {
	c := Course{
		Sightings: e.Seen, WebhookSightings: e.Webhooks, PerSecond: e.Rate, WebhookLoss: e.Lost, Late: e.Late,
		BeginsMS: e.Begins.Milliseconds(), Settle: make([]Portion, len(e.Settle)), Plan: newAsks(e.Plan), Watched: newAsks(e.Watched),
	}
	for i, p := range e.Settle {
		c.Settle[i] = Portion{p.After.Milliseconds(), p.By.Milliseconds(), p.Share}
	}
	return c
}

func newAsks(a verdict.Asks) Asks {
	told := Asks{Checks: make([]PlannedCheck, len(a.Checks)), Expected: newToll(a.Expected), Untold: newToll(a.Untold)}
	for i, c := range a.Checks {
		told.Checks[i] = PlannedCheck{c.At.Milliseconds(), c.Floor}
	}
	return told
}

func newToll(t verdict.Toll) Toll {
	return Toll{t.Checks, t.Mean.Milliseconds(), t.Half.Milliseconds(), t.Most.Milliseconds()}
}
