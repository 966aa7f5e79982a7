package postgres

import (
	"fmt"
	"testing"
)

// TestAPendingChangeTouchesNoIndex: of the updates that a transaction's life takes until its verdict, all are heap-only.
func TestAPendingChangeTouchesNoIndex(t *testing.T) {
	s := openAt(t, newURL(t))
	for n := range 20 {
		state := create(t, s, fmt.Sprint("one ", n))
		for range 3 {
			next, err := s.Replace(t.Context(), state.Postpone(state.Due), nil)
			if err != nil {
				t.Fatal(err)
			}
			state = next
		}
	}
	waitFor(t, "60 heap-only updates in the server's statistics", func() bool {
		updates, err := first(read(t.Context(), s, value[int], "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = 'transactions'::regclass"))
		return err == nil && updates >= 55 // the first page fills up
	})
}
