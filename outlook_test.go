package verdict

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawLearned is what any sightings and rates tell.
func drawLearned(t *rapid.T) Learned {
	course := func(name string) Course {
		rate := lognormal(drawChance(t, name+" rate"), time.Second, 2).Seconds()
		return Course{Opened: rate * rateMemory.Seconds(), Settle: drawLaw(t), Webhook: drawLaw(t)}
	}
	return Learned{Unanswered: course("unanswered"), Answered: course("answered"), At: start}
}

func TestThePriceIsTheLeastAtWhichTheChecksFitTheBudget(t *testing.T) {
	var dear, impossible int
	rapid.Check(t, func(t *rapid.T) {
		floor := DefaultSchedule().floor()
		b := Budget{Limit: 1000, Window: lognormal(drawChance(t, "window"), 2*time.Minute, 2), Burst: 1}
		l := drawLearned(t)
		o := NewOutlook(Traits{}, floor, l, b, DefaultPrice, start)
		rate := spare / b.Interval().Seconds()
		var problems [2]inspection
		for n, f := range o.courses {
			problems[n] = inspect(f.settle, f.webhook, floor)
		}
		switch {
		case o.Price < DefaultPrice || o.Price > maxPrice+1:
			t.Fatalf("a check costs %s", o.Price)
		case o.Price > maxPrice-time.Second: // more than the floor's alone
			impossible++
		case o.demand(problems, o.Price) > rate:
			t.Fatalf("%.3f checks a second at %s, %.3f fit", o.demand(problems, o.Price), o.Price, rate)
		case o.Price > DefaultPrice:
			dear++
			if cheaper := o.Price * 99 / 100; o.demand(problems, cheaper) <= rate {
				t.Fatalf("a check costs %s, and at %s they fit as well", o.Price, cheaper)
			}
		}
		later := NewOutlook(Traits{}, floor, l, b, DefaultPrice, after(20*rateMemory))
		if later.Price != DefaultPrice {
			t.Fatalf("a check costs %s when there are no transactions any more", later.Price)
		}
	})
	if dear < 10 || impossible == 0 {
		t.Errorf("checks were dear %d times, and too many at any price %d times", dear, impossible)
	}
}

func TestWithoutALimitACheckCostsTheLeast(t *testing.T) {
	l := Learned{Answered: Course{Opened: 1e6}, At: start}
	if o := NewOutlook(Traits{}, DefaultSchedule().floor(), l, Budget{}, time.Second, start); o.Price != time.Second {
		t.Errorf("a check costs %s", o.Price)
	}
}

func TestAWatchedTransactionIsAskedAboutNoLater(t *testing.T) {
	var sooner int
	rapid.Check(t, func(t *rapid.T) {
		schedule := drawSchedule(t)
		price := lognormal(drawChance(t, "price"), DefaultPrice, 3)
		o := NewOutlook(Traits{}, schedule.floor(), drawLearned(t), Budget{}, price, start)
		p := Policy{Schedule: schedule, Outlook: o}
		tx := sent(p)
		tx.ID, tx.Stage = "b", StageWaiting // which is no scout
		r := drawChance(t, "times")
		for range 50 {
			checked := uniform(r, 0, schedule.length()) * time.Duration(r.IntN(2))
			now := checked + uniform(r, 0, time.Minute)
			tx.Answered, tx.Watched = r.IntN(2) == 0, false
			alone, _ := p.next(tx, checked, now)
			tx.Watched = true
			watched, _ := p.next(tx, checked, now)
			if watched > alone {
				t.Fatalf("checked at %s, now %s: next at %s, watched at %s", checked, now, alone, watched)
			}
			if watched < alone {
				sooner++
			}
		}
	})
	if sooner < 100 {
		t.Errorf("watched ones were asked about sooner %d times", sooner)
	}
}

// TestAFewAreAskedAboutAsIfWatched, so that what happens between the usual times is learned.
func TestAFewAreAskedAboutAsIfWatched(t *testing.T) {
	o := NewOutlook(Traits{}, DefaultSchedule().floor(), Learned{}, Budget{}, DefaultPrice, start)
	tx := sent(executesTwice)
	var scouted int
	for n := range 8000 {
		tx.ID = start.Add(time.Duration(n)).String()
		if o.plan(tx) == o.courses[0].watched {
			scouted++
		}
	}
	if scouted < 800 || scouted > 1200 {
		t.Errorf("%d of 8000, want one in eight", scouted)
	}
}

func TestBeforeAnythingIsSeenThePartnersWordIsExpected(t *testing.T) {
	share := func(p []float64, from, by time.Duration) (sum float64) {
		for k := cellOf(from); k <= cellOf(by); k++ {
			sum += p[k]
		}
		return sum
	}
	for _, test := range []struct {
		name        string
		t           Traits
		from, by    time.Duration
		least, most float64
	}{
		{"settles in two minutes", Traits{SettlesWithin: 2 * time.Minute}, 0, 2 * time.Minute, 0.8, 0.81},
		{"it says nothing", Traits{SubmitTimeout: 30 * time.Second}, 0, 90 * time.Second, 0.8, 0.81},
		{"it says days", Traits{SettlesWithin: 100 * time.Hour}, 0, cellEnd(cells - 1), 0.8, 0.81},
		{"what isn't found is final", Traits{SettlesWithin: time.Minute, NotFoundFinal: 150 * time.Second}, 150 * time.Second, 150 * time.Second, 0.2, 0.21},
		{"until it is sent again", Traits{SettlesWithin: time.Minute, NotFoundFinal: 150 * time.Second, Deduplicates: true}, 150 * time.Second, 150 * time.Second, 0, 0.01},
	} {
		p := (Law{}).density(settlePrior(test.t))
		if got := share(p, test.from, test.by); got < test.least || got > test.most {
			t.Errorf("%s: %.3f from %s to %s, want %.2f to %.2f", test.name, got, test.from, test.by, test.least, test.most)
		}
	}
	p := (Law{}).density(webhookPrior())
	if soon, never := share(p, 0, 15*time.Second), p[beyond]; math.Abs(soon-0.8) > 0.01 || math.Abs(never-0.2) > 0.01 {
		t.Errorf("webhooks: %.3f within 15 s, %.3f never", soon, never)
	}
}

// TestWhatWasNotExpectedIsLearned: webhooks that come hours later than most partners' do, through the eyes of checks.
func TestWhatWasNotExpectedIsLearned(t *testing.T) {
	var l Law
	for range 300 {
		l.saw(2*time.Hour, 150*time.Minute)
	}
	var sum float64
	p := l.density(webhookPrior())
	for k := cellOf(2 * time.Hour); k <= cellOf(150*time.Minute); k++ {
		sum += p[k]
	}
	if sum < 0.95 {
		t.Errorf("%.3f between 2h and 2h30m, where all of 300 came", sum)
	}
}
