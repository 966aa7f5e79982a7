package verdict

import "time"

// Source is where a piece of evidence came from.
type Source string

// The sources of evidence.
const (
	SourceReply    Source = "reply"    // the partner's answer to a submit
	SourceWebhook  Source = "webhook"  // the partner's call to us
	SourceCheck    Source = "check"    // the partner's answer to a status check
	SourceOperator Source = "operator" // a person who has found out by other means
)

// Sources are all there are.
func Sources() []Source { return []Source{SourceReply, SourceWebhook, SourceCheck, SourceOperator} }

// Outcome is what a piece of evidence says.
type Outcome string

// The outcomes of evidence. Only the first two decide; the others say what we still don't know.
const (
	OutcomeSucceeded Outcome = "succeeded"
	OutcomeFailed    Outcome = "failed"
	OutcomePending   Outcome = "pending"   // the partner has it and hasn't decided
	OutcomeNotFound  Outcome = "not_found" // the partner doesn't know it, or not yet
	OutcomeUnknown   Outcome = "unknown"   // no answer, or none that can be read
	OutcomeNotSent   Outcome = "not_sent"  // provably without effect at the partner
)

// Outcomes are all there are.
func Outcomes() []Outcome {
	return []Outcome{OutcomeSucceeded, OutcomeFailed, OutcomePending, OutcomeNotFound, OutcomeUnknown, OutcomeNotSent}
}

// Evidence is one thing learned of a transaction. Every piece is kept: together they are the audit trail.
type Evidence struct {
	Source    Source
	Outcome   Outcome
	Reason    string        // in short; empty if there is nothing to add
	Reference string        // of the transaction it speaks of, if it names one
	Asked     time.Time     // when our call began, for a reply the time of its marker; zero for a webhook
	At        time.Time     // when the answer came
	Wait      time.Duration // how long the partner asked us to stay away; mostly 0
	Raw       []byte        // the answer's first MaxRaw bytes
	Conflict  bool          // it contradicts the verdict
}

// Conflict is a piece of evidence that contradicts a transaction's verdict.
type Conflict struct {
	Number      int64 // of the evidence, in the order of storing
	Transaction Transaction
	Evidence    Evidence
}

// MaxRaw is how many bytes of an answer are kept as evidence.
const MaxRaw = 64 << 10

// decides reports whether the evidence settles a transaction by itself.
func (e Evidence) decides() bool { return e.Outcome == OutcomeSucceeded || e.Outcome == OutcomeFailed }

// about returns what the evidence says of t: nothing, if it names another transaction.
func (e Evidence) about(t Transaction) Evidence {
	if e.Reference != "" && e.Reference != t.Reference {
		e.Outcome, e.Reason = OutcomeUnknown, "it speaks of another transaction"
	}
	return e
}

// A Webhook is a partner's call that waits for its transaction to become known.
type Webhook struct {
	Provider    string
	Transaction string // the id its URL was made for
	Body        []byte
	At          time.Time // when it came
}
