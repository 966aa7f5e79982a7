package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"verdict"
)

// EndpointList is the endpoints on record at which backends of apps are told, or were, in the order of their names.
type EndpointList struct {
	Endpoints []Endpoint `json:"endpoints"`
}

// Endpoint is how it stands with telling a backend.
type Endpoint struct {
	Name        string    `json:"name"`
	Configured  bool      `json:"configured"`              // on this gateway; else it is told nothing by it
	Disabled    bool      `json:"disabled"`                // until a person enables it
	PausedUntil time.Time `json:"paused_until,omitzero"`   // the backend asked for that
	Reason      string    `json:"reason,omitempty"`        // for either
	Pending     int       `json:"pending"`                 // notices to be told
	Oldest      time.Time `json:"oldest_verdict,omitzero"` // of those
	GivenUp     int       `json:"given_up"`
}

// NoticeList is a page of notices.
type NoticeList struct {
	Notices []Notice `json:"notices"`
	Next    int64    `json:"next,omitempty"` // the "after" of the next page; 0 if there is none
}

// Notices are those of a transaction, after what an operator did.
type Notices struct {
	Notices []Notice `json:"notices"`
}

// Notice is the verdict of a transaction as a backend is told it, or was.
type Notice struct {
	Number      int64               `json:"number"`
	Endpoint    string              `json:"endpoint"`
	Transaction string              `json:"transaction"`
	State       verdict.NoticeState `json:"state"`
	Attempts    int                 `json:"attempts"` // since the verdict, or since it was last replayed
	SettledAt   time.Time           `json:"settled_at"`
	TriedAt     time.Time           `json:"tried_at,omitzero"` // when the last attempt ended
	Result      string              `json:"result,omitempty"`  // what came of it
	Due         time.Time           `json:"due,omitzero"`      // of the next
	ToldAt      time.Time           `json:"told_at,omitzero"`  // when the backend first took it
}

// Dropped is what an endpoint took along that was dropped.
type Dropped struct {
	Notices int `json:"notices"` // that were pending or given up
}

// UnknownEndpointError is the error of a name that no endpoint has.
type UnknownEndpointError struct{ Name string }

func (e *UnknownEndpointError) Error() string {
	return "There is no endpoint " + e.Name + " that this gateway could tell anything at."
}

// ConfiguredEndpointError is the error of dropping an endpoint that the gateway tells.
type ConfiguredEndpointError struct{ Name string }

func (e *ConfiguredEndpointError) Error() string {
	return "Nothing was dropped: this gateway is configured to tell " + e.Name + ". Take notify." + e.Name + " out of the configuration of every gateway, restart them, and drop it then."
}

// dropBatch is how many notices are deleted together: the deletion shares a commit with what apps wait for.
const dropBatch = 256

func newNotice(n verdict.Notice) Notice {
	return Notice{
		Number: n.Number, Endpoint: n.Endpoint, Transaction: n.Transaction, State: n.State(), Attempts: n.Attempts,
		SettledAt: plain(n.SettledAt), TriedAt: plain(n.TriedAt), Result: n.Result, Due: plain(n.Due), ToldAt: plain(n.ToldAt),
	}
}

func newNotices(found []verdict.Notice) []Notice {
	told := make([]Notice, len(found))
	for i, n := range found {
		told[i] = newNotice(n)
	}
	return told
}

// endpoints takes GET /v1/endpoints.
func (d *Desk) endpoints(r *http.Request, _ map[string]string) (any, error) {
	found, err := d.Store.Endpoints(r.Context())
	if err != nil {
		return nil, err
	}
	list := EndpointList{Endpoints: make([]Endpoint, len(found))}
	for i, e := range found {
		told := Endpoint{
			Name: e.Name, Configured: slices.Contains(d.Configured, e.Name), Disabled: e.Disabled(),
			Pending: e.Pending, Oldest: plain(e.Oldest), GivenUp: e.GivenUp,
		}
		if e.ClosedUntil.After(time.Now()) {
			told.Reason = e.Reason
			if !told.Disabled {
				told.PausedUntil = plain(e.ClosedUntil)
			}
		}
		list.Endpoints[i] = told
	}
	return list, nil
}

// enable takes POST /v1/endpoints/{name}/enable. It also ends a pause.
func (d *Desk) enable(r *http.Request, _ map[string]string) (any, error) {
	name := r.PathValue("name")
	err := d.Store.OpenEndpoint(r.Context(), name)
	if errors.Is(err, verdict.ErrNotFound) {
		return nil, &UnknownEndpointError{name}
	}
	if err != nil {
		return nil, err
	}
	d.Log.Info("endpoint enabled", "endpoint", name, "source", string(verdict.SourceOperator))
	return d.endpoints(r, nil)
}

// drop takes POST /v1/endpoints/{name}/drop. One that fails halfway is asked for again.
func (d *Desk) drop(r *http.Request, _ map[string]string) (any, error) {
	name := r.PathValue("name")
	if slices.Contains(d.Configured, name) {
		return nil, &ConfiguredEndpointError{name}
	}
	var dropped Dropped
	for deleted := dropBatch; deleted == dropBatch; dropped.Notices += deleted {
		var err error
		deleted, err = d.Store.DropEndpoint(r.Context(), name, dropBatch)
		if errors.Is(err, verdict.ErrNotFound) {
			return nil, &UnknownEndpointError{name}
		}
		if err != nil {
			return nil, fmt.Errorf("after %d notices: %w", dropped.Notices, err)
		}
	}
	d.Log.Info("endpoint dropped", "endpoint", name, "notices", dropped.Notices, "source", string(verdict.SourceOperator))
	return dropped, nil
}

// notices takes GET /v1/notices: those that were given up if no state is named.
func (d *Desk) notices(r *http.Request, _ map[string]string) (any, error) {
	state := verdict.NoticeGivenUp
	if r.URL.Query().Has("state") {
		state = verdict.NoticeState(r.URL.Query().Get("state"))
	}
	if !slices.Contains([]verdict.NoticeState{verdict.NoticePending, verdict.NoticeTold, verdict.NoticeGivenUp}, state) {
		return nil, &verdict.InvalidError{Field: "state", Mend: "give pending, told or given_up"}
	}
	after, limit, err := readPage(r)
	if err != nil {
		return nil, err
	}
	found, err := d.Store.Notices(r.Context(), r.URL.Query().Get("endpoint"), state, after, limit)
	if err != nil {
		return nil, err
	}
	page := NoticeList{Notices: newNotices(found)}
	if len(found) == limit {
		page.Next = found[limit-1].Number
	}
	return page, nil
}

// notify takes POST /v1/transactions/{id}/notify: the backends are told again, or only the one at an endpoint. What nobody is
// configured to tell would be pending for ever.
func (d *Desk) notify(r *http.Request, _ map[string]string) (any, error) {
	t, err := d.Store.Transaction(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	notices, err := d.Store.NoticesOf(r.Context(), t.ID)
	if err != nil {
		return nil, err
	}
	told := d.Configured
	if endpoint := r.URL.Query().Get("endpoint"); endpoint != "" {
		if !slices.Contains(told, endpoint) {
			return nil, &UnknownEndpointError{endpoint}
		}
		told = []string{endpoint}
	}
	notices = slices.DeleteFunc(notices, func(n verdict.Notice) bool { return !slices.Contains(told, n.Endpoint) })
	for i, n := range notices {
		if notices[i], err = d.replay(r.Context(), n); err != nil {
			return nil, err
		}
	}
	return Notices{newNotices(notices)}, nil
}

func (d *Desk) replay(ctx context.Context, n verdict.Notice) (verdict.Notice, error) {
	next := n.Replay(time.Now())
	if err := d.Store.ReplaceNotice(ctx, next); err != nil {
		return n, err
	}
	d.Log.Info("notice replayed", "transaction", n.Transaction, "endpoint", n.Endpoint, "source", string(verdict.SourceOperator))
	return next, nil
}
