package verdict

import (
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// near fails the test unless two numbers are the same but for rounding, or for as much as told.
func near(t *testing.T, what string, got, want, part float64) {
	t.Helper()
	if math.Abs(got-want) > max(part*math.Abs(want), 1e-6) {
		t.Errorf("%s: %g, want %g", what, got, want)
	}
}

// certain is the density of times that lie in the cells of these, each as likely as the others.
func certain(times ...time.Duration) []float64 {
	p := make([]float64, cells+1)
	for _, d := range times {
		p[cellOf(d)] += 1 / float64(len(times))
	}
	return p
}

func TestTheTollOfTwoChecks(t *testing.T) {
	checks := []PlannedCheck{{time.Minute, false}, {2 * time.Minute, true}}
	settle := certain(30*time.Second, 90*time.Second, 90*time.Second, forever)
	early, late := time.Minute-cellMiddle(cellOf(30*time.Second)), 2*time.Minute-cellMiddle(cellOf(90*time.Second))

	untold := toll(checks, settle, newSilence(certain(forever)))
	near(t, "checks", untold.Checks, 1+0.75, 0) // the second unless the first brings the verdict
	near(t, "mean", untold.Mean.Seconds(), (early+2*late).Seconds()/3, 1e-6)
	near(t, "half", untold.Half.Seconds(), max(early, late).Seconds(), 1e-4) // two in three wait so long
	near(t, "most", untold.Most.Seconds(), max(early, late).Seconds(), 1e-4)

	told := toll(checks, settle, newSilence(certain(time.Millisecond, forever))) // every other webhook comes in the first cell
	near(t, "checks with webhooks", told.Checks, 0.25/2+0.75+0.5/2+0.25, 0)
	first := firstCell.Seconds() * 3 / 4 // of silence, as half of the webhooks come in it
	near(t, "mean with webhooks", told.Mean.Seconds(), first+((early+2*late).Seconds()/3-firstCell.Seconds())/2, 1e-6)
	near(t, "half with webhooks", told.Half.Seconds(), firstCell.Seconds(), 1e-2)
	near(t, "most with webhooks", told.Most.Seconds(), max(early, late).Seconds(), 1e-4)
}

func TestDelaysAreOfTheVerdictsThatAreFound(t *testing.T) {
	settle := make([]float64, cells+1)
	settle[cellOf(30*time.Second)], settle[cellOf(90*time.Second)], settle[beyond] = 0.08, 0.42, 0.5
	got := toll([]PlannedCheck{{time.Minute, true}, {95 * time.Second, true}}, settle, newSilence(certain(forever)))
	near(t, "half", got.Half.Seconds(), (95*time.Second - cellMiddle(cellOf(90*time.Second))).Seconds(), 1e-3)
	near(t, "most", got.Most.Seconds(), (time.Minute - cellMiddle(cellOf(30*time.Second))).Seconds(), 1e-4) // of 0.5, not of all
}

func TestNoDelayIsExpectedOfVerdictsThatNeverCome(t *testing.T) {
	got := toll([]PlannedCheck{{time.Minute, true}}, certain(forever), newSilence(certain(forever)))
	if (got != Toll{Checks: 1}) {
		t.Errorf("%+v", got)
	}
}

// usual returns a transaction that isn't asked about more often than others.
func usual() Transaction {
	tx := accepted()
	for crc32.ChecksumIEEE([]byte(tx.ID))%scouts == 0 {
		tx.ID += "x"
	}
	return tx
}

// asked is when a transaction is asked about until it is for review, from sending.
func asked(p Policy, answered, watched bool) (times []time.Duration) {
	tx := usual()
	tx.Watched = watched
	tx = tx.Send(p, start)
	if answered {
		tx = tx.Weigh(Evidence{Source: SourceReply, Outcome: OutcomePending, Asked: start, At: start}, p)
	}
	for tx.Stage != StageReview {
		times = append(times, tx.Due.Sub(start))
		tx = tx.Weigh(Evidence{Source: SourceCheck, Outcome: OutcomePending, Asked: tx.Due, At: tx.Due}, p)
	}
	return times
}

func TestTheChecksToldAreThoseThatAreMade(t *testing.T) {
	short := DefaultSchedule()
	short.Checks = []time.Duration{time.Second, time.Minute, 24 * time.Hour}
	for _, law := range laws() {
		for _, schedule := range []Schedule{DefaultSchedule(), short} { // which asks before a reply is given up
			planned := NewOutlook(law.traits, schedule.floor(), Learned{}, law.traits.Budget, DefaultPrice, start)
			for _, o := range []*Outlook{nil, Pinned([]time.Duration{50 * time.Second, 3 * time.Minute}), planned} {
				p := Policy{Traits: law.traits, Schedule: schedule, Outlook: o}
				seen := newProspect(Partner{}, p, start)
				wantMade(t, seen.Unanswered.Plan, p, asked(p, false, false))
				wantMade(t, seen.Unanswered.Watched, p, asked(p, false, true))
				wantMade(t, seen.Answered.Plan, p, asked(p, true, false))
				wantMade(t, seen.Answered.Watched, p, asked(p, true, true))
			}
		}
	}
}

func wantMade(t *testing.T, told Asks, p Policy, made []time.Duration) {
	t.Helper()
	var at, floor []time.Duration
	for _, c := range told.Checks {
		at = append(at, c.At)
		if c.Floor {
			floor = append(floor, c.At)
		}
	}
	if !slices.Equal(at, made) || !slices.Equal(floor, p.Schedule.floor()) {
		t.Errorf("told %s (in any case %s), made %s", at, floor, made)
	}
}

func TestWhatIsExpectedIsWhatHappens(t *testing.T) {
	const draws, played = 100_000, 3000
	for _, law := range laws()[1:3] { // whose verdicts all come by one course, and don't drift
		settle, webhook := make([]float64, cells+1), make([]float64, cells+1)
		r := rand.New(rand.NewPCG(1, 2))
		for n := range draws {
			f := law.draw(r, n)
			settle[cellOf(f.settles)] += 1.0 / draws
			if f.webhook == forever {
				webhook[beyond] += 1.0 / draws
			} else {
				webhook[cellOf(f.webhook-f.settles)] += 1.0 / draws
			}
		}
		floor := DefaultSchedule().floor()
		plan := inspect(settle, webhook, floor).plan(DefaultPrice.Seconds())
		expected := plan.asks(0, floor, settle, webhook)
		happens := measure(law, &Outlook{courses: [2]forecast{{plan: plan, watched: plan}, {plan: plan, watched: plan}}}, 0, played)
		near(t, law.name+": mean", expected.Untold.Mean.Seconds(), happens.mean, 0.1)
		near(t, law.name+": half", expected.Untold.Half.Seconds(), happens.p50, 0.1)
		near(t, law.name+": most", expected.Untold.Most.Seconds(), happens.p90, 0.1)
		near(t, law.name+": checks", expected.Expected.Checks, happens.checks, 0.05)
	}
}

func TestTheLawIsToldBySharesOfTheVerdicts(t *testing.T) {
	var l Learned
	for n := range 40 {
		if n%4 == 0 {
			l.Answered.Settle.saw(DefaultSchedule().length(), forever)
		} else {
			l.Answered.Settle.sawAt(time.Minute)
		}
		l.Answered.Webhook.saw(time.Minute, forever)
		l.Answered.Opened++
	}
	l.At = start
	seen := newProspect(Partner{Learned: l}, executesTwice, start.Add(rateMemory))
	e := seen.Answered
	near(t, "sightings", e.Seen, 40, 0)
	near(t, "sightings of webhooks", e.Webhooks, 40, 0)
	near(t, "rate", e.Rate, 40/math.E/rateMemory.Seconds(), 1e-9)
	near(t, "lost", e.Lost, (40+priorWeight*webhookPrior()[beyond])/(40+priorWeight), 0.03)
	var sum, minute float64
	for _, p := range e.Settle {
		sum += p.Share
		if p.After < time.Minute && time.Minute <= p.By {
			minute += p.Share
		}
	}
	near(t, "share of the minute", minute, 30.0/(40+priorWeight), 0.02)
	near(t, "share after the last check", e.Late, 10.0/(40+priorWeight), 0.15)
	if sum > 1 || sum < 0.9 {
		t.Errorf("the shares add up to %g", sum)
	}
	if u := seen.Unanswered; u.Seen != 0 || u.Webhooks != 0 || u.Rate != 0 || math.Abs(u.Lost-webhookPrior()[beyond]) > 1e-9 {
		t.Errorf("nothing was seen of the other course: %+v", u)
	}
}

func TestTheCircuitIsVisible(t *testing.T) {
	told := Budget{Limit: 60, Window: time.Minute, Burst: 1}
	policy := Policy{Traits: Traits{Budget: told}, Schedule: DefaultSchedule()}
	look := func(p Pace, now time.Time, circuit Circuit, until time.Time) Prospect {
		t.Helper()
		seen := newProspect(Partner{Pace: p}, policy, now)
		if seen.Circuit != circuit || !seen.Until.Equal(until) {
			t.Errorf("%s until %s, want %s until %s", seen.Circuit, seen.Until, circuit, until)
		}
		return seen
	}
	var pace Pace
	for n := range 20 {
		pace, _, _ = pace.Take(told, start.Add(time.Duration(n)*time.Second))
	}
	if seen := look(pace, after(time.Minute), CircuitClosed, time.Time{}); seen.Checks != 20 || seen.Kept != told || seen.Told != told {
		t.Errorf("%+v", seen)
	}
	pace = pace.After(Evidence{Source: SourceCheck, Outcome: OutcomeUnknown, Asked: after(20 * time.Second), At: after(20 * time.Second), Wait: 30 * time.Second})
	seen := look(pace, after(49*time.Second), CircuitOpen, after(50*time.Second))
	if seen.Refusals != 1 || seen.Found != (Budget{10, time.Minute, 1}) || seen.Kept != seen.Found || !seen.FoundAt.Equal(after(20*time.Second)) {
		t.Errorf("%+v", seen)
	}
	look(pace, after(50*time.Second), CircuitHalfOpen, time.Time{})
	pace, turn, err := pace.Take(told, after(80*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	look(pace, turn.At, CircuitHalfOpen, turn.By.Add(CheckTimeout))
	look(pace, turn.By.Add(CheckTimeout), CircuitHalfOpen, time.Time{})
	pace = pace.After(Evidence{Source: SourceCheck, Outcome: OutcomePending, Asked: turn.At, At: turn.At})
	look(pace, turn.At, CircuitClosed, time.Time{})
	if seen := look(pace, after(25*time.Hour), CircuitClosed, time.Time{}); seen.Kept != told || seen.Checks != 0 {
		t.Errorf("a day later: %+v", seen)
	}
}

// fixed is a partner of which only the traits matter.
type fixed struct {
	Provider
	traits Traits
}

func (f fixed) Traits() Traits { return f.traits }

func TestAPlannerTellsHowItChooses(t *testing.T) {
	p := fixed{traits: Traits{SubmitTimeout: 35 * time.Second, SettlesWithin: 2 * time.Minute, Budget: Budget{Limit: 60, Window: time.Minute, Burst: 1}}}
	providers := map[string]Provider{"pinned": p, "open": p}
	asking := Asking{Price: 10 * time.Second, Pinned: map[string][]time.Duration{"pinned": {time.Minute}}}
	planner := NewPlanner(nil, providers, DefaultSchedule(), asking)
	for name := range providers {
		planner.plan(name, Partner{}, start)
	}
	all := planner.Prospects(start)
	if len(all) != 2 || all[0].Provider != "open" || all[1].Provider != "pinned" {
		t.Fatalf("%+v", all)
	}
	if got := all[0]; got.Mode != ModePlanned || got.LeastPrice != 10*time.Second || got.Price < got.LeastPrice || got.SettlesWithin != 2*time.Minute {
		t.Errorf("%+v", got)
	}
	if got := all[1]; got.Mode != ModePinned || got.LeastPrice != 0 || got.Price != 0 {
		t.Errorf("%+v", got)
	}
	if got, ok := NewPlanner(nil, providers, DefaultSchedule(), Asking{}).Prospect("open", start); !ok || got.Mode != ModeBackoff || got.Price != 0 {
		t.Errorf("%v %+v", ok, got)
	}
	if got, ok := planner.Prospect("nobody", start); ok {
		t.Errorf("%+v", got)
	}
}

func TestTheBudgetUsedIsThatOfItsWindow(t *testing.T) {
	now := time.Unix(1e9, 0).Truncate(time.Minute)
	var p Pace
	for n := range 30 {
		p.Checks = p.Checks.add(now.Add(time.Duration(n-30) * time.Minute))
	}
	near(t, "in ten minutes", p.used(Budget{Limit: 20, Window: 10 * time.Minute, Burst: 1}, now), 0.5, 0)
	near(t, "in a day, by the last hour", p.used(Budget{Limit: 24 * 60, Window: 24 * time.Hour, Burst: 1}, now), 0.5, 0)
	near(t, "without a limit", p.used(Budget{}, now), 0, 0)
}
