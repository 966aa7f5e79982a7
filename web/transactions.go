package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"verdict"
)

// defaultOperation is what a request asks for that names no operation.
const defaultOperation = "transaction"

// submit takes POST /v1/transactions.
func (s *Server) submit(w http.ResponseWriter, r *http.Request) error {
	key, err := idempotencyKey(r.Header)
	if err != nil {
		return s.whereKeysAre(err)
	}
	body, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	envelope, err := members(body)
	if err != nil {
		return err
	}
	if err := onlyMembers(envelope, "operation", "provider", "payload"); err != nil {
		return err
	}
	request, err := readRequest(envelope)
	if err != nil {
		return err
	}
	request.Key = key
	t, err := s.acceptHTTP(w, r, request)
	if err != nil {
		return reword(err, map[string]string{"key": "Idempotency-Key"})
	}
	state := t.Event()
	if wait := preferredWait(r.Header); wait > 0 && s.waits.enter() {
		defer s.waits.leave()
		state = s.await(r.Context(), t, wait)
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	}
	return writeState(w, state.Settled, state.Data)
}

// accept has the intake take a request of that audience.
func (s *Server) accept(ctx context.Context, a verdict.Audience, request verdict.Request) (t verdict.Transaction, replayed bool, err error) {
	began := time.Now()
	request.Tenant, request.Owner, request.Provider = a.Tenant, a.Owner, cmp.Or(request.Provider, s.provider)
	t, replayed, err = s.intake.Accept(ctx, request)
	if err == nil {
		s.requests.submitted(t, replayed, began)
	}
	return t, replayed, err
}

// acceptHTTP accepts a request and tells in the headers where the transaction is, whether an earlier request made it, and
// how long its key is remembered.
func (s *Server) acceptHTTP(w http.ResponseWriter, r *http.Request, request verdict.Request) (verdict.Transaction, error) {
	t, replayed, err := s.accept(r.Context(), caller(r), request)
	if err != nil && !errors.Is(err, verdict.ErrInFlight) {
		return t, err
	}
	w.Header().Set("Location", "/v1/transactions/"+t.ID)
	w.Header()["Idempotency-Key-Retention"] = s.retention
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	return t, err
}

// readRequest reads what a submit asks for. A provider that isn't named stays empty.
func readRequest(envelope map[string]json.RawMessage) (verdict.Request, error) {
	var none verdict.Request
	operation, err := stringMember(envelope, "operation", defaultOperation)
	if err != nil {
		return none, err
	}
	provider, err := stringMember(envelope, "provider", "")
	if err != nil {
		return none, err
	}
	if _, named := envelope["provider"]; named && provider == "" {
		return none, invalid("provider: name one, or leave it out")
	}
	payload, ok := envelope["payload"]
	if !ok {
		return none, invalid("payload: give a JSON object")
	}
	payload = bytes.Clone(payload) // so that the body can go
	return verdict.Request{Scope: verdict.Scope{Operation: operation}, Provider: provider, Payload: payload}, nil
}

// await returns the state of an accepted transaction once it is settled or the time is over. Nothing goes wrong from
// here on: whatever happens, the client is told what was known last.
func (s *Server) await(ctx context.Context, t verdict.Transaction, atMost time.Duration) verdict.Event {
	if t.Settled() {
		return t.Event()
	}
	verdicts, cancel := s.watch(t.Audience(), t.ID)
	defer cancel()
	if latest, err := s.read(ctx, t.Audience(), t.ID); err == nil { // it may have been settled before we watched
		t = latest
	}
	if t.Settled() {
		return t.Event()
	}
	timeout := time.NewTimer(atMost)
	defer timeout.Stop()
	select {
	case e := <-verdicts:
		return e
	case <-timeout.C:
	case <-s.waits.closing:
	case <-ctx.Done():
	}
	return t.Event()
}

// watch returns a channel that gets a transaction's verdict when it is told, and a function that ends the watch.
func (s *Server) watch(a verdict.Audience, id string) (verdicts <-chan verdict.Event, cancel func()) {
	told := make(chan verdict.Event, 1)
	cancel = s.feed.Subscribe(verdict.Topic{Audience: a, Transaction: id}, func(e verdict.Event) {
		if !e.Settled {
			return
		}
		select {
		case told <- e:
		default: // told again: the same event
		}
	})
	return told, cancel
}

// show takes GET /v1/transactions/{id}.
func (s *Server) show(w http.ResponseWriter, r *http.Request) error {
	t, err := s.read(r.Context(), caller(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t.Event().Data)
}

// find takes GET /v1/transactions?key=.
func (s *Server) find(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	if query.Get("key") == "" {
		return refusal{missingKey, "Give the key to look for: /v1/transactions?key=... and, unless it is " + defaultOperation + ", the operation."}
	}
	operation := defaultOperation
	if query.Has("operation") {
		operation = query.Get("operation")
	}
	a := caller(r)
	t, err := s.store.Find(r.Context(), verdict.Scope{Tenant: a.Tenant, Owner: a.Owner, Operation: operation, Key: query.Get("key")})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t.Event().Data)
}

// read returns a transaction that the audience may see, or verdict.ErrNotFound.
func (s *Server) read(ctx context.Context, a verdict.Audience, id string) (verdict.Transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	t, err := s.store.Transaction(ctx, id)
	if err == nil && t.Audience() != a {
		err = verdict.ErrNotFound
	}
	return t, err
}

// writeState answers a submit: 200 if the verdict is known, else 202.
func writeState(w http.ResponseWriter, settled bool, v any) error {
	if settled {
		return writeJSON(w, http.StatusOK, v)
	}
	w.Header().Set("Retry-After", strconv.Itoa(retrySeconds()))
	return writeJSON(w, http.StatusAccepted, v)
}

// writeJSON answers with v, which is JSON already if it is a json.RawMessage.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	text, encoded := v.(json.RawMessage)
	if !encoded {
		var err error
		if text, err = json.Marshal(v); err != nil {
			return err
		}
	}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	if _, err := w.Write(text); err != nil { // #nosec G705 -- it is JSON, and said to be
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}
