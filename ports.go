package verdict

import (
	"context"
	"time"
)

// A Store is the record. Its methods are atomic, and durable once they return nil: a power cut afterwards loses nothing.
// An error that is ErrUncertain leaves open whether the change is stored; any other error means that nothing was.
// Reads never return what a power cut could take back. A store is safe for concurrent use, also by several processes.
//
// What an accepted request leads to is never refused for lack of room: only Create and Spend shed load, the other changes
// wait for their turn as long as their context lasts.
//
// In the commit of each change the store keeps the transaction's Command in an outbox, in place of the one before it,
// and gives the change its number, EventID: greater than all before it, and never used twice.
type Store interface {
	Noticeboard

	// Create stores t at Version 1. If its scope is taken it changes nothing and returns the transaction that stands
	// there, with created false. It returns ErrOverloaded if too many wait already, at the latest when they still do a second later.
	Create(ctx context.Context, t Transaction) (stored Transaction, created bool, err error)

	// Replace stores next in place of the version before it, with the evidence that led to it if e isn't nil. It
	// returns ErrStale, changing nothing, unless the version on record is next.Version-1. If next is settled, evidence
	// on record that contradicts it becomes a conflict in the same commit, and Follows of what is returned is the EventID of
	// the verdict before it of the same audience, 0 if there is none on record.
	Replace(ctx context.Context, next Transaction, e *Evidence) (stored Transaction, err error)

	// Record adds evidence to a transaction without changing it. Here and in Replace, a webhook of the same bytes as one
	// before it is not kept again. It returns ErrNotFound if there is no such transaction.
	Record(ctx context.Context, id string, e Evidence) error

	// Transaction returns the transaction of that id, or ErrNotFound.
	Transaction(ctx context.Context, id string) (Transaction, error)

	// Find returns the transaction of that scope, or ErrNotFound.
	Find(ctx context.Context, s Scope) (Transaction, error)

	// History returns a transaction's evidence in the order in which it was stored.
	History(ctx context.Context, id string) ([]Evidence, error)

	// Ask does what Replace does without evidence, and in the same commit takes a turn in the pace of the transaction's
	// provider: see Pace.Take. If that has none so soon, Ask returns its *PacedError and changes nothing but that the
	// transaction's command can't be claimed before the error's time.
	Ask(ctx context.Context, next Transaction, b Budget, now time.Time) (stored Transaction, turn Turn, err error)

	// ClaimDue returns at most limit commands of a provider and kind that are due at now and that nobody has claimed,
	// longest due first, and claims each until now + max(Lease, time since it was due), at most MaxClaim. The command of
	// a change that was due when it was committed counts as claimed by the committer for Lease. Of concurrent callers
	// only one gets a command.
	ClaimDue(ctx context.Context, lane Lane, now time.Time, limit int) ([]Command, error)

	// Unclaim gives commands back that were claimed and not handed out: until they change they can be claimed again at once.
	// Of others it changes nothing.
	Unclaim(ctx context.Context, claimed []Command) error

	// DueSince returns since when the command of a lane is due that has rank of that lane's commands before it, longest due
	// first; a claim changes nothing of that. It is zero if there are no more than rank, and may be ahead.
	DueSince(ctx context.Context, lane Lane, rank int) (time.Time, error)

	// Waiting returns the names of the providers whose transactions have a next step, in order.
	Waiting(ctx context.Context) ([]string, error)

	// Partner returns what all instances know of a provider; the zero Partner if that is nothing. Its Pace changes with
	// Ask and with evidence: Replace and Record put Pace.After in place of it, in their commit.
	Partner(ctx context.Context, provider string) (Partner, error)

	// Learn adds to what has been learned of a provider: see Learned.Add.
	Learn(ctx context.Context, provider string, seen Learned) error

	// Settled returns at most limit settled transactions with an EventID greater than after, in the order of EventID:
	// those that the audience may see, or all if it is nil. Once it has shown one, none with a smaller EventID appears.
	Settled(ctx context.Context, audience *Audience, after int64, limit int) ([]Transaction, error)

	// Deliver notes what apps were told of verdicts and have confirmed. Of each transaction the first time noted of either
	// stays. What is said of one that isn't settled, or isn't known, is dropped.
	Deliver(ctx context.Context, deliveries []Delivery) error

	// Unconfirmed returns at most limit settled transactions of the audience that nobody has confirmed, with an EventID
	// greater than after and at most until, in the order of EventID.
	Unconfirmed(ctx context.Context, a Audience, after, until int64, limit int) ([]Transaction, error)

	// Spend uses up a name, such as a one-time ticket's, and reports whether it is the first to. From until on, by the
	// store's clock, nobody is, and the name may be forgotten: so each who spends it must give the same time. It returns
	// ErrOverloaded as Create does.
	Spend(ctx context.Context, name string, until time.Time) (first bool, err error)

	// InStage returns at most limit transactions of that stage with an EventID greater than after, in the order of
	// EventID. It is for people, and may look through all that is pending.
	InStage(ctx context.Context, stage Stage, after int64, limit int) ([]Transaction, error)

	// Walk returns at most limit transactions without their payloads, in the order of their ids, the greatest first: those with
	// ids from from on and below below. It reads no more than it returns, however many there are.
	Walk(ctx context.Context, from, below string, limit int) ([]Transaction, error)

	// Conflicts returns at most limit pieces of evidence that contradict a verdict, with a number greater than after,
	// in the order of storing. What was stored before the verdict is one of them from the verdict on, and keeps its
	// number: that may be smaller than one returned before.
	Conflicts(ctx context.Context, after int64, limit int) ([]Conflict, error)

	// Backlog counts what is not done, and what of it is due at now. It takes longer the more there is.
	Backlog(ctx context.Context, now time.Time) (Backlog, error)

	// ReleaseKeys frees the scopes of at most limit transactions, in the order of their verdicts and up to the first that
	// was settled at that time or later, and returns how many. The transactions stay, but Find doesn't find them any
	// more, and Create takes their scopes for new.
	ReleaseKeys(ctx context.Context, settledBefore time.Time, limit int) (int, error)

	// LastEventID returns the greatest EventID given so far, 0 before the first.
	LastEventID(ctx context.Context) (int64, error)

	// Park keeps a webhook whose transaction isn't known yet. The same body again for the same transaction changes
	// nothing.
	Park(ctx context.Context, w Webhook) error

	// Parked returns at most limit parked webhooks whose transaction has become known, longest parked first.
	Parked(ctx context.Context, limit int) ([]Webhook, error)

	// Unpark removes a parked webhook. It is no error if there is none.
	Unpark(ctx context.Context, w Webhook) error

	// Secret returns 32 random bytes that were made with the store and never change.
	Secret(ctx context.Context) ([]byte, error)

	// Close ends the store when the calls under way have ended.
	Close() error
}

// Backlog is what waits in a store: for its time or for a worker, for a person, and for its transaction.
type Backlog struct {
	Commands  int       // transactions with a next step
	Due       int       // those whose step is due, under way or not
	DueSince  time.Time // when the one of them that waits longest was due at first; zero if none is due
	Review    int       // transactions that are for review
	Conflicts int       // pieces of evidence against a verdict, ever
	Parked    int       // webhooks whose transaction is not known
}

// A Lane is the commands of one kind for one provider.
type Lane struct {
	Provider string
	Kind     Kind
}

// Partner is what all instances know of a provider.
type Partner struct {
	Pace    Pace
	Learned Learned
}

// MaxClaim is the longest claim that ClaimDue makes.
const MaxClaim = 5 * time.Minute

// A Provider is the adapter of one partner. It tries once, says what happened, and never retries. Its errors are logged, so
// they quote nothing of what was said by the app or the partner.
type Provider interface {
	// Submit sends a transaction to the partner. A decline is an answer, not an error. Every error is, by errors.Is
	// or errors.As, ErrNotSent, a *ThrottledError (refused: it has had no effect) or ErrUncertain.
	// Before it sends the first byte it must find ctx alive and s.Deadline ahead; else it returns ErrNotSent.
	Submit(ctx context.Context, s Submission) (Answer, error)

	// Check asks the partner what became of a transaction. After an error nothing was learned; it may be a
	// *ThrottledError. After q.Deadline not even the first byte leaves.
	Check(ctx context.Context, q Question) (Answer, error)

	// ReadWebhook reads the body of a webhook. After an error it isn't one of the partner's.
	ReadWebhook(body []byte) (Answer, error)

	// Traits tells the partner's ways. They stay the same while the process runs.
	Traits() Traits
}

// Submission is what a partner is told of a transaction.
type Submission struct {
	Reference  string    // ours; the partner knows the transaction by it
	Payload    []byte    // the app's JSON object
	WebhookURL string    // where the partner may report the outcome
	Deadline   time.Time // after which not even the first byte may leave
}

// Question is what a partner is asked about a transaction.
type Question struct {
	Reference string    // ours; the partner knows the transaction by it
	Deadline  time.Time // after which not even the first byte may leave
}

// Answer is what a partner says of a transaction.
type Answer struct {
	Outcome   Outcome
	Reason    string // in short, for the app and the support desk; empty if there is nothing to add
	Reference string // of the transaction it speaks of, if it names one
	Raw       []byte // as it came, also beside an error where there was an answer
}

// Traits say how a partner behaves. What may be sent again, and what is final, follows from them.
type Traits struct {
	Deduplicates   bool          // sending the same reference again acts once
	WebhookSettles bool          // a webhook may settle; otherwise it only pulls a check forward
	NotFoundFinal  time.Duration // "not found" so long after sending is final; 0: never
	SettlesWithin  time.Duration // most verdicts stand so long after sending, by the partner's word; 0: it says nothing
	SubmitTimeout  time.Duration // how long the answer to a submit is awaited
	Submits        int           // submits in flight at the most, for each instance
	Checks         int           // checks in flight at the most, for each instance
	Budget         Budget        // of checks
}

// A Stream carries commands to the workers and events to the hubs of all instances. It may lose, repeat and reorder.
type Stream interface {
	// Publish hands over commands and events. After an error any part of them may have been handed over.
	Publish(ctx context.Context, commands []Command, events []Event) error
}

// A Feed tells subscribers of verdicts.
type Feed interface {
	// Subscribe has deliver called with each event of the topic until cancel is called, or until the verdict where the topic
	// is one transaction. An event may be older than the subscription. When cancel has returned, deliver isn't called any more. deliver must not block, and must not call
	// Subscribe or a cancel.
	Subscribe(topic Topic, deliver func(Event)) (cancel func())
}

// Audience is one owner's view. Nobody sees another tenant's or owner's transactions.
type Audience struct {
	Tenant string
	Owner  string
}

// Topic is what a subscriber wants to hear of: one transaction, or all of an audience's if Transaction is empty.
type Topic struct {
	Audience
	Transaction string
}
