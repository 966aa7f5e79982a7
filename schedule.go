package verdict

import (
	"errors"
	"fmt"
	"time"
)

// Policy is what decides about a partner's transactions: its traits, and how often we ask and send.
type Policy struct {
	Traits
	Schedule Schedule
}

// Schedule says when to ask a partner that doesn't answer, and for how long to try one that can't be reached.
type Schedule struct {
	Checks   []time.Duration // pauses before the first, second, ... check; after the last comes review
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

// length is how long a schedule asks if every check is made when it is due.
func (s Schedule) length() time.Duration {
	var sum time.Duration
	for _, pause := range s.Checks {
		sum += pause
	}
	return sum
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
