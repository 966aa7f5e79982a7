package sqlite

import (
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"verdict"
)

// queries are those that are used often or read what grows, with how many values each takes.
var queries = map[string]int{
	byID: 1, byScope: 4, settled: 2, settledOfAudience: 4, replaceTransaction: 16, anyDue: 3, claimDue: 6, dropCommand: 1,
	insertEvidence: 11, contradict: 2, known: 1, history: 1, parked: 1, unpark: 3, inReview: 2, conflicts: 2, releasable: 1, releaseKeys: 1,
	putOff: 2, dueSince: 3, waiting: 0, partner: 1, pace: 1, learned: 1, providerOf: 1, providerOfVersion: 2,
	tell: 2, confirm: 2, verdictBefore: 3, unconfirmed: 5, forgetSpent: 2, anyVerdict: 1, reach: 2, enlist: 3, dueNotices: 3, claimNotices: 4,
	replaceNotice: 8, noticesOf: 1, dropNotices: 2, noticesIn[verdict.NoticePending]: 3, noticesIn[verdict.NoticeTold]: 3,
	noticesIn[verdict.NoticeGivenUp]: 3, walk: 3,
}

// TestNoQueryReadsAWholeTable: all tables grow without end but meta, of one row, and parked, which is mostly empty (the
// subquery is the one of reach, which has a limit). Nor
// does any put in order what it reads, which may be far more than it takes; but for waiting, which finds a few names.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	s := openAt(t, newPath(t))
	for query, args := range queries {
		plan, err := list(t.Context(), s.writer.kept, planStep, "EXPLAIN QUERY PLAN "+query, make([]any, args)...)
		if err != nil || len(plan) == 0 {
			t.Errorf("plan %q, error %v", plan, err)
		}
		for _, step := range plan {
			scans := strings.HasPrefix(step, "SCAN") && !slices.Contains([]string{"SCAN parked", "SCAN meta", "SCAN names", "SCAN (subquery-2)"}, step)
			sorts := strings.HasPrefix(step, "USE TEMP B-TREE") && query != waiting
			if scans || sorts || strings.Contains(step, "FOR IN-OPERATOR") {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}
}

// TestWhatIsConfirmedIsNotRead: the index of all verdicts of an audience would serve as well, but holds what is confirmed too.
func TestWhatIsConfirmedIsNotRead(t *testing.T) {
	s := openAt(t, newPath(t))
	plan, err := list(t.Context(), s.writer.kept, planStep, "EXPLAIN QUERY PLAN "+unconfirmed, make([]any, 5)...)
	same(t, "plan", plan, err, []string{
		"SEARCH transactions USING INDEX unconfirmed (tenant=? AND owner=? AND event_id>? AND event_id<?)",
	})
}

// TestNoQueryIsPlannedTwice: SQLite asks the authorizer whenever it plans.
func TestNoQueryIsPlannedTwice(t *testing.T) {
	s := openAt(t, newPath(t))
	planned := 0
	err := s.conn.Raw(func(conn any) error {
		conn.(*sqlite3.SQLiteConn).RegisterAuthorizer(func(int, string, string, string) int {
			planned++
			return sqlite3.SQLITE_OK
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, args := range queries {
		for n := range 3 {
			planned = 0
			if _, err := list(t.Context(), s.writer.kept, nothing, query, slices.Repeat([]any{5 + n}, args)...); err != nil {
				t.Fatalf("%s\n%v", query, err)
			}
			if again := n > 0; (planned > 0) == again {
				t.Errorf("planned %d times, used before: %v\n%s", planned, again, query)
			}
		}
	}
}

func nothing(row) (struct{}, error) { return struct{}{}, nil }

func planStep(rows row) (detail string, err error) {
	var id, parent, unused int
	err = rows.Scan(&id, &parent, &unused, &detail)
	return detail, err
}
