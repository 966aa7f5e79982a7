// Package notify tells the backends of apps the verdicts of their transactions, over HTTP: by Standard Webhooks 1.0, or
// in a form of the backend's own.
//
// What is to be told follows from the record, and so does when: any instance makes notices of the verdicts that have come,
// claims those that are due, sends them, and puts on record what came of it. One that dies leaves claims that end. So
// a backend is told at least once, and knows a repeat by its webhook-id and its bytes.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"verdict"
)

// Record is what notices are kept in. Its methods are those of verdict.Store.
type Record interface {
	verdict.Noticeboard
	Transaction(ctx context.Context, id string) (verdict.Transaction, error)
}

const (
	// enlistBatch is how many verdicts become notices together.
	enlistBatch = 256

	// recordTimeout bounds a change of the record.
	recordTimeout = 10 * time.Second

	// replaceTries bounds how often a notice is replaced anew because it changed meanwhile.
	replaceTries = 10
)

// Notifier tells the backends of one instance's configuration.
type Notifier struct {
	record  Record
	log     *slog.Logger
	every   time.Duration // between looks at the record
	metrics *metrics
	lines   []*line
}

// New returns a notifier of some endpoints. It looks at the record so often, and whenever it is nudged.
func New(record Record, endpoints []Endpoint, every time.Duration, log *slog.Logger) *Notifier {
	n := &Notifier{record: record, log: log, every: every, metrics: newMetrics(endpoints)}
	for _, e := range endpoints {
		n.lines = append(n.lines, &line{Notifier: n, endpoint: e, caller: newCaller(e), nudged: make(chan struct{}, 1)})
	}
	return n
}

// Start puts the endpoints on record that are new: they are told the verdicts that come from now on. It warns of those that
// aren't configured any more and have notices left.
func (n *Notifier) Start(ctx context.Context) error {
	for _, l := range n.lines {
		if err := n.record.AddEndpoint(ctx, l.endpoint.Name); err != nil {
			return err
		}
	}
	all, err := n.record.Endpoints(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		configured := slices.ContainsFunc(n.lines, func(l *line) bool { return l.endpoint.Name == e.Name })
		if !configured && e.Pending > 0 {
			n.log.Error("notices wait for an endpoint that isn't configured any more; add it again, or see verdict notify drop", "endpoint", e.Name, "notices", e.Pending)
		}
		if configured && e.Disabled() {
			n.log.Error("an endpoint is disabled; see verdict notify enable", "endpoint", e.Name, "reason", e.Reason)
		}
	}
	return nil
}

// Endpoints returns the names of the endpoints, in the order they were given.
func (n *Notifier) Endpoints() []string {
	names := make([]string, len(n.lines))
	for i, l := range n.lines {
		names[i] = l.endpoint.Name
	}
	return names
}

// Nudge says that there is a verdict. It never blocks.
func (n *Notifier) Nudge() {
	for _, l := range n.lines {
		l.nudge()
	}
}

// Enlist makes notices of all verdicts so far.
func (n *Notifier) Enlist(ctx context.Context) error {
	for _, l := range n.lines {
		if err := l.enlist(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Run tells all endpoints until ctx ends and the attempts under way have. Each has a goroutine and a bound of its own, so
// none waits for another.
func (n *Notifier) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, l := range n.lines {
		running.Go(func() { l.run(ctx) })
	}
	running.Wait()
	return nil
}

// A line is what leads to one endpoint.
type line struct {
	*Notifier
	endpoint Endpoint
	caller   caller
	nudged   chan struct{}

	mu       sync.Mutex // guards what follows
	underWay int        // attempts
	more     bool       // there were more notices than free attempts
}

func (l *line) nudge() {
	select {
	case l.nudged <- struct{}{}:
	default:
	}
}

func (l *line) run(ctx context.Context) {
	var attempts sync.WaitGroup
	defer attempts.Wait()
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		if err := l.round(ctx, &attempts); err != nil && ctx.Err() == nil {
			l.log.Error("notices", "endpoint", l.endpoint.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-l.nudged:
		}
	}
}

// round makes notices of what was settled, and begins an attempt for each that is due, as many as may be under way.
func (l *line) round(ctx context.Context, attempts *sync.WaitGroup) error {
	if err := l.enlist(ctx); err != nil {
		return err
	}
	free := l.free()
	if free == 0 {
		return nil
	}
	claimed, err := l.record.ClaimNotices(ctx, l.endpoint.Name, time.Now(), free)
	if err != nil {
		return err
	}
	l.begin(len(claimed), len(claimed) == free)
	for _, n := range claimed {
		attempts.Go(func() {
			defer l.end()
			l.tell(context.WithoutCancel(ctx), n)
		})
	}
	return nil
}

// enlist makes notices of what was settled.
func (l *line) enlist(ctx context.Context) (err error) {
	for passed := enlistBatch; passed == enlistBatch && err == nil; {
		passed, err = l.record.Enlist(ctx, l.endpoint.Name, l.endpoint.Tenant, enlistBatch)
	}
	return err
}

// free returns how many attempts may begin: none while most are under way, so that claims are made of several at once.
func (l *line) free() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if free := l.endpoint.Concurrency - l.underWay; 2*free >= l.endpoint.Concurrency {
		return free
	}
	l.more = true
	return 0
}

func (l *line) begin(n int, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay += n
	l.more = more
}

func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay--
	if l.more {
		l.nudge()
	}
}

// tell makes one attempt and puts on record what came of it.
func (l *line) tell(ctx context.Context, n verdict.Notice) {
	began := time.Now()
	r, err := l.attempt(ctx, n)
	if err != nil {
		l.log.Error("a verdict to tell can't be read", "transaction", n.Transaction, "endpoint", n.Endpoint, "error", err)
		return // its claim ends
	}
	l.metrics.count(n, r)
	next, err := l.conclude(ctx, n, r)
	if err != nil {
		l.log.Error("what came of a notice is not on record; it is sent again", "transaction", n.Transaction, "endpoint", n.Endpoint, "result", r.Result, "error", err)
		return
	}
	level := slog.LevelInfo
	if !r.Taken {
		level = slog.LevelWarn
	}
	l.log.Log(ctx, level, "notice", "transaction", n.Transaction, "endpoint", n.Endpoint, "state", string(next.State()), "result", r.Result,
		"attempt", n.Attempts+1, "took", r.At.Sub(began).Round(time.Millisecond).String())
}

// attempt tells a verdict. One that was deleted is told nobody any more.
func (l *line) attempt(ctx context.Context, n verdict.Notice) (verdict.Receipt, error) {
	t, err := l.record.Transaction(ctx, n.Transaction)
	if errors.Is(err, verdict.ErrNotFound) {
		return verdict.Receipt{At: time.Now(), Vain: true, Result: "the transaction is not on record any more"}, nil
	}
	if err != nil {
		return verdict.Receipt{}, err
	}
	return l.caller.call(ctx, t), nil
}

// conclude puts on record what came of an attempt: of the endpoint first, so that no other attempt begins that it doesn't want.
func (l *line) conclude(ctx context.Context, n verdict.Notice, r verdict.Receipt) (verdict.Notice, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if until := r.Closes(); !until.IsZero() {
		if err := l.record.CloseEndpoint(ctx, n.Endpoint, until, r.Result); err != nil {
			return n, err
		}
	}
	if r.Gone {
		l.log.Error("an endpoint wants to be told nothing any more; it is disabled until verdict notify enable", "endpoint", n.Endpoint, "result", r.Result)
	}
	for range replaceTries {
		next := n.After(r)
		err := l.record.ReplaceNotice(ctx, next)
		if !errors.Is(err, verdict.ErrStale) {
			return next, err
		}
		if n, err = l.again(ctx, n); err != nil || !r.Taken {
			return n, err // another has tried since: what it says of a failure stands
		}
	}
	return n, fmt.Errorf("%w, %d times over", verdict.ErrStale, replaceTries)
}

// again reads a notice that has changed.
func (l *line) again(ctx context.Context, n verdict.Notice) (verdict.Notice, error) {
	all, err := l.record.NoticesOf(ctx, n.Transaction)
	if err != nil {
		return n, err
	}
	for _, found := range all {
		if found.Number == n.Number {
			return found, nil
		}
	}
	return n, verdict.ErrNotFound
}
