package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"verdict"
)

var knowing = []promise{
	{"of a provider that was never asked nothing is known", nothingKnown},
	{"what several sides learn adds up", learningAddsUp},
	{"what is learned of a provider is its own, and leaves its pace", learnedApart},
	{"the providers with a next step wait, each once and in order", whoWaits},
}

// lesson is something learned: so many transactions that were opened, and one that had its verdict in a cell of time.
func lesson(opened, upTo int, at time.Time) verdict.Learned {
	seen := verdict.Learned{Answered: verdict.Course{Opened: float64(opened)}, At: at}
	if err := json.Unmarshal(fmt.Appendf(nil, "[[-1,%d,1]]", upTo), &seen.Answered.Settle); err != nil {
		panic(err) // the text above is at fault
	}
	return seen
}

func learn(t *testing.T, s verdict.Store, provider string, seen verdict.Learned) {
	t.Helper()
	if err := s.Learn(t.Context(), provider, seen); err != nil {
		t.Errorf("learn: %v", err)
	}
}

// knows checks what is known of a provider, to the last sighting and nanosecond.
func knows(t *testing.T, s verdict.Store, provider string, want verdict.Partner) {
	t.Helper()
	got, err := s.Partner(t.Context(), provider)
	equal(t, "known of "+provider, got, err, want)
}

func nothingKnown(t *testing.T, s verdict.Store) {
	create(t, s, accepted("owner", 1, time.Now()))
	knows(t, s, "partner", verdict.Partner{})
	knows(t, s, "nobody", verdict.Partner{})
}

func learningAddsUp(t *testing.T, s verdict.Store) {
	now := abroad(time.Now()) // with a monotonic clock
	first, second := lesson(3, 40, now), lesson(4, 41, now.Add(time.Minute))
	first.Unanswered, second.Unanswered.Webhook = first.Answered, second.Answered.Settle
	learn(t, s, "partner", first)
	learn(t, s, "partner", second)
	first.At, second.At = plain(first.At), plain(second.At)
	knows(t, s, "partner", verdict.Partner{Learned: first.Add(second)})

	const sides, each = 8, 5
	together(sides, func(int) {
		for range each {
			learn(t, s, "another", lesson(1, 40, now))
		}
	})
	known, err := s.Partner(t.Context(), "another")
	equal(t, "transactions opened", known.Learned.Answered.Opened, err, sides*each)
}

func learnedApart(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	state := sent(t, s, "partner", 1, now)
	learn(t, s, "partner", lesson(1, 40, now))
	pace := ask(t, s, state, state.Due)
	learn(t, s, "partner", lesson(2, 50, now))
	knows(t, s, "partner", verdict.Partner{Pace: pace, Learned: lesson(1, 40, now).Add(lesson(2, 50, now))})
	knows(t, s, "another", verdict.Partner{})
}

func whoWaits(t *testing.T, s verdict.Store) {
	wait := func(want ...string) {
		t.Helper()
		got, err := s.Waiting(t.Context())
		equal(t, "waiting", append([]string(nil), got...), err, want)
	}
	wait()
	for n, provider := range []string{"c", "a", "b\x00", "c", "b", ""} {
		given := accepted("owner", n, time.Now().Add(time.Duration(n)*time.Hour))
		given.Provider = provider
		create(t, s, given)
	}
	given := accepted("owner", 6, time.Now())
	given.Provider = "done"
	settle(t, s, given)
	wait("", "a", "b", "b\x00", "c")
}
