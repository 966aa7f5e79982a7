package verdict

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// refusal is the evidence of a check that was refused at once.
func refusal(at time.Time, wait time.Duration) Evidence {
	return Evidence{Source: SourceCheck, Outcome: OutcomeUnknown, Asked: at, At: at, Wait: wait}
}

// refusedSubmit is the evidence of a submit that was refused at once.
func refusedSubmit(at time.Time, wait time.Duration) Evidence {
	return Evidence{Source: SourceReply, Outcome: OutcomeNotSent, Asked: at, At: at, Wait: wait}
}

// pendingCheck is the evidence of a check that was answered a second later.
func pendingCheck(asked time.Time) Evidence {
	return Evidence{Source: SourceCheck, Outcome: OutcomePending, Asked: asked, At: asked.Add(time.Second)}
}

// take has a check take its turn, which there must be.
func take(t *testing.T, p Pace, b Budget, now time.Time) (Pace, Turn) {
	t.Helper()
	next, turn, err := p.Take(b, now)
	if err != nil {
		t.Fatal(err)
	}
	return next, turn
}

// noTurnBefore checks that there is no turn at now, but one at a time.
func noTurnBefore(t *testing.T, p Pace, b Budget, now, at time.Time) {
	t.Helper()
	_, turn, err := p.Take(b, now)
	var paced *PacedError
	if !errors.As(err, &paced) || !paced.Until.Equal(at) {
		t.Errorf("turn %+v, error %v, want none before %s", turn, err, at)
	}
}

func TestNothingIsAskedBeforeARefusalsTime(t *testing.T) {
	for _, e := range []Evidence{refusal(start, time.Minute), refusedSubmit(start, time.Minute)} {
		pace := Pace{}.After(e)
		for _, now := range []time.Time{start, after(time.Second), after(58 * time.Second)} {
			noTurnBefore(t, pace, perMinute(60), now, after(time.Minute))
			if n := pace.Turns(perMinute(60), now, now.Add(time.Second)); n != 0 {
				t.Errorf("%d turns %s after the refusal", n, now.Sub(start))
			}
		}
		if _, turn := take(t, pace, perMinute(60), after(59500*time.Millisecond)); !turn.At.Equal(after(time.Minute)) {
			t.Errorf("taken ahead, the turn is at %s", turn.At)
		}
	}
}

func TestAfterARefusalOneProbeIsLetThroughUntilItIsAnswered(t *testing.T) {
	b, end := perMinute(600), after(time.Minute)
	refused := Pace{}.After(refusedSubmit(start, time.Minute)) // which teaches no other budget
	if n := refused.Turns(b, end, end.Add(time.Second)); n != 1 {
		t.Errorf("told of %d turns after the pause", n)
	}
	probing, probe := take(t, refused, b, end)
	noTurnBefore(t, probing, b, end.Add(2*time.Second), probe.By.Add(CheckTimeout))

	open := probing.After(pendingCheck(probe.At))
	for range 2 {
		open, _ = take(t, open, b, end.Add(2*time.Second))
	}
	lost := Evidence{Source: SourceCheck, Outcome: OutcomeUnknown, Asked: probe.At, At: probe.At}
	again, second := take(t, probing.After(lost), b, probe.By.Add(CheckTimeout))
	noTurnBefore(t, again, b, second.At, second.By.Add(CheckTimeout))
}

func TestAnAnswerToACheckOfBeforeTheRefusalEndsNoPause(t *testing.T) {
	pace, _ := take(t, Pace{}, perMinute(600), start)
	pace, _ = take(t, pace, perMinute(600), after(time.Second))
	pace = pace.After(refusedSubmit(after(time.Second), time.Minute)).After(pendingCheck(after(time.Second)))
	noTurnBefore(t, pace, perMinute(600), after(3*time.Second), after(61*time.Second))
}

func TestRefusalsOfCallsThatWereUnderWayTogetherAreOnePause(t *testing.T) {
	var pace Pace
	for n := range 10 {
		e := refusal(start, time.Minute)
		e.At = after(time.Duration(n) * time.Millisecond)
		pace = pace.After(e)
	}
	noTurnBefore(t, pace, perMinute(600), after(time.Second), after(time.Minute+9*time.Millisecond))
	if pace.Refusals != 10 {
		t.Errorf("%d refusals counted", pace.Refusals)
	}
	late := refusal(start, 2*time.Minute)
	late.At = after(10 * time.Second)
	noTurnBefore(t, pace.After(late), perMinute(600), after(11*time.Second), after(130*time.Second))
}

func TestARefusedProbeDoublesThePauseUpToAnHour(t *testing.T) {
	b := perMinute(60)
	pace, now := Pace{}, start
	for range 40 {
		pace, _ = take(t, pace, b, now)
		now = now.Add(time.Second + 100*time.Millisecond)
	}
	pace = pace.After(refusal(now, 3*time.Minute))
	taught := pace.Found
	for _, minutes := range []time.Duration{3, 6, 12, 24, 48, 60, 60} {
		now = now.Add(minutes * time.Minute)
		noTurnBefore(t, pace, b, now.Add(-2*time.Second), now)
		pace, _ = take(t, pace, b, now)
		pace = pace.After(refusal(now, time.Second))
	}
	if pace.Found != taught {
		t.Errorf("probes have taught %+v in place of %+v", pace.Found, taught)
	}
	longer := pace.After(refusal(now.Add(time.Hour), 2*time.Hour))
	noTurnBefore(t, longer, b, now.Add(2*time.Hour), now.Add(3*time.Hour))

	pace, probe := take(t, pace, b, now.Add(time.Hour))
	pace = pace.After(pendingCheck(probe.At))
	again := probe.At.Add(time.Minute)
	noTurnBefore(t, pace.After(refusal(again, time.Minute)), b, again, again.Add(time.Minute))
}

func TestARefusalTeachesHalfOfWhatWasMadeForADay(t *testing.T) {
	b := perMinute(60)
	pace, now := Pace{}, start.Truncate(time.Minute)
	for range 50 {
		pace, _ = take(t, pace, b, now)
		now = now.Add(1100 * time.Millisecond)
	}
	pace = pace.After(refusal(now, 10*time.Second))
	if want := perMinute(25); pace.Found != want || pace.Budget(b, now) != want {
		t.Errorf("taught %+v, kept to %+v, want %+v", pace.Found, pace.Budget(b, now), want)
	}
	if got := pace.Budget(perMinute(5), now); got != perMinute(5) {
		t.Errorf("told of less, kept to %+v", got)
	}
	noTurnBefore(t, pace, b, now.Add(10*time.Second), now.Add(time.Minute)) // which holds what was made
	pace, probe := take(t, pace, b, now.Add(time.Minute))
	pace = pace.After(pendingCheck(probe.At))
	noTurnBefore(t, pace, b, probe.At, probe.At.Add(perMinute(25).Interval()))
	if got := pace.Budget(b, now.Add(foundFor-1)); got != perMinute(25) {
		t.Errorf("within the day, kept to %+v", got)
	}
	if got := pace.Budget(b, now.Add(foundFor)); got != b {
		t.Errorf("a day later, kept to %+v", got)
	}
	twice := pace.After(refusal(probe.At.Add(time.Minute), 10*time.Second))
	if twice.Found.Interval() <= pace.Found.Interval() {
		t.Errorf("refused again, it teaches %+v after %+v", twice.Found, pace.Found)
	}
	if pace := (Pace{}).After(refusal(start, 2*time.Hour)); pace.Found != (Budget{1, time.Hour, 1}) {
		t.Errorf("with nothing made it teaches %+v", pace.Found)
	}
}

func TestOnlyARefusedSubmitHoldsSubmits(t *testing.T) {
	if pace := (Pace{}).After(refusal(start, time.Minute)); !pace.Submits.IsZero() {
		t.Errorf("a refused check holds submits until %s", pace.Submits)
	}
	pace := Pace{}.After(refusedSubmit(start, time.Minute))
	if !pace.Submits.Equal(after(time.Minute)) || pace.Found != (Budget{}) {
		t.Errorf("a refused submit holds submits until %s, and teaches %+v", pace.Submits, pace.Found)
	}
	noTurnBefore(t, pace, perMinute(60), start, after(time.Minute))
	if pace := pace.After(refusedSubmit(after(time.Second), time.Second)); !pace.Submits.Equal(after(time.Minute)) {
		t.Errorf("a shorter refusal holds submits until %s", pace.Submits)
	}
}

// TestNoTurnLiesInAPause: whatever is asked, refused, answered or lost, in any order.
func TestNoTurnLiesInAPause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBudget(t)
		var pace Pace
		var closed time.Time // by the refusals alone
		var out []Turn       // whose checks are under way
		now := start
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(drawPause(t, b))
			if len(out) == 0 || rapid.Bool().Draw(t, "ask") {
				next, turn, err := pace.Take(b, now)
				if err == nil && turn.At.Before(closed) {
					t.Fatalf("a turn at %s in a pause until %s", turn.At, closed)
				}
				if err == nil {
					pace, out = next, append(out, turn)
				}
				continue
			}
			e := pendingCheck(out[0].At)
			e.At = later(now, out[0].By)
			out = out[1:]
			e.Outcome = rapid.SampledFrom([]Outcome{OutcomePending, OutcomeNotFound, OutcomeSucceeded, OutcomeUnknown}).Draw(t, "outcome")
			if e.Outcome == OutcomeUnknown && rapid.Bool().Draw(t, "refused") {
				e.Source = rapid.SampledFrom([]Source{SourceCheck, SourceReply}).Draw(t, "of")
				e.Wait = time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "wait"))
				closed = later(closed, e.At.Add(e.Wait))
			}
			pace, now = pace.After(e), e.At
		}
	})
}
