package verdict

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Settler carries out commands and weighs evidence until each transaction has its verdict.
type Settler struct {
	Store     Store
	Relay     *Relay
	Providers map[string]Provider
	Planner   *Planner // of the same providers
	Tokens    Tokens
	Verifiers map[string]*Verifier // of the partners that sign their webhooks
	PublicURL string               // where partners reach us, without a slash at the end
	Log       *slog.Logger

	// Heard is told of each piece of evidence once it is on record, and what it has made of its transaction: if that was
	// settled already, nothing. It is called by many at once and must not block; nil: nobody is told.
	Heard func(before, next Transaction, e Evidence)

	submits underWay
}

// ErrBadToken: the token of a webhook's URL wasn't made by us.
var ErrBadToken = errors.New("no such webhook")

// An answer that the store doesn't take is tried again after pauses that double from keepPause, for keepFor.
const (
	keepPause = 100 * time.Millisecond
	keepFor   = 30 * time.Second
)

// Handle carries out a command. Carrying it out again, or late, does no harm. After an error, which is the store's, it
// should be handed out again.
func (s *Settler) Handle(ctx context.Context, c Command) error {
	c.Trace = "" // it says nothing of the step
	t, ok, err := s.standing(ctx, c)
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.Kind, c.Transaction, err)
	}
	if !ok {
		return nil // overtaken
	}
	p, ok := s.Providers[t.Provider]
	if !ok {
		return fmt.Errorf("%s %s: provider %q is not configured any more; add it again", c.Kind, t.ID, t.Provider)
	}
	carryOut := s.check
	if c.Kind == Submit {
		carryOut = s.submit
		s.submits.add(t.Provider, 1)
		defer s.submits.add(t.Provider, -1)
	}
	if err := carryOut(ctx, p, t); err != nil {
		return fmt.Errorf("%s %s: %w", c.Kind, c.Transaction, err)
	}
	return nil
}

// standing returns the transaction whose next step a command is, unless that has been overtaken. It may be as this
// instance put it on record a moment ago, and be overtaken all the same: whoever takes the step has the store compare
// versions first.
func (s *Settler) standing(ctx context.Context, c Command) (t Transaction, ok bool, err error) {
	if t, ok = s.Relay.Recall(c); ok {
		return t, true, nil
	}
	t, err = s.Store.Transaction(ctx, c.Transaction)
	if errors.Is(err, ErrNotFound) {
		return Transaction{}, false, nil
	}
	current, ok := t.Command()
	return t, ok && current == c, err
}

// submit writes the marker, sends, and weighs the reply.
func (s *Settler) submit(ctx context.Context, p Provider, t Transaction) error {
	now := time.Now()
	if until := s.Planner.Pace(t.Provider).Submits; until.After(now) { // refused, and told to stay away
		return s.postpone(ctx, t, until)
	}
	policy := s.Planner.Policy(t.Provider)
	t, err := s.Store.Replace(ctx, t.Send(policy, now), nil)
	if errors.Is(err, ErrStale) {
		return nil // somebody else's turn
	}
	if err != nil {
		return fmt.Errorf("write the marker: %w", err)
	}
	s.Log.Info("sending", "transaction", t.ID, "provider", t.Provider)
	call, cancel := context.WithTimeout(ctx, policy.SubmitTimeout)
	defer cancel()
	answer, err := p.Submit(call, Submission{
		Reference:  t.Reference,
		Payload:    t.Payload,
		WebhookURL: s.PublicURL + "/webhooks/" + t.Provider + "/" + s.Tokens.Token(t.Provider, t.ID),
		Deadline:   now.Add(MarkerTTL),
	})
	return s.keep(ctx, t, evidence(SourceReply, t.SentAt, answer, err))
}

// postpone puts a step off.
func (s *Settler) postpone(ctx context.Context, t Transaction, until time.Time) error {
	_, err := s.Store.Replace(ctx, t.Postpone(until), nil)
	if errors.Is(err, ErrStale) {
		return nil // somebody else's turn
	}
	return err
}

// check claims the check and its turn, asks the partner when that has come, and weighs its answer. Without a turn it
// leaves the command to be claimed again.
func (s *Settler) check(ctx context.Context, p Provider, t Transaction) error {
	now := time.Now()
	t, turn, err := s.Store.Ask(ctx, t.Ask(now), s.Planner.Policy(t.Provider).Budget, now)
	var paced *PacedError
	if errors.Is(err, ErrStale) || errors.As(err, &paced) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim it: %w", err)
	}
	if err := until(ctx, turn.At); err != nil {
		return err
	}
	if stands, err := s.stands(ctx, t, turn); err != nil || !stands {
		return err
	}
	now = time.Now()
	call, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	answer, err := p.Check(call, Question{Reference: t.Reference, Deadline: turn.By})
	return s.keep(ctx, t, evidence(SourceCheck, now, answer, err))
}

// stands reports whether a check whose turn has come is still to be made: its turn isn't over, nothing that came while it
// waited has put another step in place of its claim, and the partner hasn't refused another check. If not, whoever finds
// the claim left behind takes it up.
func (s *Settler) stands(ctx context.Context, t Transaction, turn Turn) (bool, error) {
	current, err := s.Store.Transaction(ctx, t.ID)
	if err != nil {
		return false, fmt.Errorf("look again: %w", err)
	}
	partner, err := s.Store.Partner(ctx, t.Provider)
	if err != nil {
		return false, fmt.Errorf("look again: %w", err)
	}
	now := time.Now()
	return current.Due.Equal(t.Due) && now.Before(turn.By) && !partner.Pace.Closed.After(now), nil
}

// until waits for a time, or for the end of ctx.
func until(ctx context.Context, at time.Time) error {
	wait := time.Until(at)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep settles by what the partner answered, and tries again for a while if the store fails: a partner may tell its
// verdict only once, and its next answer is a check away. t is the transaction as it was when the partner was called.
func (s *Settler) keep(ctx context.Context, t Transaction, e Evidence) error {
	giveUp := time.Now().Add(keepFor)
	for wait := keepPause; ; wait *= 2 {
		err := s.settle(ctx, t, e)
		if err == nil || errors.Is(err, ErrNotFound) || time.Now().Add(wait).After(giveUp) {
			return err
		}
		s.Log.Warn("an answer is not on record; trying again", "transaction", t.ID, "source", string(e.Source), "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// Webhook takes what a partner posted to the URL of a token. When it returns nil the body is on disk. It returns
// ErrBadToken for a token that isn't ours, and ErrBadSignature if the partner signs and this isn't its signature.
func (s *Settler) Webhook(ctx context.Context, provider, token string, header http.Header, body []byte) error {
	id, ok := s.Tokens.Open(provider, token)
	if !ok {
		return ErrBadToken
	}
	if v, signs := s.Verifiers[provider]; signs {
		if err := v.Verify(header, body, time.Now()); err != nil {
			return err
		}
	}
	w := Webhook{Provider: provider, Transaction: id, Body: body, At: time.Now()}
	err := s.takeWebhook(ctx, w)
	if errors.Is(err, ErrNotFound) {
		s.Log.Warn("webhook for a transaction not yet known", "transaction", id, "provider", provider)
		return s.Store.Park(ctx, w)
	}
	return err
}

// takeWebhook weighs a webhook's body. One that can't be read is kept as evidence of nothing.
func (s *Settler) takeWebhook(ctx context.Context, w Webhook) error {
	p, ok := s.Providers[w.Provider]
	if !ok {
		return fmt.Errorf("webhook of %s: provider %q is not configured any more; add it again", w.Transaction, w.Provider)
	}
	answer, err := p.ReadWebhook(w.Body)
	e := evidence(SourceWebhook, time.Time{}, answer, err)
	e.At, e.Raw = w.At, w.Body
	return s.Settle(ctx, w.Transaction, e)
}

// Watch notes that an app is listening for the verdict of a transaction, so that it is asked about sooner. It returns
// false if it should be told again later, because it is too early to tell whether there will be anything to ask.
func (s *Settler) Watch(ctx context.Context, id string) (done bool, err error) {
	t, err := s.Store.Transaction(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("watch %s: %w", id, err)
	}
	if _, ok := s.Providers[t.Provider]; !ok {
		return true, nil
	}
	next := t.Watch(s.Planner.Policy(t.Provider), time.Now())
	if next.Version == t.Version {
		return t.Watched || t.Settled(), nil
	}
	next, err = s.Store.Replace(ctx, next, nil)
	if errors.Is(err, ErrStale) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("watch %s: %w", id, err)
	}
	s.Relay.Nudge(next)
	return true, nil
}

// AskNow has the partner asked at once what became of a transaction, instead of when it would be due. It returns the
// transaction, unchanged if there is nothing to ask.
func (s *Settler) AskNow(ctx context.Context, id string) (Transaction, error) {
	t, err := s.Store.Transaction(ctx, id)
	if err != nil {
		return Transaction{}, fmt.Errorf("ask about %s: %w", id, err)
	}
	next := t.AskNow(time.Now())
	if next.Version == t.Version {
		return t, nil
	}
	next, err = s.Store.Replace(ctx, next, nil)
	if err != nil {
		return Transaction{}, fmt.Errorf("ask about %s: %w", id, err)
	}
	s.Log.Info("asking", "transaction", id, "source", string(SourceOperator))
	s.Relay.Nudge(next)
	return next, nil
}

// Resolve settles a transaction that is for review on the word of a person, whose reason is kept as evidence. It
// returns ErrNotInReview, changing nothing, for any other.
func (s *Settler) Resolve(ctx context.Context, id string, to Outcome, reason string) (Transaction, error) {
	e := Evidence{Source: SourceOperator, Outcome: to, Reason: reason, At: time.Now()}
	if !e.decides() {
		return Transaction{}, &InvalidError{"status", "give succeeded or failed"}
	}
	if reason == "" {
		return Transaction{}, &InvalidError{"reason", "say how you know"}
	}
	t, err := s.Store.Transaction(ctx, id)
	if err == nil && t.Stage != StageReview {
		err = ErrNotInReview
	}
	if err == nil {
		t, err = s.weigh(ctx, t, e)
	}
	if err != nil {
		return Transaction{}, fmt.Errorf("resolve %s: %w", id, err)
	}
	return t, nil
}
