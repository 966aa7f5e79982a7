package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"verdict"
)

// Bounds of a search. It never goes through the table: it walks along the index of ids, and no other is kept for it.
const (
	MaxLook = 5000 // how many transactions one page of a search looks at, at the most; whole strides
	stride  = 500  // how many it reads at once
)

// Found is a page of what a search finds, the youngest first.
type Found struct {
	Transactions []Transaction `json:"transactions"`
	Looked       int           `json:"looked"`         // at so many transactions
	Back         time.Time     `json:"back,omitzero"`  // to so long ago; missing if it looked at none
	Next         string        `json:"next,omitempty"` // the "below" of the next page, where older ones are; missing if all was looked at
}

// A search is what somebody knows of a transaction. What is empty fits any.
type search struct {
	named    string // an id or a key
	status   verdict.Status
	stage    verdict.Stage
	provider string
	from     string // ids from this one on
	below    string // and below this one
	limit    int
}

// fits reports whether a transaction is as was said.
func (s search) fits(t verdict.Transaction) bool {
	return (s.named == "" || t.ID == s.named || t.Key == s.named) && (s.status == "" || t.Status == s.status) &&
		(s.stage == "" || t.Stage == s.stage) && (s.provider == "" || t.Provider == s.provider)
}

// find takes GET /v1/search.
func (d *Desk) find(r *http.Request, _ map[string]string) (any, error) {
	s, err := readSearch(r)
	if err != nil {
		return nil, err
	}
	page := Found{Transactions: []Transaction{}}
	if err := d.byID(r.Context(), s, &page); err != nil || len(page.Transactions) > 0 {
		return page, err
	}
	return page, d.walk(r.Context(), s, &page)
}

// byID finds the transaction of that very id. Nothing else is searched for then.
func (d *Desk) byID(ctx context.Context, s search, page *Found) error {
	if s.named == "" {
		return nil
	}
	t, err := d.Store.Transaction(ctx, s.named)
	switch {
	case errors.Is(err, verdict.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	if s.from <= t.ID && t.ID < s.below && s.fits(t) {
		page.look(t, s)
	}
	return nil
}

// walk looks at transactions, the youngest first, until the page is full or it has looked at MaxLook of them.
func (d *Desk) walk(ctx context.Context, s search, page *Found) error {
	for look := MaxLook; look > 0; look -= stride {
		read, err := d.Store.Walk(ctx, s.from, s.below, stride)
		if err != nil {
			return err
		}
		for _, t := range read {
			s.below = t.ID
			if page.look(t, s); len(page.Transactions) == s.limit {
				page.Next = s.below
				return nil
			}
		}
		if len(read) < stride {
			return nil
		}
	}
	page.Next = s.below
	return nil
}

// look adds a transaction to the page if it fits.
func (f *Found) look(t verdict.Transaction, s search) {
	f.Looked, f.Back = f.Looked+1, plain(t.CreatedAt)
	if s.fits(t) {
		f.Transactions = append(f.Transactions, newTransaction(t))
	}
}

// readSearch returns what is searched for.
func readSearch(r *http.Request) (s search, err error) {
	query := r.URL.Query()
	s = search{
		named: query.Get("q"), status: verdict.Status(query.Get("status")), stage: verdict.Stage(query.Get("stage")),
		provider: query.Get("provider"), below: afterAll,
	}
	switch s.status {
	case "", verdict.Pending, verdict.Succeeded, verdict.Failed:
	default:
		return s, &verdict.InvalidError{Field: "status", Mend: "give pending, succeeded or failed"}
	}
	if s.stage != "" && !isStage(s.stage) {
		return s, &verdict.InvalidError{Field: "stage", Mend: stageMend}
	}
	if s.from, err = readTime(query.Get("from"), "from", ""); err != nil {
		return s, err
	}
	if s.below, err = readTime(query.Get("until"), "until", afterAll); err != nil {
		return s, err
	}
	if below := query.Get("below"); below != "" {
		s.below = min(s.below, below)
	}
	s.limit, err = readLimit(query.Get("limit"))
	return s, err
}

// afterAll is greater than every id.
const afterAll = "~"

// readTime returns the first id of a time.
func readTime(text, field, otherwise string) (string, error) {
	if text == "" {
		return otherwise, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return "", &verdict.InvalidError{Field: field, Mend: "give a time such as 2026-01-14T09:00:00Z"}
	}
	return firstID(at), nil
}

// firstID returns what no id made from that millisecond on is less than: UUIDs of version 7 begin with their time (RFC 9562
// section 5.7).
func firstID(at time.Time) string {
	ms := at.UnixMilli()
	return fmt.Sprintf("%08x-%04x", ms>>16, ms&0xffff)
}

func readLimit(text string) (int, error) {
	if text == "" {
		return DefaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > MaxLimit {
		return 0, &verdict.InvalidError{Field: "limit", Mend: "give 1 to " + strconv.Itoa(MaxLimit)}
	}
	return limit, nil
}
