package verdict

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawSchedule(t *rapid.T) Schedule {
	s := Schedule{SendFor: time.Minute, MaxSends: 1}
	r := drawChance(t, "schedule")
	longest := []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}
	for range 1 + r.IntN(5) {
		s.Checks = append(s.Checks, 1+uniform(r, 0, longest[r.IntN(len(longest))]))
	}
	return s
}

// drawPolicy is a policy of any outlook: none, one that somebody has decided on, or what follows from any sightings.
func drawPolicy(t *rapid.T) Policy {
	p := Policy{Schedule: drawSchedule(t)}
	p.SubmitTimeout = rapid.SampledFrom([]time.Duration{time.Second, 35 * time.Second, 2 * time.Minute}).Draw(t, "submit timeout")
	switch rapid.IntRange(0, 2).Draw(t, "outlook") {
	case 1:
		var times []time.Duration
		r := drawChance(t, "pinned")
		for range r.IntN(6) {
			times = append(times, lognormal(r, time.Minute, 2))
		}
		p.Outlook = Pinned(times)
	case 2:
		l := Learned{Unanswered: Course{Settle: drawLaw(t), Webhook: drawLaw(t)}, Answered: Course{Settle: drawLaw(t), Webhook: drawLaw(t)}}
		price := lognormal(drawChance(t, "price"), DefaultPrice, 3)
		p.Outlook = NewOutlook(p.Traits, p.Schedule.floor(), l, Budget{}, price, start)
	}
	return p
}

// TestTheNextCheckIsAheadAndNoLaterThanTheFloors, whatever is expected, and however late checks are made and answered;
// after the last of the floor comes review, and nobody is asked again and again within a cell.
func TestTheNextCheckIsAheadAndNoLaterThanTheFloors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		floor := p.Schedule.floor()
		tx := sent(p)
		tx.ID = rapid.StringMatching("[a-z]").Draw(t, "id")
		tx.Watched = rapid.Bool().Draw(t, "watched")
		if rapid.Bool().Draw(t, "replied") {
			tx.Stage, tx.Answered = StageWaiting, rapid.Bool().Draw(t, "answered")
		}
		r := drawChance(t, "lateness")
		late := rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Minute}).Draw(t, "as late as")
		checked, now := time.Duration(0), uniform(r, 0, late)
		for n := 0; ; n++ {
			at, ok := p.next(tx, checked, now)
			if left := slices.IndexFunc(floor, func(f time.Duration) bool { return f > now }); !ok {
				if left >= 0 {
					t.Fatalf("left for review after %s, with a check at %s to come", now, floor[left])
				}
				return
			} else if left < 0 || at < now || at > floor[left] || at <= checked {
				t.Fatalf("checked at %s, now %s: the next check at %s", checked, now, at)
			}
			if n > cells+5 {
				t.Fatalf("%d checks until %s", n, now)
			}
			checked = at + uniform(r, 0, late)
			now = checked + uniform(r, 0, late)
		}
	})
}

func TestWhileTheReplyMayStillComeTheFloorAloneAsks(t *testing.T) {
	p := Policy{Traits: Traits{SubmitTimeout: 35 * time.Second}, Schedule: DefaultSchedule()}
	p.Outlook = Pinned([]time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second})
	for _, test := range []struct {
		name    string
		stage   Stage
		timeout time.Duration
		want    time.Duration
	}{
		{"sending", StageSending, 35 * time.Second, 40 * time.Second},
		{"sending for longer than the floor", StageSending, 2 * time.Minute, time.Minute},
		{"waiting", StageWaiting, 35 * time.Second, 10 * time.Second},
	} {
		tx := sent(p)
		tx.Stage, p.SubmitTimeout = test.stage, test.timeout
		at, ok := p.next(tx, 0, 5*time.Second)
		if cell := test.want / 20; !ok || at < test.want || at > test.want+cell {
			t.Errorf("%s: the next check after %s, want %s", test.name, at, test.want)
		}
	}
}

func TestAScheduleThatCannotBeFollowedIsRefusedWithTheMend(t *testing.T) {
	for _, test := range []struct {
		change func(*Schedule)
		mend   string // empty: there is nothing to mend
	}{
		{func(*Schedule) {}, ""},
		{func(s *Schedule) { s.Checks = nil }, "give one to five"},
		{func(s *Schedule) { s.Checks = append(s.Checks, time.Hour) }, "give one to five"},
		{func(s *Schedule) { s.Checks[1] = 0 }, "pause 2 is 0s; give a time above zero"},
		{func(s *Schedule) { s.SendFor = 0 }, "send_for: give a time above zero"},
		{func(s *Schedule) { s.MaxSends = 0 }, "max_sends: give a number above zero"},
	} {
		s := DefaultSchedule()
		test.change(&s)
		err := s.Validate()
		if (err == nil) != (test.mend == "") || err != nil && !strings.Contains(err.Error(), test.mend) {
			t.Errorf("%+v: %v, want %q", s, err, test.mend)
		}
	}
}
