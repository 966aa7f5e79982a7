package verdict

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// settleTries bounds how often evidence is weighed anew because the transaction changed meanwhile.
const settleTries = 10

// Settle weighs a piece of evidence and puts it on record, with the change it makes. It returns ErrNotFound if there is
// no such transaction.
func (s *Settler) Settle(ctx context.Context, id string, e Evidence) error {
	t, err := s.Store.Transaction(ctx, id)
	if err != nil {
		return fmt.Errorf("settle %s: %w", id, err)
	}
	return s.settle(ctx, t, e)
}

// settle is Settle for a transaction as it was read, or put on record, a while ago. It is read again if it has changed.
func (s *Settler) settle(ctx context.Context, t Transaction, e Evidence) error {
	id := t.ID
	for range settleTries {
		e = e.about(t)
		if t.Settled() {
			return s.recordLate(ctx, t, e)
		}
		_, err := s.weigh(ctx, t, e)
		if errors.Is(err, ErrStale) {
			if t, err = s.Store.Transaction(ctx, id); err == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("settle %s: %w", id, err)
		}
		return nil
	}
	return fmt.Errorf("settle %s: %w, %d times over", id, ErrStale, settleTries)
}

// weigh puts the state that follows from t and a piece of evidence on record, unless t has changed meanwhile.
func (s *Settler) weigh(ctx context.Context, t Transaction, e Evidence) (Transaction, error) {
	if _, ok := s.Providers[t.Provider]; !ok {
		return Transaction{}, fmt.Errorf("provider %q is not configured any more; add it again", t.Provider)
	}
	next, err := s.Store.Replace(ctx, t.Weigh(e, s.Planner.Policy(t.Provider)), &e)
	if err != nil {
		return Transaction{}, err
	}
	s.Planner.Saw(t, next, e)
	s.heard(t, next, e)
	s.logChange(t, next, e)
	s.Relay.Nudge(next)
	return next, nil
}

// recordLate keeps evidence that came after the verdict.
func (s *Settler) recordLate(ctx context.Context, t Transaction, e Evidence) error {
	e.Conflict = t.Contradicts(e)
	if err := s.Store.Record(ctx, t.ID, e); err != nil {
		return fmt.Errorf("record late evidence of %s: %w", t.ID, err)
	}
	s.heard(t, t, e)
	if e.Conflict {
		s.Log.Error("conflict", "transaction", t.ID, "status", string(t.Status), "source", string(e.Source), "outcome", string(e.Outcome))
	}
	return nil
}

// evidence is what a partner's answer, or the lack of one, says.
func evidence(from Source, asked time.Time, a Answer, err error) Evidence {
	e := Evidence{
		Source: from, Outcome: a.Outcome, Reason: a.Reason, Reference: a.Reference,
		Asked: asked, At: time.Now(), Raw: a.Raw[:min(len(a.Raw), MaxRaw)],
	}
	if err == nil {
		return e
	}
	e.Outcome, e.Reason = OutcomeUnknown, err.Error()
	var throttled *ThrottledError
	if errors.As(err, &throttled) {
		e.Wait = throttled.After
	}
	if from == SourceReply && (throttled != nil || errors.Is(err, ErrNotSent)) {
		e.Outcome = OutcomeNotSent
	}
	return e
}

// heard tells of a piece of evidence, and why nothing was learned. The reason of a verdict is the partner's, or a person's, and
// may name the user.
func (s *Settler) heard(before, next Transaction, e Evidence) {
	detail := e.Reason
	if e.decides() {
		detail = ""
	}
	s.Log.Info(string(e.Source), "transaction", next.ID, "outcome", string(e.Outcome), "detail", detail)
	if s.Heard != nil {
		s.Heard(before, next, e)
	}
}

// logChange writes one line for the verdict, or for the end of asking.
func (s *Settler) logChange(before, next Transaction, e Evidence) {
	switch {
	case next.Settled():
		s.Log.Info("verdict", "transaction", next.ID, "status", string(next.Status), "source", string(e.Source),
			"after", next.SettledAt.Sub(next.CreatedAt).Round(time.Millisecond).String())
	case next.Stage == StageReview && before.Stage != StageReview:
		s.Log.Warn("review", "transaction", next.ID, "reason", next.Reason)
	}
}
