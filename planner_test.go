package verdict_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"verdict"
	"verdict/persistence/memory"
)

// office is a store with planners whose checks don't cost less than a second, and the flow that they see.
type office struct {
	store  verdict.Store
	asking verdict.Asking
	traits verdict.Traits
	now    time.Time
}

func newOffice() *office {
	return &office{
		store: memory.New(), asking: verdict.Asking{Price: time.Second}, now: time.Now(),
		traits: asksOnly(20, time.Minute).traits,
	}
}

func (o *office) planner() *verdict.Planner {
	providers := map[string]verdict.Provider{"p": &partner{traits: o.traits}}
	return verdict.NewPlanner(o.store, providers, verdict.DefaultSchedule(), o.asking)
}

// price is what a planner thinks that a check costs, when it has looked.
func (o *office) price(t *testing.T, p *verdict.Planner) time.Duration {
	t.Helper()
	o.look(t, p)
	return p.Policy("p").Outlook.Price
}

func (o *office) look(t *testing.T, p *verdict.Planner) {
	t.Helper()
	if err := p.Look(t.Context(), o.now); err != nil {
		t.Fatal(err)
	}
}

// see has a planner see so many transactions that were answered without a verdict.
func (o *office) see(p *verdict.Planner, n int) {
	policy := p.Policy("p")
	for range n {
		sent := verdict.Accept("id", request("k"), [32]byte{}, o.now).Send(policy, o.now)
		e := verdict.Evidence{Source: verdict.SourceReply, Outcome: verdict.OutcomePending, Asked: o.now, At: o.now}
		p.Saw(sent, sent.Weigh(e, policy), e)
	}
}

func TestInstancesLearnFromEachOtherAndARestartKeepsIt(t *testing.T) {
	o := newOffice()
	one, two := o.planner(), o.planner()
	if a, b := o.price(t, one), o.price(t, two); a != time.Second || b != time.Second {
		t.Fatalf("at first a check costs %s and %s", a, b)
	}
	o.see(one, 10)
	o.now = o.now.Add(time.Minute)
	half := o.price(t, one)
	o.see(two, 10)
	o.now = o.now.Add(time.Minute)
	o.look(t, one)
	both := o.price(t, two)
	restarted := o.price(t, o.planner())
	if half <= time.Second || both <= half || restarted != both {
		t.Errorf("a check costs %s when one has seen ten, %s when both have, %s after a restart", half, both, restarted)
	}
	if opened := partnerOf(t, o.store).Learned.Answered.Opened; math.Abs(opened-10*math.Exp(-0.5)-10) > 0.01 {
		t.Errorf("the store knows of %.2f transactions", opened)
	}
}

func TestAnOutlookIsUsedForTenSecondsUnlessARefusalTeachesALimit(t *testing.T) {
	o := newOffice()
	p := o.planner()
	o.look(t, p)
	first := p.Policy("p").Outlook
	o.now = o.now.Add(9 * time.Second)
	o.see(p, 10)
	o.look(t, p)
	if p.Policy("p").Outlook != first {
		t.Error("there is another outlook after 9 s")
	}
	o.now = o.now.Add(time.Second)
	o.look(t, p)
	second := p.Policy("p").Outlook
	if second == first {
		t.Error("there is no other outlook after 10 s")
	}
	o.refuse(t, p.Policy("p"))
	o.look(t, p)
	third := p.Policy("p").Outlook
	if third.Price <= second.Price {
		t.Errorf("a check costs %s after %s when a refusal has taught a limit", third.Price, second.Price)
	}
	if got := p.Pace("p"); got.Refusals != 1 || got.Found.Limit != 1 {
		t.Errorf("the pace is known as %+v", got)
	}
	o.look(t, p)
	if p.Policy("p").Outlook != third {
		t.Error("the same limit makes another outlook")
	}
}

// refuse puts a refused check on record.
func (o *office) refuse(t *testing.T, p verdict.Policy) {
	t.Helper()
	tx, _, err := o.store.Create(t.Context(), verdict.Accept("refused", request("refused"), [32]byte{}, o.now))
	if err == nil {
		tx, err = o.store.Replace(t.Context(), tx.Send(p, o.now), nil)
	}
	if err == nil {
		e := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeUnknown, Asked: o.now, At: o.now, Wait: time.Minute}
		_, err = o.store.Replace(t.Context(), tx.Weigh(e, p), &e)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhoDecidesWhenToAskIsNotOverruled(t *testing.T) {
	o := newOffice()
	o.asking = verdict.Asking{}
	p := o.planner()
	if o.look(t, p); p.Policy("p").Outlook != nil {
		t.Error("a planner without a price plans")
	}
	o.asking = verdict.Asking{Price: time.Second, Pinned: map[string][]time.Duration{"p": {time.Minute}}}
	p = o.planner()
	pinned := p.Policy("p").Outlook
	if o.look(t, p); pinned == nil || p.Policy("p").Outlook != pinned {
		t.Error("a planner overrules the times it was given")
	}
}

// forgetful is a store that learns nothing.
type forgetful struct{ verdict.Store }

func (forgetful) Learn(context.Context, string, verdict.Learned) error {
	return errors.New("the disk is full")
}

func TestAPlannerGoesOnWhenWhatItSawCannotBeStored(t *testing.T) {
	o := newOffice()
	kept := o.store
	o.store = forgetful{kept}
	p := o.planner()
	o.look(t, p)
	o.see(p, 10)
	o.now = o.now.Add(time.Minute)
	if err := p.Look(t.Context(), o.now); err == nil {
		t.Error("no word of it")
	}
	if o.look(t, p); partnerOf(t, kept).Learned.Answered.Opened != 0 {
		t.Error("it was stored")
	}
}
