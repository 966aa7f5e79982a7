package web

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"verdict"
	"verdict/web/auth"
)

// refusal is an error that web itself finds.
type refusal struct {
	kind   kind
	detail string // instead of the kind's mend, where more can be said
}

func (e refusal) Error() string { return e.kind.slug + ": " + e.detail }

// invalid is the refusal of a request that can't be read.
func invalid(detail string) error { return refusal{invalidRequest, detail} }

// problem is an error as RFC 9457 has it told, and two answers a client needs before it tries again.
type problem struct {
	slug       string // of its kind
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	Instance   string `json:"instance,omitempty"` // of an error in our log
	RetrySafe  bool   `json:"retry_safe"`
	NewKeySafe bool   `json:"new_key_safe"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds; as in the header
}

// path is where the page of a kind of problem is.
func (k kind) path() string { return "/problems/" + k.slug }

func (k kind) problem(detail string) problem {
	if detail == "" {
		detail = k.mend
	}
	p := problem{
		slug: k.slug, Type: k.path(), Title: k.title, Status: k.status, Detail: detail,
		RetrySafe: k.retry, NewKeySafe: k.newKey,
	}
	switch k.status {
	case http.StatusServiceUnavailable, http.StatusConflict, http.StatusTooManyRequests:
		if k.retry {
			p.RetryAfter = retrySeconds()
		}
	}
	return p
}

// problemOf says what kind of problem an error is. What we don't know is trouble with the record: a store may return
// any error, and its words are for our log alone.
func problemOf(err error) problem {
	var refused refusal
	var bad *verdict.InvalidError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &refused):
		return refused.kind.problem(refused.detail)
	case errors.As(err, &bad):
		return invalidRequest.problem(bad.Error())
	case errors.As(err, &large):
		return tooLarge.problem("")
	case errors.Is(err, auth.ErrMissing), errors.Is(err, auth.ErrRefused):
		return unauthenticated.problem("Nothing was stored: " + err.Error() + ".")
	case errors.Is(err, auth.ErrForbidden):
		return forbidden.problem("Nothing was stored: " + err.Error() + ".")
	}
	for known, k := range kindsByError() {
		if errors.Is(err, known) {
			return k.problem("")
		}
	}
	return unavailable.problem("")
}

// kindsByError are the kinds of the errors that the rules tell. No error is two of them.
func kindsByError() map[error]kind {
	return map[error]kind{
		verdict.ErrMismatch:     otherContent,
		verdict.ErrInFlight:     inFlight,
		verdict.ErrKeyUnknown:   keyUnknown,
		verdict.ErrKeyPurpose:   keyPurpose,
		verdict.ErrKeyExpired:   keyExpired,
		verdict.ErrNotFound:     noTransaction,
		verdict.ErrNotInReview:  notInReview,
		verdict.ErrBadToken:     noWebhook,
		verdict.ErrBadSignature: badSignature,
		verdict.ErrOverloaded:   overloaded,
		auth.ErrUnavailable:     authUnavailable,
	}
}

// errGone: the answer could not be written, because the client is gone or too slow.
var errGone = errors.New("the client is gone")

// fail answers an error and logs the ones that are ours.
func (ro *router) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errGone) || r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		about(ro.log, r.PathValue("id")).Debug("unanswered", "route", r.Pattern, "error", err)
		return
	}
	p := problemOf(err)
	if p.Type == noTransaction.path() && ro.restored {
		p = notInCopy.problem("")
	}
	if p.Type == unavailable.path() {
		p.Instance = "urn:uuid:" + ro.newID()
		about(ro.log, r.PathValue("id")).Error("request failed", "route", r.Pattern, "instance", p.Instance, "error", err)
	}
	if begun(w) {
		return
	}
	if ro.refused != nil {
		ro.refused(p)
	}
	switch {
	case p.RetryAfter > 0 && errors.As(err, new(streamError)):
		ro.sendAway(w, time.Duration(p.RetryAfter)*time.Second+comeBack())
		return
	case p.Type == badSignature.path():
		w.Header().Set("WWW-Authenticate", "Webhook-Signature") // RFC 9110 section 15.5.2 wants a challenge
	case errors.Is(err, auth.ErrRefused):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
	case p.Status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if err := p.write(w); err != nil {
		about(ro.log, r.PathValue("id")).Debug("unanswered", "route", r.Pattern, "error", err)
	}
}

func (p problem) write(w http.ResponseWriter) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	_, err = w.Write(text)
	return err
}

// retrySeconds is when a client is asked to come back: in one to three seconds, so that not all come at once.
func retrySeconds() int {
	return 1 + rand.IntN(3) // #nosec G404 -- it spreads clients in time, and nothing depends on its being unguessable
}
