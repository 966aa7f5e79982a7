package verdict_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"verdict"
)

// shelf is an archive in memory.
type shelf struct {
	mu       sync.Mutex
	over     map[string]int // how often each transaction came
	pieces   map[string]int // of its evidence, the last time
	webhooks []verdict.Webhook
	fails    bool
	kept     func(over []verdict.Past) // called after each batch
}

func (a *shelf) Keep(_ time.Time, over []verdict.Past, webhooks []verdict.Webhook) error {
	time.Sleep(time.Millisecond) // as a disk does: others have a turn
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fails {
		return errors.New("the archive is full")
	}
	for _, p := range over {
		a.over[p.Transaction.ID]++
		a.pieces[p.Transaction.ID] = len(p.Evidence)
	}
	a.webhooks = append(a.webhooks, webhooks...)
	if a.kept != nil {
		a.kept(over)
	}
	return nil
}

func (a *shelf) holds() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.over))
}

func (a *shelf) times(id string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over[id]
}

func (a *shelf) heard(id string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pieces[id]
}

func (a *shelf) set(fails bool, kept func([]verdict.Past)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fails, a.kept = fails, kept
}

func (a *shelf) strays() []verdict.Webhook {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.webhooks)
}

const keptFor = 2 * time.Hour

// archives runs n instances of a retention to one shelf until the test ends.
func (s *system) archives(t *testing.T, n int) (*shelf, *verdict.Retention) {
	t.Helper()
	return s.archivesAfter(t, n, nil)
}

// archivesAfter has each pass begin with enlist.
func (s *system) archivesAfter(t *testing.T, n int, enlist func(context.Context) error) (*shelf, *verdict.Retention) {
	t.Helper()
	a := &shelf{over: map[string]int{}, pieces: map[string]int{}}
	var r *verdict.Retention
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range n {
		instance := &verdict.Retention{Store: s.store.(verdict.Forgetter), Archive: a, For: keptFor, Enlist: enlist, Log: slog.New(slog.DiscardHandler)}
		running.Go(func() { _ = instance.Run(ctx) })
		r = instance
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return a, r
}

// decides is a partner that answers with verdicts.
func decides() *partner {
	p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	return p
}

// forgetKeys frees the keys of what is settled, which the sweeper does after a day.
func (s *system) forgetKeys(t *testing.T) {
	t.Helper()
	if _, err := s.store.ReleaseKeys(t.Context(), time.Now().Add(time.Second), 1000); err != nil {
		t.Fatal(err)
	}
}

func (s *system) mustBeGone(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := s.store.Transaction(t.Context(), id); !errors.Is(err, verdict.ErrNotFound) {
			t.Errorf("%s is on record: %v", id, err)
		}
	}
}

func TestWhatIsOverIsArchivedAndForgotten(t *testing.T) {
	run(t, decides(), func(t *testing.T, s *system) {
		a, _ := s.archives(t, 3)
		const n = 100
		var ids []string
		for i := range n {
			ids = append(ids, s.accept(t, fmt.Sprint("k", i)).ID)
		}
		pass(keptFor - time.Minute)
		s.forgetKeys(t)
		young := s.accept(t, "young")
		if held := a.holds(); len(held) != 0 {
			t.Fatalf("too early: %q", held)
		}
		pass(3 * time.Minute)
		slices.Sort(ids)
		if held := a.holds(); !slices.Equal(held, ids) {
			t.Errorf("archived %d", len(held))
		}
		for _, id := range ids {
			if a.times(id) != 1 || a.heard(id) != 1 {
				t.Errorf("%s was archived %d times, with %d pieces of evidence", id, a.times(id), a.heard(id))
			}
		}
		s.mustBeGone(t, ids...)
		if s.get(t, young.ID).Status != verdict.Succeeded {
			t.Error("the young one")
		}
	})
}

func TestWhatIsPendingOrForReviewOrContradictsItselfStays(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second, WebhookSettles: true}}
	run(t, p, func(t *testing.T, s *system) {
		a, r := s.archives(t, 1)
		review, conflict, over := s.accept(t, "review"), s.accept(t, "conflict"), s.accept(t, "over")
		pass(time.Minute)
		for id, said := range map[string][]verdict.Outcome{
			conflict.ID: {verdict.OutcomeSucceeded, verdict.OutcomeFailed}, over.ID: {verdict.OutcomeFailed},
		} {
			for _, o := range said {
				if err := s.webhook(t, id, o); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.forgetKeys(t)
		pass(2 * keptFor)
		if held := a.holds(); !slices.Equal(held, []string{over.ID}) || r.Archived.Load() != 1 || r.Forgotten.Load() != 1 || r.Failures.Load() != 0 {
			t.Errorf("archived %q; %d archived, %d forgotten, %d failures", held, r.Archived.Load(), r.Forgotten.Load(), r.Failures.Load())
		}
		if s.get(t, review.ID).Stage != verdict.StageReview || s.get(t, conflict.ID).Status != verdict.Succeeded {
			t.Error("what stays has changed")
		}
		if len(s.history(t, conflict.ID)) < 2 {
			t.Error("the contradiction is gone")
		}
	})
}

func TestWhatABackendIsYetToBeToldStays(t *testing.T) {
	run(t, decides(), func(t *testing.T, s *system) {
		const endpoint = "shop"
		if err := s.store.AddEndpoint(t.Context(), endpoint); err != nil {
			t.Fatal(err)
		}
		a, r := s.archivesAfter(t, 1, func(ctx context.Context) error {
			_, err := s.store.Enlist(ctx, endpoint, "", 100)
			return err
		})
		tx := s.accept(t, "k")
		pass(time.Minute)
		s.forgetKeys(t)
		pass(2 * keptFor)
		notices, err := s.store.NoticesOf(t.Context(), tx.ID)
		if err != nil || len(notices) != 1 || len(a.holds()) != 0 {
			t.Fatalf("notices %+v, error %v, archived %q", notices, err, a.holds())
		}
		told := notices[0].After(verdict.Receipt{At: time.Now(), Taken: true})
		if err := s.store.ReplaceNotice(t.Context(), told); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		s.mustBeGone(t, tx.ID)
		if r.Failures.Load() != 0 || a.times(tx.ID) != 1 {
			t.Errorf("%d failures, archived %d times", r.Failures.Load(), a.times(tx.ID))
		}
	})
}

func TestNothingIsForgottenThatIsNotArchived(t *testing.T) {
	run(t, decides(), func(t *testing.T, s *system) {
		a, r := s.archives(t, 1)
		a.set(true, nil)
		tx := s.accept(t, "k")
		pass(time.Minute)
		s.forgetKeys(t)
		pass(keptFor + 10*time.Minute)
		if s.get(t, tx.ID).Status != verdict.Succeeded || r.Failures.Load() < 5 {
			t.Fatalf("%d failures", r.Failures.Load())
		}
		heard := false
		a.set(false, func([]verdict.Past) { // in the middle of it a webhook comes, whose evidence isn't in the archive yet
			if !heard {
				heard = true
				if err := s.webhook(t, tx.ID, verdict.OutcomeSucceeded); err != nil {
					t.Error(err)
				}
			}
		})
		pass(time.Minute)
		if s.get(t, tx.ID).Status != verdict.Succeeded || a.times(tx.ID) != 1 {
			t.Errorf("it was archived %d times", a.times(tx.ID))
		}
		pass(time.Minute)
		s.mustBeGone(t, tx.ID)
		if a.times(tx.ID) != 2 || a.heard(tx.ID) != 2 {
			t.Errorf("it was archived %d times, last with %d pieces of evidence", a.times(tx.ID), a.heard(tx.ID))
		}
	})
}

func TestAWebhookOfWhatIsForgottenDoesNotWaitForEver(t *testing.T) {
	p := decides()
	p.traits.WebhookSettles = true
	run(t, p, func(t *testing.T, s *system) {
		a, _ := s.archives(t, 1)
		tx := s.accept(t, "k")
		pass(time.Minute)
		s.forgetKeys(t)
		pass(keptFor + 2*time.Minute)
		s.mustBeGone(t, tx.ID)
		if err := s.webhook(t, tx.ID, verdict.OutcomeFailed); err != nil {
			t.Fatal(err)
		}
		parked := func() int {
			b, err := s.store.Backlog(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return b.Parked
		}
		pass(keptFor - time.Minute)
		if parked() != 1 || len(a.strays()) != 0 {
			t.Errorf("%d wait, %d are archived", parked(), len(a.strays()))
		}
		pass(3 * time.Minute)
		if parked() != 0 || len(a.strays()) != 1 || a.strays()[0].Transaction != tx.ID {
			t.Errorf("%d wait, archived %+v", parked(), a.strays())
		}
	})
}
