package overload

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"verdict/bench/load"
	"verdict/bench/stats"
)

// An app can't do anything with a refusal that doesn't say when to come again.
func TestWhatIsShed(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&load.Refused{Status: 503, RetryAfter: "1"}, true},
		{fmt.Errorf("submit: %w", &load.Refused{Status: 429, RetryAfter: "3"}), true},
		{&load.Refused{Status: 503}, false}, {&load.Refused{Status: 500, RetryAfter: "1"}, false}, {errors.New("connection reset"), false},
	} {
		if got := shed(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

// It has recovered when it accepts promptly and goes on doing so: one good answer in between is luck.
func TestRecoveryLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		took, err := recovery(t.Context(), func() error {
			switch since := time.Since(began); {
			case since < 2*time.Second:
				return errors.New("refused")
			case since > 2500*time.Millisecond && since < 4*time.Second:
				time.Sleep(time.Second)
			}
			return nil
		})
		if err != nil || took < 4*time.Second || took > 5*time.Second+100*time.Millisecond {
			t.Errorf("%s, %v", took, err)
		}
		if _, err := recovery(t.Context(), func() error { return errors.New("refused") }); err == nil {
			t.Error("what is refused for ever has recovered")
		}
	})
}

// What was accepted after the overload isn't goodput; what is refused is told apart.
func TestGoodputIsOfTheTimeOfTheOverload(t *testing.T) {
	r := &Round{Offered: 100, Peak: 50}
	var n atomic.Int64
	r.overload(t.Context(), Options{For: time.Second}, func() error {
		number := n.Add(1)
		if number > 50 {
			time.Sleep(time.Second)
		}
		switch number % 4 {
		case 2:
			return &load.Refused{Status: 503, RetryAfter: "1"}
		case 3:
			return errors.New("reset")
		}
		return nil
	})
	if r.Goodput != 25 || r.Shed != 25 || r.Broken != 25 || r.Why != "reset" || r.Accepted.Count != 50 {
		t.Errorf("%+v", r)
	}
}

func TestAReport(t *testing.T) {
	r := Report{Options: Options{Times: 2, For: time.Second, Rounds: 1}, Rounds: []*Round{{
		Peak: 1000, Offered: 2000, Goodput: 900, Shed: 75, Broken: 25, Why: "reset", Recovery: 2 * time.Second,
		Accepted: stats.Quantiles{Count: 100}, Refused: stats.Quantiles{Count: 100},
	}}, Waiting: &Waiting{Transactions: 10, RSS: 2048, Heap: 1024, Goroutines: 3}}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"of the peak 90%", "Retry-After) 38%", "not answered 12%", "WARNING: round 1: reset", "RSS 2.0K heap 1.0K"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
}
