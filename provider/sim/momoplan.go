package sim

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// momoDraws are the choices for one request to pay. As with draws, all are drawn, in this order.
type momoDraws struct {
	draws                // those that both partners make; settles says whether what is answered 500 was taken
	hidden time.Duration // for how long a check doesn't find what was taken
	lag    time.Duration // from the effect to the first webhook
	method string        // of the webhooks
	names  bool          // whether they name the reference
	reason string        // if it fails
	bare   bool          // the reason is a text, not an object
	number string        // the partner's own, if it succeeds
}

// drawMomo makes the choices for the nth post of a reference.
func drawMomo(seed int64, reference string, n int) momoDraws {
	r := stream(seed, reference, n)
	d := momoDraws{draws: draws{
		status:       pick(r.IntN(3) == 0, declined, completed),
		okAfter:      between(r, 100*time.Millisecond, 3*time.Second),
		settles:      r.IntN(2) == 0,
		settlesAfter: between(r, 4*time.Second, 3*time.Minute),
		again:        between(r, time.Second, 10*time.Second),
	}}
	d.reply = [...]string{replyTimeout, replyTimeout, replyLost, replyRefused, replyRejected, replyOK}[min(r.IntN(50), 5)]
	d.webhook = [...]string{webhookNone, webhookTwice, webhookOnce}[min(r.IntN(5), 2)]
	if hide := between(r, time.Second, 30*time.Second); r.IntN(10) == 0 {
		d.hidden = hide
	}
	d.lag = between(r, 100*time.Millisecond, 5*time.Second)
	d.method = pick(r.IntN(2) == 0, http.MethodPut, http.MethodPost)
	d.names = r.IntN(4) == 0
	d.reason = [...]string{
		"PAYER_NOT_FOUND", "NOT_ENOUGH_FUNDS", "PAYER_LIMIT_REACHED", "APPROVAL_REJECTED", "EXPIRED", "INTERNAL_PROCESSING_ERROR",
	}[r.IntN(6)]
	d.bare = r.IntN(4) == 0
	d.number = strconv.Itoa(10_000_000 + r.IntN(90_000_000))
	for i := range d.jitter {
		d.jitter[i] = between(r, 1, 10*time.Millisecond)
	}
	return d
}

// plan joins what was drawn and what the request tells.
func (d momoDraws) plan(told simulate) plan {
	p := plan{status: cmp.Or(told.Status, d.status), reply: cmp.Or(told.Reply, d.reply), executes: true}
	p.replyAfter = told.ReplyAfter.or(d.okAfter, d.jitter[0])
	p.decideAfter = told.SettlesAfter.or(d.settlesAfter, d.jitter[1])
	if p.reply == replyTimeout {
		p.executes = d.settles
	}
	if told.Settles != nil {
		p.executes = *told.Settles
	}
	switch p.reply {
	case replyOK, replyLost:
		p.shows = true
	case replyTimeout:
		p.shows = p.executes
	default:
		p.executes = false
	}
	if p.executes {
		d.webhookAfter = p.decideAfter + d.lag
		p.addWebhooks(cmp.Or(told.Webhook, d.webhook), told, d.draws)
	}
	return p
}
