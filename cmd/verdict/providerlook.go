package main

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
	"verdict/provider/wire"
	"verdict/web/admin"
)

const (
	clockMargin  = time.Minute // clocks that differ by more are a problem
	shownOfReply = 200         // bytes of an answer that isn't understood
)

// An authenticator is an adapter that proves who we are.
type authenticator interface {
	// Authenticate gets what proves it, and says what that is; "" if it needs nothing. An error says why the partner gives
	// nothing.
	Authenticate(ctx context.Context) (means string, err error)
}

// authenticate gets the credentials that calls carry, and reports whether there are any where they are needed.
func (p openedPartner) authenticate(ctx context.Context, r *report) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	a, ok := p.Provider.(tuned).Provider.(authenticator)
	if !ok {
		r.ok("credentials", "none are needed")
		return true
	}
	switch means, err := a.Authenticate(ctx); {
	case err != nil:
		r.problem("credentials", "%v", plainly(err))
		return false
	case means == "":
		r.ok("credentials", "none are configured")
	default:
		r.ok("credentials", "%s", means)
	}
	return true
}

// plainly is an error's text without its kind, which is for the settler.
func plainly(err error) string {
	text := strings.TrimSuffix(err.Error(), ": "+verdict.ErrNotSent.Error())
	return strings.TrimSuffix(text, ": "+verdict.ErrUncertain.Error())
}

// ask makes one status check about a payment that can't exist, unless the gateway says that the partner refuses checks.
func (p openedPartner) ask(ctx context.Context, r *report, gateway operator) {
	if until := gateway.refusedUntil(ctx, p.name); !until.IsZero() {
		r.problem("check", "none was made: the partner refuses checks until %s, as verdict plan %s shows", moment(until), p.name)
		return
	}
	r.note("budget", "%s", besideBudget(p.Traits().Budget))
	ctx, cancel := context.WithTimeout(ctx, verdict.CheckTimeout)
	defer cancel()
	var last wire.Reply
	var at time.Time
	ctx = wire.Watch(ctx, func(reply wire.Reply) { last, at = reply, time.Now() })
	a, err := p.Check(ctx, verdict.Question{Reference: newID(), Deadline: time.Now().Add(verdict.CheckTimeout)})
	p.judge(r, a, err, last.Status)
	compareClocks(r, last, at)
}

// besideBudget says that the check takes no turn, and why. A turn is taken in the record, which serve alone opens: opening it
// brings it to the release's schema.
func besideBudget(b verdict.Budget) string {
	return fmt.Sprintf("the one check that follows takes no turn in it: the turns are in the record, which this command doesn't open, "+
		"since that could upgrade it under a running gateway. With one, the partner may be asked %d times in %s; "+
		"where it blocks at %d, try it while no payment is pending", b.Limit+1, brief(b.Window), b.Limit+1)
}

// refusedUntil is until when the gateway makes no checks of a partner because it refused some; zero if it didn't, or if there
// is no gateway to say so.
func (o operator) refusedUntil(ctx context.Context, partner string) time.Time {
	if o.server == "" {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := o.call(ctx, http.MethodGet, "/v1/partners/"+url.PathEscape(partner), nil)
	var now admin.Partner
	if err != nil || json.Unmarshal(answer, &now) != nil || now.Circuit != verdict.CircuitOpen {
		return time.Time{}
	}
	return now.CircuitUntil
}

// judge says whether the partner answered as it should about a payment that can't exist.
func (p openedPartner) judge(r *report, a verdict.Answer, err error, status int) {
	var throttled *verdict.ThrottledError
	switch {
	case err == nil && a.Outcome == verdict.OutcomeNotFound:
		r.ok("check", "a payment that can't exist is not found (HTTP %d); this was the one check", status)
	case err == nil:
		r.problem("check", "a payment that can't exist is read as %s (HTTP %d: %s); mend what check.answers say of such an answer", a.Outcome, status, excerpt(a.Raw))
	case errors.As(err, &throttled):
		r.problem("check", "refused (HTTP %d): %v; try again then, and see that check_budget is what the partner allows", status, err)
	case status == 0, status == http.StatusUnauthorized:
		r.problem("check", "%s", plainly(err))
	default:
		r.problem("check", "HTTP %d isn't understood (%s): %s; if this is how the partner says that it doesn't know a payment, describe it under check.answers", status, plainly(err), excerpt(a.Raw))
	}
}

func excerpt(raw []byte) string {
	if len(raw) == 0 {
		return "no body"
	}
	return fmt.Sprintf("%q", raw[:min(len(raw), shownOfReply)])
}

// compareClocks goes by the Date of the partner's answer.
func compareClocks(r *report, reply wire.Reply, at time.Time) {
	if reply.Status == 0 {
		return
	}
	date, err := http.ParseTime(reply.Header.Get("Date"))
	if err != nil {
		r.note("clock", "the partner's answers bear no date")
		return
	}
	behind := at.Sub(date).Truncate(time.Second)
	if behind.Abs() > clockMargin {
		r.problem("clock", "ours differs from the partner's by %s; synchronise it (NTP), else signed webhooks are refused and tokens expire unnoticed", behind.Abs())
		return
	}
	r.ok("clock", "as the partner's, within %s", max(behind.Abs(), time.Second))
}

// lookAtWebhooks says where webhooks come to, and what is made of them.
func (p openedPartner) lookAtWebhooks(c config, r *report) {
	at := c.publicURL() + "/webhooks/" + p.name + "/TOKEN"
	ours, _ := url.Parse(at) // it was checked at the start
	partner, err := p.base()
	near := err == nil && admin.Loopback(partner.Hostname())
	switch {
	case admin.Loopback(ours.Hostname()) && !near:
		r.problem("webhooks", "the partner can't reach %s; set public_url to where it can reach us, such as https://pay.example", at)
	case ours.Scheme == "http" && !near:
		r.note("webhooks", "come to %s over plain HTTP; give an https public_url", at)
	default:
		r.ok("webhooks", "come to %s, with a TOKEN for each payment", at)
	}
	switch {
	case p.Scheme != "":
		r.ok("signatures", "%s; a webhook that isn't signed so is refused (secrets: %d)", p.Scheme, len(p.Secrets))
	case p.Traits().WebhookSettles:
		r.note("signatures", "none: whoever learns a payment's URL is believed; give a webhook_scheme if the partner signs")
	default:
		r.ok("signatures", "none are needed, since a webhook settles nothing")
	}
}
