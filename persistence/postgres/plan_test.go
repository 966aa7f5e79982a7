package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestNoQueryReadsAWholeTable: all tables grow without end but meta, of one row, partners, of a few, and parked, which is
// mostly empty. Nor does any put in order what it reads, which may be far more than it takes; but for what comes sorted
// from a batch of at most batchSize, and inStage, which is for people.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	s := openAt(t, newURL(t))
	for n := range 20 {
		create(t, s, fmt.Sprint("one ", n))
	}
	for query, sorts := range map[string]bool{
		byID: false, byScope: false, settled: false, settledOfAudience: false, unconfirmed: false, inReview: false, history: false,
		conflicts: false, waiting: true, partner: false, parked: false, claimDue: false, dueSince: false, releasable: false, releaseKeys: false,
		insertTransactions: true, standing: false, replaceTransactions: true, record: true, deliver: false, putOff: false,
		facts: false, known: false, park: false, unpark: false, forgetSpent: false, spend: false, lock: false, walk: false,
		anyVerdict: false, enlist: true, dueNotices: false, claimNotices: false, replaceNotice: false, noticesOf: false, dropEndpoint: false,
	} {
		for _, line := range plan(t, s, query) {
			scan, of, _ := strings.Cut(line, " on ")
			table, _, _ := strings.Cut(of, " ")
			if strings.HasSuffix(scan, "Seq Scan") && !slices.Contains([]string{"meta", "parked", "partners"}, table) || !sorts && strings.Contains(line, "Sort ") {
				t.Errorf("%s\n%s", query, strings.Join(plan(t, s, query), "\n"))
				break
			}
		}
	}
}

// TestWhatIsConfirmedIsNotRead: the index of all verdicts of an audience would serve as well, but holds what is confirmed too.
func TestWhatIsConfirmedIsNotRead(t *testing.T) {
	s := openAt(t, newURL(t))
	lines := strings.Join(plan(t, s, unconfirmed), "\n")
	if !strings.Contains(lines, "Index Scan using unconfirmed") || strings.Contains(lines, "Filter") {
		t.Error(lines)
	}
}

// plan is how the server would run a query on large tables, whatever it is given.
func plan(t *testing.T, s *Store, query string) (lines []string) {
	t.Helper()
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	err = pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), writeSettings); err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_bitmapscan = off", pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		prepared, err := tx.Prepare(t.Context(), "planned", query)
		if err != nil {
			return err
		}
		explain := "EXPLAIN (COSTS OFF) EXECUTE planned"
		if n := len(prepared.ParamOIDs); n > 0 {
			explain += "(NULL" + strings.Repeat(", NULL", n-1) + ")"
		}
		rows, err := tx.Query(t.Context(), explain, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		lines, err = list(rows, value[string])
		if err != nil {
			return err
		}
		return conn.Conn().Deallocate(t.Context(), "planned")
	})
	if err != nil || len(lines) == 0 {
		t.Errorf("plan %q, error %v", lines, err)
	}
	return lines
}
