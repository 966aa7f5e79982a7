package verdict_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/persistence/memory"
)

// partner is a scripted third party. Each nil func is an answer "pending".
type partner struct {
	traits verdict.Traits
	submit func(ctx context.Context, s verdict.Submission) (verdict.Answer, error)
	check  func(reference string) (verdict.Answer, error)

	mu      sync.Mutex
	submits []time.Time
	checks  []time.Time
	asked   []verdict.Question // with the checks
	urls    []string
}

func (p *partner) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	p.mu.Lock()
	p.submits = append(p.submits, time.Now())
	p.urls = append(p.urls, s.WebhookURL)
	p.mu.Unlock()
	if p.submit == nil {
		return verdict.Answer{Outcome: verdict.OutcomePending}, nil
	}
	return p.submit(ctx, s)
}

func (p *partner) Check(_ context.Context, q verdict.Question) (verdict.Answer, error) {
	if !time.Now().Before(q.Deadline) {
		return verdict.Answer{}, fmt.Errorf("too late to ask: %w", verdict.ErrUncertain)
	}
	p.mu.Lock()
	p.checks = append(p.checks, time.Now())
	p.asked = append(p.asked, q)
	p.mu.Unlock()
	if p.check == nil {
		return verdict.Answer{Outcome: verdict.OutcomePending}, nil
	}
	return p.check(q.Reference)
}

func (p *partner) ReadWebhook(body []byte) (verdict.Answer, error) {
	var a verdict.Answer
	err := json.Unmarshal(body, &a)
	return a, err
}

func (p *partner) Traits() verdict.Traits { return p.traits }

// system is the whole flow around a partner, with a memory store and a stream that is a function call.
type system struct {
	store   verdict.Store
	intake  *verdict.Intake
	settler *verdict.Settler
	sweeper *verdict.Sweeper
	stream  *stream
}

// stream hands commands to the settler at once, each twice: at-least-once delivery at its worst.
type stream struct {
	handle func(context.Context, verdict.Command) error
	work   sync.WaitGroup
	mu     sync.Mutex
	lose   bool // everything
	events []verdict.Event
}

func (s *stream) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lose {
		return errors.New("the stream is gone")
	}
	s.events = append(s.events, events...)
	for _, c := range commands {
		for range 2 {
			s.work.Go(func() {
				if err := s.handle(context.WithoutCancel(ctx), c); err != nil {
					panic(err)
				}
			})
		}
	}
	return nil
}

// run gives f a system that asks by the schedule alone and runs in virtual time, and ends it after f.
func run(t *testing.T, p *partner, f func(t *testing.T, s *system)) {
	runAsking(t, p, verdict.Asking{}, f)
}

// runAsking is run with a planner that may ask between the schedule's checks.
func runAsking(t *testing.T, p *partner, asking verdict.Asking, f func(t *testing.T, s *system)) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		store := memory.New()
		s := &system{store: store, stream: &stream{}}
		relay := verdict.NewRelay(s.stream, log)
		providers := map[string]verdict.Provider{"p": p}
		s.settler = &verdict.Settler{
			Store: store, Relay: relay, Providers: providers,
			Planner: verdict.NewPlanner(store, providers, verdict.DefaultSchedule(), asking),
			Tokens:  verdict.Tokens{Secret: []byte("secret")}, PublicURL: "http://us", Log: log,
		}
		s.stream.handle = s.settler.Handle
		s.sweeper = &verdict.Sweeper{Store: store, Stream: s.stream, Settler: s.settler, Every: time.Second, Retention: 24 * time.Hour, Log: log}
		var ids atomic.Int64
		s.intake = &verdict.Intake{
			Store: store, Relay: relay, Providers: providers, Log: log, Mode: verdict.EitherKeys,
			Keys: verdict.Keys{Secret: []byte("secret"), Life: time.Hour},
			NewID: func() string {
				return fmt.Sprint("id", ids.Add(1))
			},
		}
		ctx, stop := context.WithCancel(t.Context())
		var loops sync.WaitGroup
		loops.Go(func() { _ = relay.Run(ctx) })
		loops.Go(func() { _ = s.sweeper.Run(ctx) })
		f(t, s)
		stop()
		loops.Wait()
		s.stream.work.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// pass lets virtual time pass, and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func request(key string) verdict.Request {
	return verdict.Request{
		Scope:    verdict.Scope{Tenant: "t", Owner: "o", Operation: "transfer", Key: key},
		Provider: "p", Payload: []byte(`{"amount":"1"}`),
	}
}

func (s *system) accept(t *testing.T, key string) verdict.Transaction {
	t.Helper()
	tx, replayed, err := s.intake.Accept(t.Context(), request(key))
	if err != nil || replayed {
		t.Fatalf("replayed %v, %v", replayed, err)
	}
	return tx
}

func (s *system) get(t *testing.T, id string) verdict.Transaction {
	t.Helper()
	tx, err := s.store.Transaction(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func (s *system) history(t *testing.T, id string) []verdict.Evidence {
	t.Helper()
	h, err := s.store.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// webhook posts to the URL the partner was given.
func (s *system) webhook(t *testing.T, id string, o verdict.Outcome) error {
	body, err := json.Marshal(verdict.Answer{Outcome: o})
	if err != nil {
		t.Fatal(err)
	}
	return s.settler.Webhook(t.Context(), "p", s.settler.Tokens.Token("p", id), nil, body)
}

func TestALateReplyIsTheVerdict(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		time.Sleep(10 * time.Second)
		return verdict.Answer{Outcome: verdict.OutcomeFailed, Reason: "declined", Raw: []byte("no")}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		tx := s.accept(t, "k")
		pass(11 * time.Second)
		tx = s.get(t, tx.ID)
		if tx.Status != verdict.Failed || tx.Reason != "declined" || len(p.submits) != 1 || len(p.checks) != 0 {
			t.Errorf("%s (%s) after %d submits and %d checks", tx.Status, tx.Reason, len(p.submits), len(p.checks))
		}
		if h := s.history(t, tx.ID); len(h) != 1 || h[0].Source != verdict.SourceReply || string(h[0].Raw) != "no" {
			t.Errorf("history %+v", h)
		}
		if len(s.stream.events) != 1 || s.stream.events[0].ID != tx.EventID {
			t.Errorf("events %+v", s.stream.events)
		}
	})
}

func TestA504IsAskedAboutOnScheduleAndNeverSentAgain(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second, NotFoundFinal: 150 * time.Second}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		time.Sleep(30 * time.Second)
		return verdict.Answer{}, fmt.Errorf("504: %w", verdict.ErrUncertain)
	}
	begin := time.Time{}
	p.check = func(string) (verdict.Answer, error) {
		if time.Since(begin) < 2*time.Minute {
			return verdict.Answer{Outcome: verdict.OutcomeNotFound}, nil
		}
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		begin = time.Now()
		tx := s.accept(t, "k")
		pass(10 * time.Minute)
		tx = s.get(t, tx.ID)
		if tx.Status != verdict.Succeeded || len(p.submits) != 1 || len(p.checks) != 2 {
			t.Errorf("%s after %d submits and %d checks", tx.Status, len(p.submits), len(p.checks))
		}
		for i, want := range []time.Duration{time.Minute, 6 * time.Minute} {
			if got := p.checks[i].Sub(begin); got < want || got > want+3*time.Second {
				t.Errorf("check %d after %s, want %s", i+1, got, want)
			}
		}
	})
}

func TestAWorkerThatDiedAfterTheMarkerIsSucceededByAChecker(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second}}
	p.check = func(string) (verdict.Answer, error) { return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil }
	run(t, p, func(t *testing.T, s *system) {
		dead := verdict.Accept("dead", request("k"), [32]byte{}, time.Now())
		dead, _, err := s.store.Create(t.Context(), dead)
		if err != nil {
			t.Fatal(err)
		}
		policy := verdict.Policy{Traits: p.traits, Schedule: verdict.DefaultSchedule()}
		if _, err := s.store.Replace(t.Context(), dead.Send(policy, time.Now()), nil); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		if tx := s.get(t, "dead"); tx.Status != verdict.Succeeded || len(p.submits) != 0 {
			t.Errorf("%s after %d submits", tx.Status, len(p.submits))
		}
	})
}

func TestWhatTheStreamLosesTheSweeperTakesUp(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		s.stream.mu.Lock()
		s.stream.lose = true
		s.stream.mu.Unlock()
		tx := s.accept(t, "k")
		pass(4 * time.Minute) // for longer than any claim grows meanwhile
		if tx := s.get(t, tx.ID); tx.Status != verdict.Pending {
			t.Fatalf("%s without a stream", tx.Status)
		}
		s.stream.mu.Lock()
		s.stream.lose = false
		s.stream.mu.Unlock()
		pass(7 * time.Second) // 5 s in which it was left to others, and a sweep
		if tx := s.get(t, tx.ID); tx.Status != verdict.Succeeded || len(p.submits) != 1 {
			t.Errorf("%s after %d submits", tx.Status, len(p.submits))
		}
	})
}

func TestFiftyTwinsAreOneTransaction(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second}}
	run(t, p, func(t *testing.T, s *system) {
		ids := make([]string, 50)
		replays := make([]bool, 50)
		var twins sync.WaitGroup
		for i := range ids {
			twins.Go(func() {
				tx, replayed, err := s.intake.Accept(t.Context(), request("k"))
				if err != nil {
					t.Error(err)
				}
				ids[i], replays[i] = tx.ID, replayed
			})
		}
		twins.Wait()
		first := 0
		for i := range ids {
			if ids[i] != ids[0] {
				t.Errorf("%s beside %s", ids[i], ids[0])
			}
			if !replays[i] {
				first++
			}
		}
		if first != 1 {
			t.Errorf("%d were told they came first", first)
		}
		other := request("k")
		other.Payload = []byte(`{"amount":"2"}`)
		if _, _, err := s.intake.Accept(t.Context(), other); !errors.Is(err, verdict.ErrMismatch) {
			t.Errorf("other content: %v", err)
		}
		reordered := request("k")
		reordered.Payload = []byte(` { "amount" : "1" } `)
		if _, replayed, err := s.intake.Accept(t.Context(), reordered); err != nil || !replayed {
			t.Errorf("the same in other white space: replayed %v, %v", replayed, err)
		}
		pass(time.Second)
		if len(p.submits) != 1 {
			t.Errorf("%d submits", len(p.submits))
		}
	})
}

// failing is a store that refuses changes for a while.
type failing struct {
	verdict.Store
	until time.Time
}

func (f *failing) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	if e != nil && time.Now().Before(f.until) {
		return verdict.Transaction{}, errors.New("the disk is full")
	}
	return f.Store.Replace(ctx, next, e)
}

func TestAReplyIsNotLetGoWhenTheStoreFails(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		s.settler.Store = &failing{Store: s.store, until: time.Now().Add(10 * time.Second)}
		tx := s.accept(t, "k")
		pass(20 * time.Second)
		if tx = s.get(t, tx.ID); tx.Status != verdict.Succeeded || len(p.checks) != 0 {
			t.Errorf("%s after %d checks", tx.Status, len(p.checks))
		}
	})
}

func TestALateWebhookCannotUndoADecline(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second, WebhookSettles: true}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeFailed}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		tx := s.accept(t, "k")
		pass(time.Second)
		settled := s.get(t, tx.ID)
		if err := s.webhook(t, tx.ID, verdict.OutcomeSucceeded); err != nil {
			t.Fatal(err)
		}
		if now := s.get(t, tx.ID); now.Status != verdict.Failed || now.Version != settled.Version || now.EventID != settled.EventID {
			t.Errorf("%+v became %+v", settled, now)
		}
		h := s.history(t, tx.ID)
		if len(h) != 2 || h[0].Conflict || !h[1].Conflict {
			t.Errorf("history %+v", h)
		}
	})
}

func TestAWebhookBeforeItsTransactionWaitsForIt(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second, WebhookSettles: true}}
	run(t, p, func(t *testing.T, s *system) {
		for range 2 {
			if err := s.webhook(t, "early", verdict.OutcomeSucceeded); err != nil {
				t.Fatal(err)
			}
		}
		early := verdict.Accept("early", request("k"), [32]byte{}, time.Now())
		early.Due = time.Now().Add(time.Hour)
		if _, _, err := s.store.Create(t.Context(), early); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		if tx := s.get(t, "early"); tx.Status != verdict.Succeeded {
			t.Error(tx.Status)
		}
		if left, err := s.store.Parked(t.Context(), 10); err != nil || len(left) != 0 || len(s.history(t, "early")) != 1 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

func TestAWebhookAboutAnotherTransactionProvesNothing(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second, WebhookSettles: true}}
	run(t, p, func(t *testing.T, s *system) {
		tx := s.accept(t, "k")
		body := []byte(`{"Outcome":"succeeded","Reference":"another"}`)
		if err := s.settler.Webhook(t.Context(), "p", s.settler.Tokens.Token("p", tx.ID), nil, body); err != nil {
			t.Fatal(err)
		}
		h := s.history(t, tx.ID)
		if tx := s.get(t, tx.ID); tx.Status != verdict.Pending || h[len(h)-1].Outcome != verdict.OutcomeUnknown {
			t.Errorf("%s after %+v", tx.Status, h)
		}
	})
}

func TestAPartnerThatSignsIsHeardOnlyWithItsSignature(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second, WebhookSettles: true}}
	run(t, p, func(t *testing.T, s *system) {
		v, err := verdict.NewVerifier("github", "s3cret")
		if err != nil {
			t.Fatal(err)
		}
		s.settler.Verifiers = map[string]*verdict.Verifier{"p": v}
		tx := s.accept(t, "k")
		if err := s.webhook(t, tx.ID, verdict.OutcomeSucceeded); !errors.Is(err, verdict.ErrBadSignature) {
			t.Errorf("unsigned: %v", err)
		}
		if tx := s.get(t, tx.ID); tx.Status != verdict.Pending {
			t.Errorf("%s by an unsigned webhook", tx.Status)
		}
	})
}

func TestAWebhookWithAnotherTokenIsRefused(t *testing.T) {
	run(t, &partner{}, func(t *testing.T, s *system) {
		for _, token := range []string{"", "id1", "id1.", "id1.AAAA", s.settler.Tokens.Token("other", "id1")} {
			if err := s.settler.Webhook(t.Context(), "p", token, nil, []byte("{}")); !errors.Is(err, verdict.ErrBadToken) {
				t.Errorf("%q: %v", token, err)
			}
		}
	})
}

func TestAnIssuedKeyCanBeRepeatedWhenItHasExpiredButNotBegun(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second}}
	run(t, p, func(t *testing.T, s *system) {
		us := request("").Audience()
		used, _, err := s.intake.IssueKey(us, "transfer")
		if err != nil {
			t.Fatal(err)
		}
		unused, _, err := s.intake.IssueKey(us, "transfer")
		if err != nil {
			t.Fatal(err)
		}
		first := s.accept(t, used)
		pass(2 * time.Hour)
		again, replayed, err := s.intake.Accept(t.Context(), request(used))
		if err != nil || !replayed || again.ID != first.ID {
			t.Errorf("repeat: %s, replayed %v, %v", again.ID, replayed, err)
		}
		if _, _, err := s.intake.Accept(t.Context(), request(unused)); !errors.Is(err, verdict.ErrKeyExpired) {
			t.Errorf("begun too late: %v", err)
		}
		other := request(used)
		other.Operation = "refund"
		if _, _, err := s.intake.Accept(t.Context(), other); !errors.Is(err, verdict.ErrKeyPurpose) {
			t.Errorf("for another purpose: %v", err)
		}
	})
}

func TestServersThatIssueKeysTakeNoOthers(t *testing.T) {
	run(t, &partner{}, func(t *testing.T, s *system) {
		before := s.accept(t, "before")
		s.intake.Mode = verdict.ServerKeys
		if tx, replayed, err := s.intake.Accept(t.Context(), request("before")); err != nil || !replayed || tx.ID != before.ID {
			t.Errorf("repeat of what was begun before: replayed %v, %v", replayed, err)
		}
		if _, _, err := s.intake.Accept(t.Context(), request("mine")); !errors.Is(err, verdict.ErrKeyUnknown) {
			t.Errorf("a key of the client's: %v", err)
		}
		s.intake.Mode = verdict.ClientKeys
		var invalid *verdict.InvalidError
		if _, _, err := s.intake.IssueKey(request("").Audience(), "transfer"); !errors.As(err, &invalid) {
			t.Errorf("asked for a key: %v", err)
		}
	})
}

func TestARepeatInFlightCanBeRefused(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Minute}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		time.Sleep(10 * time.Second)
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		s.intake.Exclusive = true
		s.accept(t, "k")
		if _, _, err := s.intake.Accept(t.Context(), request("k")); !errors.Is(err, verdict.ErrInFlight) {
			t.Errorf("in flight: %v", err)
		}
		pass(11 * time.Second)
		if tx, replayed, err := s.intake.Accept(t.Context(), request("k")); err != nil || !replayed || !tx.Settled() {
			t.Errorf("after the verdict: replayed %v, %v", replayed, err)
		}
	})
}

func TestAKeyIsForgottenADayAfterTheVerdict(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		first := s.accept(t, "k")
		pass(23 * time.Hour)
		if tx, replayed, err := s.intake.Accept(t.Context(), request("k")); err != nil || !replayed || tx.ID != first.ID {
			t.Errorf("within the day: replayed %v, %v", replayed, err)
		}
		pass(2 * time.Hour)
		if second := s.accept(t, "k"); second.ID == first.ID {
			t.Error("the same transaction after the retention")
		}
	})
}

func TestManyKeysAreForgottenInOneSweep(t *testing.T) {
	p := &partner{submit: func(context.Context, verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}}
	run(t, p, func(t *testing.T, s *system) {
		const many = 1000
		for n := range many {
			s.accept(t, fmt.Sprint("k", n))
		}
		pass(2 * time.Second)
		sweeper := *s.sweeper
		sweeper.Retention = time.Second
		if err := sweeper.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range many {
			s.accept(t, fmt.Sprint("k", n))
		}
	})
}

func TestAPersonResolvesWhatIsForReview(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Second}}
	run(t, p, func(t *testing.T, s *system) {
		tx := s.accept(t, "k")
		if _, err := s.settler.Resolve(t.Context(), tx.ID, verdict.OutcomeFailed, "guessed"); !errors.Is(err, verdict.ErrNotInReview) {
			t.Errorf("resolved while it is being asked about: %v", err)
		}
		pass(2 * time.Hour)
		if tx = s.get(t, tx.ID); tx.Stage != verdict.StageReview || len(p.checks) != 5 {
			t.Fatalf("%s after %d checks", tx.Stage, len(p.checks))
		}
		if _, err := s.settler.AskNow(t.Context(), tx.ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if tx = s.get(t, tx.ID); tx.Stage != verdict.StageReview || len(p.checks) != 6 {
			t.Errorf("%s after %d checks", tx.Stage, len(p.checks))
		}
		if _, err := s.settler.Resolve(t.Context(), tx.ID, verdict.OutcomeSucceeded, "on the partner's statement"); err != nil {
			t.Fatal(err)
		}
		h := s.history(t, tx.ID)
		last := h[len(h)-1]
		if tx = s.get(t, tx.ID); tx.Status != verdict.Succeeded || last.Source != verdict.SourceOperator || last.Reason == "" {
			t.Errorf("%s by %+v", tx.Status, last)
		}
	})
}

// TestTheTraceOfACommandIsNoPartOfTheStep: each who hands it on may put its own in its place.
func TestTheTraceOfACommandIsNoPartOfTheStep(t *testing.T) {
	run(t, &partner{traits: verdict.Traits{SubmitTimeout: time.Minute}}, func(t *testing.T, s *system) {
		s.stream.handle = func(ctx context.Context, c verdict.Command) error {
			c.Trace = "another"
			return s.settler.Handle(ctx, c)
		}
		tx := s.accept(t, "key")
		pass(time.Second)
		if sent := s.get(t, tx.ID); sent.Stage == verdict.StageAccepted {
			t.Errorf("a second later it is %s", sent.Stage)
		}
	})
}
