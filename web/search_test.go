package web

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
	"verdict/web/admin"
)

func TestOperatorsFindTransactionsByWhatIsKnown(t *testing.T) {
	d := newDesk(t)
	review, pending := d.review("order-1"), d.accept("order-2")
	settled := d.settled(d.accept("order-3"), verdict.OutcomeFailed)
	var many []string
	for n := range 12 {
		many = append(many, d.accept("many-"+strconv.Itoa(n)).ID)
	}
	named := d.settled(d.accept(pending.ID), verdict.OutcomeSucceeded) // an app may have an id of ours as its key
	find := func(query string) admin.Found {
		t.Helper()
		return decode[admin.Found](t, d.do("GET", "/v1/search?"+query, "").Body)
	}
	ids := func(found admin.Found) (ids []string) {
		for _, tr := range found.Transactions {
			ids = append(ids, tr.ID)
		}
		return ids
	}
	for query, want := range map[string][]string{
		"q=order-1": {review.ID}, "q=" + review.ID: {review.ID}, "q=" + pending.ID: {pending.ID}, "q=" + pending.ID + "&stage=settled": {named.ID}, "q=nobody": nil, "q=order": nil,
		"status=failed": {settled.ID}, "stage=review": {review.ID}, "stage=review&status=failed": nil, "q=order-1&status=failed": nil,
		"provider=nobody": nil, "q=order-3&provider=djamo&stage=settled": {settled.ID}, "from=2126-01-01T00:00:00Z": nil,
		"from=1970-01-01T00:00:00.001Z": nil, "until=1970-01-01T00:00:00Z": nil, // ids here are of that very time
		"q=" + review.ID + "&until=1970-01-01T00:00:00Z": nil, "q=order-1&until=1970-01-01T00:00:00.001Z": {review.ID},
	} {
		found := find(query)
		if got := ids(found); !slices.Equal(got, want) || found.Next != "" || found.Transactions == nil {
			t.Errorf("%s: %q, want %q (%+v)", query, got, want, found)
		}
	}
	var got []string
	for query := "limit=5&stage=accepted"; query != ""; {
		found := find(query)
		got = append(got, ids(found)...)
		query = ""
		if found.Next != "" {
			query = "limit=5&stage=accepted&below=" + found.Next
		}
	}
	want := append([]string{pending.ID}, many...)
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		t.Errorf("page by page %q, want %q", got, want)
	}
	for query, says := range map[string]string{
		"status=lost": "status: give pending", "stage=lost": "stage: give accepted", "from=yesterday": "from: give a time",
		"until=1": "until: give a time", "from=0001-01-01T00:00:00Z": "from: give a time", "limit=0": "limit: give 1 to 500",
	} {
		if p := wantProblem(t, d.do("GET", "/v1/search?"+query, ""), invalidRequest); !strings.Contains(p.Detail, says) {
			t.Errorf("%s: %q", query, p.Detail)
		}
	}
}

// crowd is so many transactions before one another, whose ids are their places.
type crowd struct {
	*memory
	all  int
	read atomic.Int64
}

func (s *crowd) Walk(_ context.Context, _, below string, limit int) (list []verdict.Transaction, err error) {
	next := s.all
	if below < "~" {
		next, err = strconv.Atoi(below)
	}
	for n := next - 1; n >= 0 && len(list) < limit; n-- {
		list = append(list, verdict.Transaction{ID: fmt.Sprintf("%06d", n), Scope: verdict.Scope{Key: fmt.Sprint("order-", n)}, CreatedAt: time.Unix(int64(n), 0)})
	}
	s.read.Add(int64(len(list)))
	return list, err
}

func TestASearchForAKeyLooksAtSoManyAndGoesOnWhereItStopped(t *testing.T) {
	d := newDesk(t)
	s := &crowd{memory: d.store, all: 2*admin.MaxLook + 100}
	d.admin.Store = s
	below := ""
	for _, want := range []struct {
		looked, back int
		next         string
		found        []string
	}{{admin.MaxLook, 5100, "005100", nil}, {admin.MaxLook, 100, "000100", nil}, {100, 0, "", []string{"000007"}}} {
		s.read.Store(0)
		page := decode[admin.Found](t, d.do("GET", "/v1/search?q=order-7&below="+below, "").Body)
		var ids []string
		for _, found := range page.Transactions {
			ids = append(ids, found.ID)
		}
		if page.Looked != want.looked || s.read.Load() != int64(want.looked) || page.Back.Unix() != int64(want.back) || page.Next != want.next || !slices.Equal(ids, want.found) {
			t.Errorf("%+v, %d read; want %+v", page, s.read.Load(), want)
		}
		below = page.Next
	}
}
