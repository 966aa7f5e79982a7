package goclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"verdict"
)

// Request is what is asked for.
type Request struct {
	Key       string          // 1 to 255 characters of printable ASCII; the same request has the same key, also after a restart of ours
	Operation string          // what the transaction is for; "": the gateway's default
	Provider  string          // the partner; "": the gateway's default
	Payload   json.RawMessage // an object of at most 16 KiB
}

// Submitted is a transaction that is on record.
type Submitted struct {
	verdict.View
	Replayed bool // an earlier sending of the same request had put it on record; that may be one of this call's
}

// Submit submits a transaction. It sends the same key and bytes until it is answered, up to eight times over some 15 s or
// until ctx ends, and waits at least as long as Retry-After says, if that is at most a minute.
//
// It returns a *Problem if the gateway refused. After any other error the request may be on record or not: call again with
// the same Request to find out.
func (c *Client) Submit(ctx context.Context, r Request) (Submitted, error) {
	if r.Key == "" || len(r.Key) > verdict.MaxKey || !printable(r.Key) {
		return Submitted{}, fmt.Errorf("key: give 1 to %d characters of printable ASCII, the same whenever this request is repeated", verdict.MaxKey)
	}
	body, err := json.Marshal(struct {
		Operation string          `json:"operation,omitempty"`
		Provider  string          `json:"provider,omitempty"`
		Payload   json.RawMessage `json:"payload"`
	}{r.Operation, r.Provider, r.Payload})
	if err != nil {
		return Submitted{}, fmt.Errorf("payload: %w; give a JSON object", err)
	}
	sent := post("/v1/transactions", body)
	sent.header.Set("Idempotency-Key", quote(r.Key))
	var s Submitted
	header, err := c.call(ctx, sent, &s.View)
	if err != nil {
		return Submitted{}, err
	}
	if s.ID == "" {
		return Submitted{}, errors.New("the answer names no transaction; is that address a gateway's?")
	}
	s.Replayed = header.Get("Idempotent-Replayed") == "true"
	return s, nil
}

// IssueKey fetches a key for one request of that operation, "" for the gateway's default, from a gateway that makes the
// keys. The key must be used before it expires, and is then good for repetitions of its request.
func (c *Client) IssueKey(ctx context.Context, operation string) (key string, expires time.Time, err error) {
	body, err := json.Marshal(struct {
		Operation string `json:"operation,omitempty"`
	}{operation})
	if err != nil {
		return "", time.Time{}, err
	}
	var issued struct {
		Key       string    `json:"key"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	_, err = c.call(ctx, post("/v1/idempotency-keys", body), &issued)
	return issued.Key, issued.ExpiresAt, err
}

// Confirm tells the gateway that the app has shown the verdict of a transaction to its user. event is the number of the
// verdict's event, 0 if it isn't known. It returns when that was confirmed first, which may have been earlier.
func (c *Client) Confirm(ctx context.Context, id string, event int64) (time.Time, error) {
	body, err := json.Marshal(struct {
		ID int64 `json:"id,omitempty"`
	}{event})
	if err != nil {
		return time.Time{}, err
	}
	var confirmed struct {
		At time.Time `json:"at"`
	}
	_, err = c.call(ctx, post("/v1/transactions/"+url.PathEscape(id)+"/ack", body), &confirmed)
	return confirmed.At, err
}

// post is a request with a JSON body.
func post(path string, body []byte) request {
	return request{http.MethodPost, path, http.Header{"Content-Type": {"application/json"}}, body}
}

// quote writes a string as RFC 8941 section 3.3.3 has it.
func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
