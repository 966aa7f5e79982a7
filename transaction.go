package verdict

import (
	"crypto/sha256"
	"time"
)

// Status is what the app sees. It goes from Pending to one of the others, once.
type Status string

// The statuses of a transaction.
const (
	Pending   Status = "pending"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// Stage is what we know of a transaction.
type Stage string

// The stages of a transaction.
const (
	StageAccepted Stage = "accepted" // on record; to be sent
	StageSending  Stage = "sending"  // the marker is on record; bytes may be out
	StageWaiting  Stage = "waiting"  // sent, the outcome unknown; a check is scheduled
	StageReview   Stage = "review"   // asked enough; a person or a late webhook will tell
	StageSettled  Stage = "settled"  // the verdict is known
)

// Scope identifies a request: one scope is one transaction, however often it is sent.
type Scope struct {
	Tenant    string
	Owner     string
	Operation string
	Key       string
}

// Audience is who may see a transaction of this scope.
func (s Scope) Audience() Audience { return Audience{Tenant: s.Tenant, Owner: s.Owner} }

// Transaction is the whole state of one request. Its methods are pure: they take evidence and the time, and return the
// next state. What is to be done next and what the app is told follow from the state alone: see Command and Event.
type Transaction struct {
	ID string
	Scope
	Provider    string
	Payload     []byte            // the app's JSON object as it came
	Fingerprint [sha256.Size]byte // of what was asked for
	Status      Status
	Stage       Stage
	Reason      string    // why it failed or is for review, in words for the app
	Reference   string    // ours; the partner knows the transaction by it
	Trace       string    // traceparent of the request that it came by (W3C Trace Context, section 3.2); empty: it isn't traced
	Version     int64     // 1, then one more with every change
	EventID     int64     // the store's number of the last change
	Follows     int64     // see Store.Replace; on no other transaction
	Sends       int       // how often bytes may have left
	Checks      int       // answers to status checks since the last send
	Answered    bool      // the partner has answered the last send, without a verdict
	Watched     bool      // an app was listening while it was pending
	Due         time.Time // when the next step is to be taken; zero if there is none
	CreatedAt   time.Time
	SentAt      time.Time // of the last marker; zero before the first
	CheckedAt   time.Time // when the last check since then was made; zero before the first
	SettledAt   time.Time // zero while pending
	ToldAt      time.Time // see Delivery; set by Store.Deliver alone, as is ConfirmedAt
	ConfirmedAt time.Time
}

// Kind is what a command asks for.
type Kind string

// The kinds of command.
const (
	Submit Kind = "submit"
	Check  Kind = "check"
)

// Command is the next step of a transaction at a version. Once the transaction has another version the command is
// overtaken, and carrying it out changes nothing.
type Command struct {
	Kind        Kind   `json:"kind"`
	Transaction string `json:"transaction"`
	Version     int64  `json:"version"`
	Provider    string `json:"provider"`
	Trace       string `json:"trace,omitempty"` // see Transaction; the relay tells it, and the outbox doesn't
}

// Accept returns the first state of a transaction: due to be sent now.
func Accept(id string, r Request, fingerprint [sha256.Size]byte, now time.Time) Transaction {
	return Transaction{
		ID: id, Scope: r.Scope, Provider: r.Provider, Payload: r.Payload, Fingerprint: fingerprint,
		Status: Pending, Stage: StageAccepted, Reference: id, Version: 1, Due: now, CreatedAt: now,
	}
}

// Settled reports whether the verdict is known. Nothing changes a settled transaction.
func (t Transaction) Settled() bool { return t.Stage == StageSettled }

// Command returns the next step, to be taken at Due. There is none once the transaction is in review or settled.
func (t Transaction) Command() (c Command, ok bool) {
	c = Command{Transaction: t.ID, Version: t.Version, Provider: t.Provider}
	switch t.Stage {
	case StageAccepted:
		c.Kind = Submit
	case StageSending, StageWaiting:
		c.Kind = Check
	default:
		return Command{}, false
	}
	return c, true
}

// Send returns the state that must be on record before the first byte leaves: the marker. It already schedules the
// first check, so that whoever finds the marker of a dead or paused sender asks, and never sends.
func (t Transaction) Send(p Policy, now time.Time) Transaction {
	t.Version++
	t.Stage, t.Reason, t.SentAt = StageSending, "", now
	t.Sends++
	t.Checks, t.CheckedAt, t.Answered = 0, time.Time{}, false
	return t.checkNext(p, time.Time{}, now)
}

// Postpone returns the state in which the next step is due later.
func (t Transaction) Postpone(until time.Time) Transaction {
	t.Version++
	t.Due = until
	return t
}

// slowReply is after what time a reply is so late that there may be none.
const slowReply = 10 * time.Second

// Watch returns the state in which an app is known to listen, and the next check may come sooner for it. It returns t as
// it is if that is known already, or if it is too early to tell whether there will be anything to ask.
//
// A check that should have been made by now but is due within a Lease may be under way: it is left alone.
func (t Transaction) Watch(p Policy, now time.Time) Transaction {
	slow := t.Stage == StageSending && now.Sub(t.SentAt) > slowReply
	if t.Watched || t.Stage != StageWaiting && !slow {
		return t
	}
	t.Version++
	t.Watched = true
	sooner := t.checkNext(p, t.CheckedAt, now)
	underWay := !sooner.Due.After(now) && !t.Due.After(now.Add(Lease))
	if sooner.Stage == t.Stage && sooner.Due.Before(t.Due) && !underWay {
		t.Due = sooner.Due
	}
	return t
}

// Ask returns the state that must be on record before a check is made: so of two who have the same command only one
// asks. Should that one die, another asks after Lease. The reply isn't waited for any more: one that comes late and decides
// nothing has no say in when to ask next.
func (t Transaction) Ask(now time.Time) Transaction {
	t.Version++
	t.Due = now.Add(Lease)
	if t.Stage == StageSending {
		t.Stage = StageWaiting
	}
	return t
}

// Weigh returns the state that follows from a piece of evidence. A settled transaction stays as it is, to the version.
func (t Transaction) Weigh(e Evidence, p Policy) Transaction {
	if t.Settled() {
		return t
	}
	t.Version++
	switch {
	case e.decides() && e.Source == SourceWebhook && !p.WebhookSettles:
		return t.checkNow(e)
	case e.decides() && e.Source == SourceOperator: // whose words are for the record, not for the app
		return t.settle(Status(e.Outcome), "found out by a person", e.At)
	case e.decides():
		return t.settle(Status(e.Outcome), e.Reason, e.At)
	case e.Outcome == OutcomeNotSent:
		return t.sendLater(e, p)
	case e.Source == SourceCheck:
		return t.weighCheck(e, p)
	case e.Source == SourceReply && e.Asked.Equal(t.SentAt):
		return t.weighReply(e, p)
	}
	return t
}

// AskNow returns the state in which a check is due at once, or t as it is if nothing was sent or all is known.
func (t Transaction) AskNow(now time.Time) Transaction {
	if t.Stage != StageWaiting && t.Stage != StageReview {
		return t
	}
	t.Version++
	t.Stage, t.Reason, t.Due = StageWaiting, "", now
	return t
}

// Contradicts reports whether the evidence speaks against the verdict of a settled transaction.
func (t Transaction) Contradicts(e Evidence) bool {
	return t.Settled() && e.decides() && Status(e.Outcome) != t.Status
}

// SettledBy returns where the verdict came from: the evidence that settled a transaction has the verdict's time. It is empty
// if none of the history has.
func (t Transaction) SettledBy(history []Evidence) Source {
	for _, e := range history {
		if t.Settled() && e.At.Equal(t.SettledAt) {
			return e.Source
		}
	}
	return ""
}

func (t Transaction) settle(s Status, reason string, now time.Time) Transaction {
	t.Status, t.Stage, t.Reason, t.SettledAt, t.Due = s, StageSettled, reason, now, time.Time{}
	return t
}

// weighReply deals with a reply, or the lack of one, that decides nothing.
func (t Transaction) weighReply(e Evidence, p Policy) Transaction {
	t.Answered = e.Outcome == OutcomePending || len(e.Raw) > 0
	if t.Stage == StageSending {
		t.Stage = StageWaiting
		t = t.checkNext(p, time.Time{}, e.At)
	}
	return t
}

// weighCheck deals with an answer to a check that decides nothing by itself.
func (t Transaction) weighCheck(e Evidence, p Policy) Transaction {
	switch {
	case t.Stage == StageAccepted: // a check overtaken by a new send
		return t
	case e.Wait > 0 && e.At.Sub(t.SentAt) < p.Schedule.length(): // refused, so it was no check
		t.Due = e.At.Add(e.Wait)
		return t
	case e.Outcome == OutcomeNotFound && p.NotFoundFinal > 0 && e.Asked.Sub(t.SentAt) >= p.NotFoundFinal:
		if !p.Deduplicates {
			return t.settle(Failed, "the partner never received it", e.At)
		}
		if t.Sends < p.Schedule.MaxSends {
			t.Stage, t.Due = StageAccepted, e.At
			return t
		}
	}
	t.Checks++
	t.Stage = StageWaiting
	if e.Outcome != OutcomeUnknown {
		t.CheckedAt = e.Asked
	}
	return t.checkNext(p, e.Asked, e.At) // one that wasn't answered is planned on like one that was
}

// checkNext schedules the next check after the one made at `checked`, zero if there was none; when there have been enough
// the transaction is for review.
func (t Transaction) checkNext(p Policy, checked, now time.Time) Transaction {
	at, ok := p.next(t, max(checked.Sub(t.SentAt), 0), now.Sub(t.SentAt))
	if !ok {
		t.Stage, t.Reason, t.Due = StageReview, "the partner gave no verdict in time", time.Time{}
		return t
	}
	t.Due = t.SentAt.Add(at)
	return t
}

// checkNow pulls the next check forward on the word of a webhook that may not settle.
func (t Transaction) checkNow(e Evidence) Transaction {
	if t.Stage == StageAccepted {
		return t
	}
	t.Stage, t.Due = StageWaiting, e.At
	return t
}

// sendLater undoes a send that provably had no effect, and schedules another or gives up. Evidence of another send than
// the last proves nothing about the last.
func (t Transaction) sendLater(e Evidence, p Policy) Transaction {
	if t.Stage == StageAccepted || !e.Asked.Equal(t.SentAt) {
		return t
	}
	t.Sends--
	waited := e.At.Sub(t.CreatedAt)
	if waited >= p.Schedule.SendFor {
		if t.Sends == 0 {
			return t.settle(Failed, "the partner could not be reached", e.At)
		}
		t.Stage, t.Reason, t.Due = StageReview, "the partner could not be reached again", time.Time{}
		return t
	}
	pause := max(e.Wait, min(max(waited, minSendPause), maxSendPause)) // as long again as it took so far
	t.Stage, t.Due = StageAccepted, e.At.Add(pause)
	return t
}
