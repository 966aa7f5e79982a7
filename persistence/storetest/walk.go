package storetest

import (
	"testing"
	"time"

	"verdict"
)

func walks(t *testing.T, s verdict.Store) {
	var all []verdict.Transaction // the greatest id first
	for n := range 5 {
		tx := create(t, s, accepted("owner", n, time.Now()))
		if n == 2 {
			e := settledBy(time.Now())
			tx = replace(t, s, tx.Weigh(e, policy()), &e)
		}
		all = append([]verdict.Transaction{head(tx)}, all...)
	}
	for _, test := range []struct {
		from, below string
		limit       int
		want        []verdict.Transaction
	}{
		{"", "p", 10, all},
		{"", "p", 2, all[:2]},
		{"", all[1].ID, 10, all[2:]},
		{all[3].ID, "p", 10, all[:4]},
		{all[3].ID, all[1].ID, 10, all[2:4]},
		{all[1].ID, all[3].ID, 10, nil},
		{"", "", 10, nil},
	} {
		got, err := s.Walk(t.Context(), test.from, test.below, test.limit)
		equal(t, "walk from "+test.from+" below "+test.below, got, err, test.want)
	}
}

// head returns a transaction as a walk does.
func head(t verdict.Transaction) verdict.Transaction {
	t.Payload = nil
	return t
}
