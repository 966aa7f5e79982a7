package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"verdict"
)

// live has n transactions go the way most do: accepted, sent, settled by the reply, told again by a webhook, shown to the app.
// Their names begin with prefix.
func live(t testing.TB, s *Store, prefix string, n int) {
	t.Helper()
	policy := verdict.Policy{Schedule: verdict.DefaultSchedule()}
	each(n, func(i int) {
		id := fmt.Sprintf("%s-0000-7000-8000-%012d", prefix, i) // as long as a UUID
		tx := create(t, s, id).Send(policy, time.Now())
		reply := verdict.Evidence{
			Source: verdict.SourceReply, Outcome: verdict.OutcomeSucceeded, Reference: id, Asked: tx.SentAt, At: time.Now(),
			Raw: fmt.Appendf(nil, `{"id":%q,"status":"completed","webhookUrl":"https://pay.example/webhooks/djamo/%s-0123456789012345678901"}`, id, id),
		}
		if _, err := s.Replace(t.Context(), tx, nil); err != nil {
			t.Error(err)
		}
		if _, err := s.Replace(t.Context(), tx.Weigh(reply, policy), &reply); err != nil {
			t.Error(err)
		}
		webhook := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, At: time.Now(), Raw: fmt.Appendf(nil, `{"id":%q,"status":"completed"}`, id)}
		if err := s.Record(t.Context(), id, webhook); err != nil {
			t.Error(err)
		}
		if err := s.Deliver(t.Context(), []verdict.Delivery{{Transaction: id, Told: time.Now(), Confirmed: time.Now()}}); err != nil {
			t.Error(err)
		}
	})
}

// each calls f with 0 to n-1, many at once.
func each(n int, f func(i int)) {
	next := make(chan int)
	var calling sync.WaitGroup
	for range 64 {
		calling.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	calling.Wait()
}

// forgetAll has a store forget all that is settled, as a retention does.
func forgetAll(t testing.TB, s *Store) (forgotten int) {
	t.Helper()
	for {
		n, err := s.ReleaseKeys(t.Context(), time.Now().Add(time.Hour), 256)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	for {
		settled, err := s.Settled(t.Context(), nil, 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		if len(settled) == 0 {
			return forgotten
		}
		var over []verdict.Past
		for _, tx := range settled {
			over = append(over, verdict.Past{Transaction: tx, Evidence: make([]verdict.Evidence, 2)})
		}
		n, err := s.Forget(t.Context(), over)
		if err != nil || n != len(over) {
			t.Fatalf("forgot %d of %d, error %v", n, len(over), err)
		}
		forgotten += n
	}
}

// room is how large the file is with nothing left in its log.
func room(t testing.TB, s *Store, path string) int64 {
	t.Helper()
	if _, err := s.pool.ExecContext(context.Background(), "PRAGMA query_only = false"); err != nil {
		t.Fatal(err)
	}
	if _, err := list(context.Background(), s.reads, scanFrames, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestTheFileDoesNotGrowWhileWhatComesIsForgotten: the room of what is forgotten is taken by what comes.
func TestTheFileDoesNotGrowWhileWhatComesIsForgotten(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	const n = 2000
	var sizes []int64
	for round := range 4 {
		live(t, s, fmt.Sprintf("%08d", round), n)
		sizes = append(sizes, room(t, s, path))
		if forgotten := forgetAll(t, s); forgotten != n {
			t.Fatalf("forgot %d", forgotten)
		}
	}
	t.Logf("sizes %d", sizes)
	if last := sizes[len(sizes)-1]; float64(last) > 1.2*float64(sizes[0]) {
		t.Errorf("the file has grown from %d to %d bytes", sizes[0], last)
	}
	if entries := mustList(t, filepath.Dir(path)); len(entries) != 3 {
		t.Errorf("%q", entries)
	}
}

// BenchmarkRoom reports how many bytes of disk a transaction takes, with its two pieces of evidence and all indexes.
// go test ./persistence/sqlite -run '^$' -bench Room -benchtime 100000x
func BenchmarkRoom(b *testing.B) {
	path := filepath.Join(b.TempDir(), "verdict.db")
	s := openAt(b, path)
	empty := room(b, s, path)
	live(b, s, "01936b0e", b.N)
	full := room(b, s, path)
	b.ReportMetric(float64(full-empty)/float64(b.N), "bytes/transaction")
	began := time.Now()
	forgotten := forgetAll(b, s)
	b.ReportMetric(float64(time.Since(began).Microseconds())/float64(forgotten), "µs/forgotten")
	live(b, s, "01936b0f", b.N)
	b.ReportMetric(float64(room(b, s, path)-empty)/float64(b.N), "bytes/transaction-again")
}
