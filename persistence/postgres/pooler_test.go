package postgres

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
	"verdict/persistence/postgres/postgrestest"
)

// TestThroughAPooler has several instances share two connections of the server, a transaction at a time.
func TestThroughAPooler(t *testing.T) {
	const callers, each = 12, 15
	own := postgrestest.New(t, "fsync=off")
	run(t, own.URL("public"), "CREATE ROLE pooled SUPERUSER LOGIN; ALTER ROLE pooled SET search_path = pooled; CREATE SCHEMA pooled")
	url := fmt.Sprintf("postgres://pooled@%s/postgres?sslmode=disable", own.Pooler(t, "pooled"))
	var stores [instances]*Store
	for i := range stores {
		stores[i] = openAt(t, url)
	}
	budget := verdict.Budget{Limit: 1000, Window: time.Minute, Burst: 1000}
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			s := stores[i%instances]
			for n := range each {
				state := create(t, s, fmt.Sprint(i, " ", n))
				now := time.Now()
				asked, _, err := s.Ask(t.Context(), state.Ask(now), budget, now)
				if err != nil {
					t.Errorf("ask: %v", err)
				}
				settle(t, s, asked)
				if _, err := s.ClaimDue(t.Context(), submits, now, 3); err != nil {
					t.Errorf("claim: %v", err)
				}
			}
		})
	}
	calling.Wait()
	found, err := stores[0].Settled(t.Context(), nil, 0, 2*callers*each)
	same(t, "settled", len(found), err, callers*each)
	last, err := stores[0].LastEventID(t.Context())
	same(t, "numbers drawn", last, err, int64(3*callers*each))
	var left int
	if left, err = first(read(t.Context(), stores[0], value[int], "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")); left != 0 || err != nil {
		t.Errorf("%d statements stay at the server, error %v", left, err)
	}
	timeout, err := first(read(t.Context(), stores[0], value[string], "SELECT current_setting('lock_timeout')"))
	same(t, "what a commit sets, after it", timeout, err, "0")
}

// TestAPoolerThatLosesTheSchemaIsNoSilentError: it refuses search_path, or drops it.
func TestAPoolerThatLosesTheSchemaIsNoSilentError(t *testing.T) {
	own := postgrestest.New(t, "fsync=off")
	for setting, want := range map[string]string{
		"":                                      "unsupported startup parameter: search_path",
		"ignore_startup_parameters=search_path": "the schema is public and not chosen as in the URL",
	} {
		s, err := open(t.Context(), postgrestest.URL(own.Pooler(t, "verdict", setting), "chosen"), anyServer)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", setting, err, want)
		}
	}
}
