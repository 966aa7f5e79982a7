package verdict_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"verdict"
)

// crowd puts transactions on record that are due to be sent, from when on.
func (o *office) crowd(t *testing.T, from, n int, since time.Time) {
	t.Helper()
	for i := range n {
		r := request(fmt.Sprint("crowd ", from+i))
		if _, _, err := o.store.Create(t.Context(), verdict.Accept(r.Key, r, [32]byte{}, since)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPlannerKnowsHowFarSubmitsAreBehind(t *testing.T) {
	o := newOffice()
	p := o.planner()
	behind := func(want time.Duration) {
		t.Helper()
		o.look(t, p)
		if got := p.Behind("p"); got != want {
			t.Errorf("behind %s, want %s", got, want)
		}
	}
	behind(0)
	o.crowd(t, 0, 200, o.now.Add(-time.Hour)) // as an instance leaves behind that has died
	behind(0)
	o.crowd(t, 200, 200, o.now)
	behind(0)
	o.now = o.now.Add(7 * time.Second)
	behind(7 * time.Second)
	sent := verdict.Accept("told to stay away", request("away"), [32]byte{}, o.now)
	stored, _, err := o.store.Create(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	e := verdict.Evidence{Source: verdict.SourceReply, Outcome: verdict.OutcomeNotSent, Asked: o.now, At: o.now, Wait: time.Minute}
	if err := o.store.Record(t.Context(), stored.ID, e); err != nil {
		t.Fatal(err)
	}
	behind(0)
	o.now = o.now.Add(2 * time.Minute)
	behind(2*time.Minute + 7*time.Second)
}

func TestWhatWouldOnlyWaitIsRefusedBeforeItIsAcceptedAndRepeatsAreNot(t *testing.T) {
	o := newOffice()
	p := o.planner()
	o.look(t, p)
	ids := 0
	in := &verdict.Intake{
		Store: o.store, Relay: verdict.NewRelay(nil, slog.New(slog.DiscardHandler)), Providers: map[string]verdict.Provider{"p": &partner{}},
		Planner: p, ShedAfter: 5 * time.Second, Mode: verdict.ClientKeys, Log: slog.New(slog.DiscardHandler),
		NewID: func() string { ids++; return fmt.Sprint("id ", ids) },
	}
	accept := func(key string) (replayed bool, err error) {
		_, replayed, err = in.Accept(t.Context(), request(key))
		return replayed, err
	}
	if replayed, err := accept("first"); replayed || err != nil {
		t.Fatalf("replayed %t, %v", replayed, err)
	}
	o.crowd(t, 0, 300, o.now)
	o.now = o.now.Add(6 * time.Second)
	o.look(t, p)
	if _, err := accept("second"); !errors.Is(err, verdict.ErrOverloaded) {
		t.Errorf("got %v, want it refused", err)
	}
	if replayed, err := accept("first"); !replayed || err != nil {
		t.Errorf("the repeat: replayed %t, %v", replayed, err)
	}
	in.ShedAfter = 0
	if replayed, err := accept("second"); replayed || err != nil {
		t.Errorf("where nothing is shed: replayed %t, %v", replayed, err)
	}
}
