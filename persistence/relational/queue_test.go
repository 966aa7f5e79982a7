package relational

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

type operation struct{ Call }

// shed has a new request be carried out, and returns where its answer comes and after what time.
func shed(ctx context.Context, q *Queue[*operation]) <-chan answer {
	answers, began := make(chan answer, 1), time.Now()
	go func() {
		err := q.Shed(ctx, &operation{})
		answers <- answer{err, time.Since(began)}
	}()
	synctest.Wait()
	return answers
}

type answer struct {
	err   error
	after time.Duration
}

func TestANewRequestWaitsForItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fresh = 2
		q := NewQueue[*operation](4, fresh)
		var placed, inLine []<-chan answer
		for range fresh {
			placed = append(placed, shed(t.Context(), q))
		}
		for range patient * fresh {
			inLine = append(inLine, shed(t.Context(), q))
		}
		if n := len(q.Waiting()); n != fresh {
			t.Fatalf("%d in the queue, want %d", n, fresh)
		}
		if a := <-shed(t.Context(), q); !errors.Is(a.err, verdict.ErrOverloaded) || a.after != 0 {
			t.Errorf("behind a full line: %v after %s, want ErrOverloaded at once", a.err, a.after)
		}
		time.Sleep(patience / 2)
		(<-q.Waiting()).Answer(nil)
		synctest.Wait()
		if n := len(q.Waiting()); n != fresh {
			t.Fatalf("%d in the queue after one was answered, want %d", n, fresh)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := shed(ctx, q)
		cancel()
		if a := <-gone; !errors.Is(a.err, context.Canceled) || errors.Is(a.err, verdict.ErrUncertain) {
			t.Errorf("one that has given up: %v, want canceled, and certain", a.err)
		}
		follows := make(chan error, 1)
		go func() { follows <- q.Wait(t.Context(), &operation{}) }() // isn't new
		time.Sleep(patience / 2)
		synctest.Wait()
		refused := 0
		for _, answers := range inLine {
			select {
			case a := <-answers:
				refused++
				if !errors.Is(a.err, verdict.ErrOverloaded) || a.after != patience {
					t.Errorf("in line: %v after %s, want ErrOverloaded after %s", a.err, a.after, patience)
				}
			default:
			}
		}
		if refused != len(inLine)-1 {
			t.Errorf("%d were refused, want all but the one that got a place", refused)
		}
		for range fresh + 1 {
			(<-q.Waiting()).Answer(nil)
		}
		if err := <-follows; err != nil {
			t.Error(err)
		}
		for _, answers := range placed {
			if a := <-answers; a.err != nil {
				t.Error(a.err)
			}
		}
	})
}
