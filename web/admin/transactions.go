package admin

import (
	"net/http"
	"strconv"
	"strings"

	"verdict"
)

// Limits of one page of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// List is a page of transactions.
type List struct {
	Transactions []Transaction `json:"transactions"`
	Next         int64         `json:"next,omitempty"` // the "after" of the next page; 0 if there is none
}

// ConflictList is a page of conflicts.
type ConflictList struct {
	Conflicts []Conflict `json:"conflicts"`
	Next      int64      `json:"next,omitempty"` // the "after" of the next page; 0 if there is none
}

// File is all that is known of a transaction.
type File struct {
	Transaction Transaction `json:"transaction"`
	Evidence    []Evidence  `json:"evidence"` // in the order in which it was stored
	Notices     []Notice    `json:"notices"`  // in the order of their endpoints
}

// Change is a transaction after what an operator did.
type Change struct {
	Transaction Transaction `json:"transaction"`
}

// list takes GET /v1/transactions: those of a stage, for review if none is named.
func (d *Desk) list(r *http.Request, _ map[string]string) (any, error) {
	stage := verdict.StageReview
	if r.URL.Query().Has("stage") {
		stage = verdict.Stage(r.URL.Query().Get("stage"))
	}
	if !isStage(stage) {
		return nil, &verdict.InvalidError{Field: "stage", Mend: stageMend}
	}
	after, limit, err := readPage(r)
	if err != nil {
		return nil, err
	}
	found, err := d.Store.InStage(r.Context(), stage, after, limit)
	if err != nil {
		return nil, err
	}
	page := List{Transactions: make([]Transaction, len(found))}
	for i, t := range found {
		page.Transactions[i] = newTransaction(t)
	}
	if len(found) == limit {
		page.Next = found[limit-1].EventID
	}
	return page, nil
}

// conflicts takes GET /v1/conflicts.
func (d *Desk) conflicts(r *http.Request, _ map[string]string) (any, error) {
	after, limit, err := readPage(r)
	if err != nil {
		return nil, err
	}
	found, err := d.Store.Conflicts(r.Context(), after, limit)
	if err != nil {
		return nil, err
	}
	page := ConflictList{Conflicts: make([]Conflict, len(found))}
	for i, c := range found {
		page.Conflicts[i] = Conflict{Number: c.Number, Transaction: newTransaction(c.Transaction), Evidence: newEvidence(c.Evidence)}
	}
	if len(found) == limit {
		page.Next = found[limit-1].Number
	}
	return page, nil
}

// show takes GET /v1/transactions/{id}.
func (d *Desk) show(r *http.Request, _ map[string]string) (any, error) {
	t, err := d.Store.Transaction(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	history, err := d.Store.History(r.Context(), t.ID)
	if err != nil {
		return nil, err
	}
	notices, err := d.Store.NoticesOf(r.Context(), t.ID)
	if err != nil {
		return nil, err
	}
	file := File{Transaction: newTransaction(t), Evidence: make([]Evidence, len(history)), Notices: newNotices(notices)}
	file.Transaction.Payload = t.Payload
	for i, e := range history {
		file.Evidence[i] = newEvidence(e)
	}
	return file, nil
}

// check takes POST /v1/transactions/{id}/check. The stage tells whether there was anything to ask: then it is waiting.
func (d *Desk) check(r *http.Request, _ map[string]string) (any, error) {
	t, err := d.Settler.AskNow(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return Change{newTransaction(t)}, nil
}

// resolve takes POST /v1/transactions/{id}/resolve.
func (d *Desk) resolve(r *http.Request, told map[string]string) (any, error) {
	to, reason := verdict.Outcome(told["status"]), strings.TrimSpace(told["reason"])
	t, err := d.Settler.Resolve(r.Context(), r.PathValue("id"), to, reason)
	if err != nil {
		return nil, err
	}
	return Change{newTransaction(t)}, nil
}

const stageMend = "give accepted, sending, waiting, review or settled"

func isStage(s verdict.Stage) bool {
	switch s {
	case verdict.StageAccepted, verdict.StageSending, verdict.StageWaiting, verdict.StageReview, verdict.StageSettled:
		return true
	}
	return false
}

// readPage returns which page of a list is asked for.
func readPage(r *http.Request) (after int64, limit int, err error) {
	query := r.URL.Query()
	if text := query.Get("after"); text != "" {
		after, err = strconv.ParseInt(text, 10, 64)
		if err != nil || after < 0 {
			return 0, 0, &verdict.InvalidError{Field: "after", Mend: `give the "next" of the page before`}
		}
	}
	limit, err = readLimit(query.Get("limit"))
	return after, limit, err
}
