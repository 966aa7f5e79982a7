package verdict

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Budget is how often a partner may be asked: at most Limit status checks in any Window, wherever the window lies, and
// at most Burst of them at once. It holds for all instances together. The zero Budget has no limit.
type Budget struct {
	Limit  int
	Window time.Duration
	Burst  int
}

// ParseBudget reads a budget written as LIMIT/WINDOW, such as 30/1m, with a burst of one.
func ParseBudget(text string) (Budget, error) {
	limit, window, ok := strings.Cut(text, "/")
	n, errLimit := strconv.Atoi(limit)
	w, errWindow := time.ParseDuration(window)
	if !ok || errLimit != nil || errWindow != nil {
		return Budget{}, fmt.Errorf("%q; give checks/time, such as 30/1m", text)
	}
	return Budget{Limit: n, Window: w, Burst: 1}, nil
}

// Validate says what is wrong with a budget, and the mend.
func (b Budget) Validate() error {
	if b.Limit < 1 || b.Window < time.Second || b.Window > maxBudgetWindow {
		return fmt.Errorf("%d in %s; give at least one check in 1s to %s, such as 30/1m", b.Limit, b.Window, maxBudgetWindow)
	}
	if b.Burst < 1 || b.Burst > b.Limit {
		return fmt.Errorf("a burst of %d; give 1 to %d, the checks of a window", b.Burst, b.Limit)
	}
	return nil
}

const (
	// maxBudgetWindow bounds the window of a budget.
	maxBudgetWindow = 24 * time.Hour

	// maxLateness bounds how long after its turn a check may leave.
	maxLateness = time.Second

	// Ahead is how long before its turn a check may take it. Its worker waits meanwhile.
	Ahead = time.Second
)

// unlimited reports whether there is no limit.
func (b Budget) unlimited() bool { return b.Limit == 0 }

// lateness is how long after its turn a check may leave. As checks are late by different times, turns keep to the limit
// in a window longer by that much: then the checks keep to it in the window itself.
// A partner is far away, and names, TCP and TLS come before the check.
func (b Budget) lateness() time.Duration { return maxLateness }

// Interval is the time between turns once a burst is spent: a burst and a turn an interval never exceed a window's limit.
func (b Budget) Interval() time.Duration {
	if b.unlimited() {
		return 0
	}
	n := time.Duration(b.Limit - b.Burst + 1)
	return (b.Window + b.lateness() + n - 1) / n
}

// ahead is how long before its time, if all were evenly spaced, a turn may come.
func (b Budget) ahead() time.Duration { return time.Duration(b.Burst-1) * b.Interval() }

// Turn is when a check may be made.
type Turn struct {
	At time.Time // not before
	By time.Time // by when it must have left
}

// Pace is where a partner's status checks stand in its budget, and whether it refuses them. The store keeps it for all
// instances, so a restart doesn't begin with a full budget. Its methods are pure. The zero Pace is that of a partner
// that was never asked.
//
// Turns are given by the generic cell rate algorithm (ITU-T I.371): Next is when the next one would be if all were
// evenly spaced, and a turn comes before that by at most a burst.
type Pace struct {
	Next     time.Time     // see above
	Checks   Recent        // turns given in the last hour
	Closed   time.Time     // no check before; zero unless the partner has refused one
	Pause    time.Duration // how long refusals have closed it, at the longest since a check was answered
	Probing  bool          // the partner has refused a call and answered no check since: one at a time is let through
	Probe    time.Time     // until when the one that was let through may be answered
	Submits  time.Time     // no submit before
	Refusals int           // ever
	Found    Budget        // what refusals have taught; the zero Budget: nothing
	FoundAt  time.Time     // when
}

// A PacedError says that a check has no turn yet.
type PacedError struct {
	Until time.Time // when there may be one
}

func (e *PacedError) Error() string {
	return "no check of the partner has its turn before " + e.Until.UTC().Format(time.RFC3339Nano)
}

const (
	// foundFor is how long we keep to a limit that a refusal taught, before we try again the one we were told.
	foundFor = 24 * time.Hour

	// maxPause bounds how long we stay away from a partner that goes on refusing, unless it asks for more.
	maxPause = time.Hour
)

// Budget is the stricter of the budget we were told and of what refusals have taught in the last day.
func (p Pace) Budget(told Budget, now time.Time) Budget {
	if p.Found.Limit > 0 && now.Sub(p.FoundAt) < foundFor && p.Found.Interval() > told.Interval() {
		return p.Found
	}
	return told
}

// Take gives a check the next turn, at most Ahead from now. It returns a *PacedError if there is none so soon.
func (p Pace) Take(told Budget, now time.Time) (Pace, Turn, error) {
	b := p.Budget(told, now)
	at := p.turn(b, now)
	if at.Sub(now) > Ahead {
		return p, Turn{}, &PacedError{Until: at}
	}
	by := at.Add(b.lateness())
	p.Next = later(p.Next, at).Add(b.Interval())
	p.Checks = p.Checks.add(at)
	if p.Probing {
		p.Probe = by.Add(CheckTimeout)
	}
	return p, Turn{At: at, By: by}, nil
}

// turn is when the next turn is.
func (p Pace) turn(b Budget, now time.Time) time.Time {
	at := later(later(now, p.Next.Add(-b.ahead())), p.Closed)
	if p.Probing {
		at = later(at, p.Probe)
	}
	return at
}

// Turns is how many checks can have their turn from now until a time: after a refusal one, until it is answered.
func (p Pace) Turns(told Budget, now, until time.Time) int {
	b := p.Budget(told, now)
	first := p.turn(b, now)
	switch {
	case first.After(until):
		return 0
	case p.Probing:
		return 1
	case b.unlimited():
		return math.MaxInt
	}
	return 1 + int(until.Sub(later(p.Next, first).Add(-b.ahead()))/b.Interval())
}

// After is the pace after a piece of evidence: a refusal closes, an answer to a check made after its pause opens again.
func (p Pace) After(e Evidence) Pace {
	switch {
	case e.Wait > 0:
		return p.refused(e)
	case e.Source == SourceCheck && p.Probing && e.Outcome != OutcomeUnknown && !p.paused(e):
		p.Probing, p.Probe, p.Closed, p.Pause = false, time.Time{}, time.Time{}, 0
	}
	return p
}

// paused reports whether the evidence is of a call that began before the pause was over, such as one that was under way
// when the partner refused another. It says nothing of the time after the pause.
func (p Pace) paused(e Evidence) bool { return e.Asked.Before(p.Closed) }

// refused is the pace after a refusal. Nothing is asked for as long as the partner says, and for twice as long as the
// last time if it refuses again after that; then one check is let through, and the others once it is answered.
func (p Pace) refused(e Evidence) Pace {
	p.Refusals++
	if e.Source == SourceReply {
		p.Submits = later(p.Submits, e.At.Add(e.Wait))
	}
	if !p.Probing && e.Source == SourceCheck {
		p.learn(e)
	}
	pause := e.Wait
	if !p.paused(e) {
		pause, p.Probe = max(pause, min(2*p.Pause, maxPause)), time.Time{}
	}
	p.Pause = max(p.Pause, pause)
	p.Closed = later(p.Closed, e.At.Add(pause))
	p.Probing = true
	return p
}

// learn has us keep to half of what was too much from now on. The window that was exceeded isn't told; it is taken to be
// as long as the time that we are to stay away, and no less than a minute. Until it has passed it holds what we asked
// before, so there is no turn.
func (p *Pace) learn(e Evidence) {
	window := min(max(e.Wait, time.Minute), maxRecent)
	found := Budget{Limit: max(1, int(p.Checks.within(window, e.At)/2)), Window: window, Burst: 1}
	p.Found, p.FoundAt = p.Budget(found, e.At), e.At
	p.Next = later(p.Next, e.At.Add(window))
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// maxRecent is how far back Recent remembers.
const maxRecent = time.Hour

// Recent counts by the minute what happened in the last hour.
type Recent struct {
	Minute int64     // of the newest count, since 1970
	Counts [60]int32 // the count of minute m is at m modulo 60
}

func (r Recent) add(at time.Time) Recent {
	minute := at.Unix() / 60
	for m := max(r.Minute, minute-60) + 1; m <= minute; m++ {
		r.Counts[m%60] = 0
	}
	r.Minute = max(r.Minute, minute)
	r.Counts[minute%60]++
	return r
}

// within is how many there were in the last while before a time, at most maxRecent. A minute of which only a part lies
// in it counts for that part.
func (r Recent) within(while time.Duration, until time.Time) float64 {
	from := float64(until.Add(-while).UnixNano()) / float64(time.Minute)
	var sum float64
	for m := max(r.Minute-59, int64(from)); m <= r.Minute; m++ {
		sum += float64(r.Counts[m%60]) * min(1, float64(m+1)-from)
	}
	return sum
}
