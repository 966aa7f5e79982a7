package sqlite

import (
	"database/sql"
	"strings"
	"testing"
)

// TestNoQueryReadsAWholeTable: all tables grow without end but meta, of one row, and parked, which is mostly empty.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	s := openAt(t, newPath(t))
	for query, args := range map[string]int{
		byID: 1, byScope: 4, settled: 2, settledOfAudience: 4, replaceTransaction: 13, anyDue: 1, claimDue: 4, dropCommand: 1,
		insertEvidence: 11, known: 1, history: 1, parked: 1, unpark: 3, inReview: 2, conflicts: 2, releasable: 1, releaseKeys: 1,
	} {
		plan, err := list(t.Context(), s.writer.kept, planStep, "EXPLAIN QUERY PLAN "+query, make([]any, args)...)
		if err != nil || len(plan) == 0 {
			t.Errorf("plan %q, error %v", plan, err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN parked" && step != "SCAN meta" || strings.Contains(step, "FOR IN-OPERATOR") {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}
}

func planStep(rows *sql.Rows) (detail string, err error) {
	var id, parent, unused int
	err = rows.Scan(&id, &parent, &unused, &detail)
	return detail, err
}
