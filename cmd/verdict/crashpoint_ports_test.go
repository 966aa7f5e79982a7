package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"verdict"
)

// The environment of an instance that a test alters tells it what to do wrong. Such an instance is the test binary,
// executed again: the real gateway, with decorators around its ports.
const (
	ablationVariable = "VERDICT_TEST_ABLATION" // a name among ablations
	crashVariable    = "VERDICT_TEST_CRASH"    // point:n, see crashAt
	stopVariable     = "VERDICT_TEST_STOP"     // n, see stopBeforeSending
	churnVariable    = "VERDICT_TEST_CHURN"    // a name among churnAblations
	clusterVariable  = "VERDICT_TEST_CLUSTER"  // a name among clusterAblations
)

// alteration returns what this process is to alter, nil if it is a test run.
func alteration() func(parts) parts {
	var all []func(parts) parts // from the inside to the outside
	if name := os.Getenv(ablationVariable); name != "" {
		all = append(all, ablations()[name].alter)
	}
	if point := os.Getenv(crashVariable); point != "" {
		all = append(all, crashAt(point))
	}
	if n := os.Getenv(stopVariable); n != "" {
		all = append(all, stopBeforeSending(n))
	}
	if name := os.Getenv(churnVariable); name != "" {
		all = append(all, churnAblations()[name].alter)
	}
	if name := os.Getenv(clusterVariable); name != "" {
		all = append(all, clusterAblations()[name].alter)
	}
	if len(all) == 0 {
		return nil
	}
	return func(p parts) parts {
		for _, alter := range all {
			p = alter(p)
		}
		return p
	}
}

// runAltered is the command serve with altered parts. It returns the exit code.
func runAltered(alter func(parts) parts) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serveAltered(ctx, os.Args[1:], alter); err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		return 1
	}
	return 0
}

func serveAltered(ctx context.Context, args []string, alter func(parts) parts) error {
	flags := pflag.NewFlagSet("altered", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	k, err := loadSettings(flags, os.Environ())
	if err != nil {
		return err
	}
	c, err := decodeConfig(k)
	if err != nil {
		return err
	}
	log, err := newLogger(c.Log, os.Stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return err
	}
	p, closeAll, err := openParts(ctx, c, log)
	if err != nil {
		return err
	}
	defer closeAll()
	g, err := newGateway(ctx, c, log, alter(p))
	if err != nil {
		return err
	}
	return g.run(ctx, listener)
}

// alteredStore is a store some of whose methods were replaced.
type alteredStore struct {
	verdict.Store
	create   func(context.Context, verdict.Transaction) (verdict.Transaction, bool, error)
	replace  func(context.Context, verdict.Transaction, *verdict.Evidence) (verdict.Transaction, error)
	record   func(context.Context, string, verdict.Evidence) error
	ask      func(context.Context, verdict.Transaction, verdict.Budget, time.Time) (verdict.Transaction, verdict.Turn, error)
	learn    func(context.Context, string, verdict.Learned) error
	claimDue func(context.Context, verdict.Lane, time.Time, int) ([]verdict.Command, error)
	settled  func(context.Context, *verdict.Audience, int64, int) ([]verdict.Transaction, error)
}

// newAlteredStore returns one that alters nothing yet.
func newAlteredStore(s verdict.Store) *alteredStore {
	return &alteredStore{Store: s, create: s.Create, replace: s.Replace, record: s.Record, ask: s.Ask, learn: s.Learn, claimDue: s.ClaimDue, settled: s.Settled}
}

func (s *alteredStore) Create(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	return s.create(ctx, t)
}

func (s *alteredStore) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	return s.replace(ctx, next, e)
}

func (s *alteredStore) Record(ctx context.Context, id string, e verdict.Evidence) error {
	return s.record(ctx, id, e)
}

func (s *alteredStore) Ask(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
	return s.ask(ctx, next, b, now)
}

func (s *alteredStore) Learn(ctx context.Context, provider string, seen verdict.Learned) error {
	return s.learn(ctx, provider, seen)
}

func (s *alteredStore) ClaimDue(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
	return s.claimDue(ctx, lane, now, limit)
}

func (s *alteredStore) Settled(ctx context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	return s.settled(ctx, a, after, limit)
}

// alteredProvider is a partner's adapter some of whose methods were replaced.
type alteredProvider struct {
	verdict.Provider
	submit func(context.Context, verdict.Submission) (verdict.Answer, error)
	check  func(context.Context, verdict.Question) (verdict.Answer, error)
	traits func() verdict.Traits
}

func newAlteredProvider(p verdict.Provider) *alteredProvider {
	return &alteredProvider{Provider: p, submit: p.Submit, check: p.Check, traits: p.Traits}
}

func (p *alteredProvider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	return p.submit(ctx, s)
}

func (p *alteredProvider) Check(ctx context.Context, q verdict.Question) (verdict.Answer, error) {
	return p.check(ctx, q)
}

func (p *alteredProvider) Traits() verdict.Traits { return p.traits() }

// alteredBus is a bus some of whose methods were replaced.
type alteredBus struct {
	bus
	publish func(context.Context, []verdict.Command, []verdict.Event) error
	deliver func(verdict.Event, func(verdict.Event)) // gets the event and what would be done with it
}

func newAlteredBus(b bus) *alteredBus {
	return &alteredBus{bus: b, publish: b.Publish, deliver: func(e verdict.Event, deliver func(verdict.Event)) { deliver(e) }}
}

func (b *alteredBus) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	return b.publish(ctx, commands, events)
}

func (b *alteredBus) Follow(ctx context.Context, deliver func(verdict.Event)) error {
	return b.bus.Follow(ctx, func(e verdict.Event) { b.deliver(e, deliver) })
}
