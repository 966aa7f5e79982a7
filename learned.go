package verdict

import (
	"math"
	"time"
)

// Learned is what has been seen of a partner's ways, by all instances. The zero Learned is nothing.
type Learned struct {
	Answered   Course    // of what it answered without a verdict
	Unanswered Course    // of what it didn't answer
	At         time.Time // of the last addition
}

// Course is what became of transactions whose verdict didn't come with the reply.
type Course struct {
	Opened  float64 // how many there were lately: each counts 1/e after rateMemory
	Settle  Law     // from sending to when the verdict could be had
	Webhook Law     // from then to the webhook
}

// rateMemory is over how long the rate of transactions is averaged.
const rateMemory = 2 * time.Minute

// Add returns what is known after more was seen.
func (l Learned) Add(more Learned) Learned {
	at := later(l.At, more.At)
	return Learned{
		Answered:   l.Answered.fade(at.Sub(l.At)).with(more.Answered.fade(at.Sub(more.At))),
		Unanswered: l.Unanswered.fade(at.Sub(l.At)).with(more.Unanswered.fade(at.Sub(more.At))),
		At:         at,
	}
}

func (c Course) with(more Course) Course {
	return Course{
		Opened: c.Opened + more.Opened, Settle: c.Settle.with(more.Settle), Webhook: c.Webhook.with(more.Webhook),
	}
}

// fade returns the course some time later: only the rate is of its time.
func (c Course) fade(after time.Duration) Course {
	c.Opened *= math.Exp(-after.Seconds() / rateMemory.Seconds())
	return c
}

// rate is how many transactions a second took this course lately.
func (c Course) rate() float64 { return c.Opened / rateMemory.Seconds() }

// course is the one of transactions that were answered, or not.
func (l *Learned) course(answered bool) *Course {
	if answered {
		return &l.Answered
	}
	return &l.Unanswered
}

// sighting is what a change of a transaction tells of its partner's ways; the zero Learned if that is nothing.
func sighting(before, next Transaction, e Evidence, t Traits) (seen Learned) {
	c := seen.course(next.Answered)
	sent, checked := next.SentAt, max(before.CheckedAt.Sub(next.SentAt), 0)
	switch {
	case before.Stage == StageSending && next.Stage == StageWaiting:
		c.Opened = 1
	case next.Stage == StageReview && before.Stage == StageWaiting:
		c.Settle.saw(max(next.CheckedAt.Sub(sent), 0), forever)
	case !next.Settled() || before.Stage == StageReview:
		return Learned{}
	case e.Outcome == OutcomeNotFound:
		c.Settle.sawAt(t.NotFoundFinal)
	case e.Source == SourceCheck:
		c.Settle.saw(checked, e.Asked.Sub(sent))
	case e.Source == SourceWebhook && before.Stage == StageWaiting:
		c.Settle.saw(checked, e.At.Sub(sent))
		c.Webhook.saw(0, e.At.Sub(sent)-checked)
	default:
		return Learned{}
	}
	seen.At = e.At
	return seen
}
