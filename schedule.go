package verdict

import (
	"errors"
	"fmt"
	"time"
)

// Policy is what decides about a partner's transactions: its traits, how often we ask and send, and what we expect.
type Policy struct {
	Traits
	Schedule Schedule
	Outlook  *Outlook // nil: ask by the schedule alone
}

// Schedule says when to ask a partner that doesn't answer, and for how long to try one that can't be reached.
type Schedule struct {
	Checks   []time.Duration // pauses between sending and the checks that are made in any case; after the last comes review
	SendFor  time.Duration   // after that long of provably sending nothing, a transaction fails
	MaxSends int             // how often the same reference is sent to a partner that deduplicates
}

// The pause before sending again what provably wasn't sent: doubles between these.
const (
	minSendPause = time.Second
	maxSendPause = 30 * time.Second
)

// DefaultSchedule asks 1, 5, 10, 15 and 30 minutes apart.
func DefaultSchedule() Schedule {
	return Schedule{
		Checks: []time.Duration{
			time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		},
		SendFor:  5 * time.Minute,
		MaxSends: 3,
	}
}

// floor is when the checks that are made in any case come, from sending.
func (s Schedule) floor() []time.Duration {
	var at time.Duration
	times := make([]time.Duration, len(s.Checks))
	for n, pause := range s.Checks {
		at += pause
		times[n] = at
	}
	return times
}

// length is how long a schedule asks.
func (s Schedule) length() time.Duration { return s.floor()[len(s.Checks)-1] }

// inFlight is for how long after the answer to a submit is awaited no check is made for want of it.
const inFlight = time.Second

// next is when to ask about a transaction next, if it is not to be left for review: it is now so long after sending, and
// was so long when it was last asked about, 0 if it wasn't.
func (p Policy) next(t Transaction, checked, now time.Duration) (at time.Duration, ok bool) {
	for _, floor := range p.Schedule.floor() {
		if floor <= now {
			continue
		}
		if t.Stage == StageSending && p.Outlook != nil { // the reply may still come, and tells more
			now = min(max(now, p.SubmitTimeout+inFlight), floor)
		}
		return p.Outlook.plan(t).after(checked, now, floor), true
	}
	return 0, false
}

// Validate says what is wrong with a schedule, and the mend.
func (s Schedule) Validate() error {
	if n := len(s.Checks); n < 1 || n > 5 {
		return fmt.Errorf("checks: %d pauses; give one to five, such as 1m,5m,10m,15m,30m", n)
	}
	for i, pause := range s.Checks {
		if pause <= 0 {
			return fmt.Errorf("checks: pause %d is %s; give a time above zero", i+1, pause)
		}
	}
	if s.SendFor <= 0 {
		return errors.New("send_for: give a time above zero, such as 5m")
	}
	if s.MaxSends < 1 {
		return errors.New("max_sends: give a number above zero")
	}
	return nil
}
