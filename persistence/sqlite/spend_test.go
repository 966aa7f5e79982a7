package sqlite

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestANameIsSpentOnceByAllProcesses: two stores on one file stand for two processes.
func TestANameIsSpentOnceByAllProcesses(t *testing.T) {
	const names, spenders = 200, 8
	path := newPath(t)
	stores := [2]*Store{openAt(t, path), openAt(t, path)}
	until := time.Now().Add(time.Hour)
	var mu sync.Mutex
	firsts := map[string]int{}
	var spending sync.WaitGroup
	for i := range spenders {
		spending.Go(func() {
			for n := range names {
				name := fmt.Sprint("name ", n)
				first, err := stores[i%2].Spend(t.Context(), name, until)
				if err != nil {
					t.Errorf("spend: %v", err)
				}
				if first {
					mu.Lock()
					firsts[name]++
					mu.Unlock()
				}
			}
		})
	}
	spending.Wait()
	if len(firsts) != names {
		t.Errorf("%d names were spent, want %d", len(firsts), names)
	}
	for name, n := range firsts {
		if n != 1 {
			t.Errorf("%d were the first to spend %s", n, name)
		}
	}
}

func TestSpentNamesAreForgottenBitByBit(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := openAt(t, path)
		spend := func(name string, until time.Time, kept int) {
			t.Helper()
			first, err := s.Spend(t.Context(), name, until)
			same(t, "first", first, err, true)
			n, err := orZero(read(t.Context(), s, value[int], "SELECT count(*) FROM spent"))
			same(t, "names kept", n, err, kept)
		}
		soon, late := time.Now().Add(time.Minute), time.Now().Add(time.Hour)
		for n := range 3 * forgetLimit {
			spend(fmt.Sprint("soon ", n), soon, n+1)
		}
		spend("late", late, 3*forgetLimit+1)
		time.Sleep(time.Minute)
		for n := range 3 {
			spend(fmt.Sprint("later ", n), late, (2-n)*forgetLimit+n+2)
		}
		spend("last", late, 5)
	})
}
