package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// The partner's words for the state of a transaction.
const (
	completed = "completed"
	declined  = "declined"
	pending   = "pending"
)

// How a post is answered.
const (
	replyOK       = "ok"       // 200 with the status, which is final; of MoMo 202, and the status comes later
	replyTimeout  = "timeout"  // 504; of MoMo a 500 without a code
	replyLost     = "lost"     // carried out, then the connection is cut without an answer
	replyRefused  = "refused"  // the connection is cut, and nothing is carried out
	replyRejected = "rejected" // of MoMo only: a 500 with a code, and nothing is carried out
)

// Which webhooks follow.
const (
	webhookNone       = "none"
	webhookOnce       = "once"
	webhookTwice      = "twice"
	webhookEarly      = "early"      // one, before the reply
	webhookContradict = "contradict" // a second one with the other status
)

// plan is what a post meets with. Durations count from the request, in the partner's time.
type plan struct {
	status      string
	reply       string
	replyAfter  time.Duration
	executes    bool          // it becomes an effect
	decideAfter time.Duration // when it does
	shows       bool          // a check finds it pending before that; else not at all
	webhooks    []webhook
}

// webhook is one call to be made.
type webhook struct {
	after  time.Duration
	status string
}

// draws are the choices for one post. All are drawn, in this order, whether they matter or not: so overriding one leaves
// the others as they are.
type draws struct {
	status       string
	reply        string
	okAfter      time.Duration
	timeoutAfter time.Duration
	settles      bool
	settlesAfter time.Duration
	shows        bool
	webhook      string
	webhookAfter time.Duration
	again        time.Duration    // from the first webhook to the second
	jitter       [4]time.Duration // keeps apart what would happen in the same nanosecond
}

// draw makes the choices for the nth post of an id, with the odds and the times of the partner in the field.
func draw(seed int64, id string, n int) draws {
	r := stream(seed, id, n)
	d := draws{
		status:       pick(r.IntN(3) == 0, declined, completed),
		reply:        pick(r.IntN(10) == 0, replyTimeout, replyOK),
		okAfter:      between(r, 200*time.Millisecond, 10*time.Second),
		timeoutAfter: between(r, 30*time.Second, 30*time.Second+100*time.Millisecond),
		settles:      r.IntN(2) == 0,
		settlesAfter: between(r, 30*time.Second, 120*time.Second),
		shows:        r.IntN(2) == 0,
		webhook:      pick(r.IntN(5) < 4, webhookOnce, webhookNone),
		webhookAfter: between(r, 10*time.Second, 30*time.Second),
		again:        between(r, time.Second, 10*time.Second),
	}
	for i := range d.jitter {
		d.jitter[i] = between(r, 1, 10*time.Millisecond)
	}
	return d
}

// stream returns the random numbers for the nth post of an id.
func stream(seed int64, id string, n int) *rand.Rand {
	key := binary.BigEndian.AppendUint64(nil, uint64(seed))
	key = binary.BigEndian.AppendUint64(key, uint64(n))
	return rand.New(rand.NewChaCha8(sha256.Sum256(append(key, id...)))) // #nosec G404 -- a simulated partner's choices are to be repeated
}

// plan joins what was drawn and what the request tells.
func (d draws) plan(told simulate) plan {
	p := plan{status: cmp.Or(told.Status, d.status), reply: cmp.Or(told.Reply, d.reply), executes: true, shows: true}
	drawnReply, drawnWebhook := d.okAfter, d.webhook
	if p.reply == replyTimeout {
		drawnReply, drawnWebhook = d.timeoutAfter, webhookNone
	}
	p.replyAfter = told.ReplyAfter.or(drawnReply, d.jitter[0])
	p.decideAfter = p.replyAfter
	switch p.reply {
	case replyRefused:
		p.executes, p.shows = false, false
	case replyTimeout:
		p.executes = d.settles
		if told.Settles != nil {
			p.executes = *told.Settles
		}
		p.decideAfter = told.SettlesAfter.or(d.settlesAfter, d.jitter[1])
		p.shows = p.executes && d.shows
	}
	if p.executes {
		p.addWebhooks(cmp.Or(told.Webhook, drawnWebhook), told, d)
	}
	return p
}

// addWebhooks adds the webhooks. They tell of an effect, so none goes out before it: an early one brings the effect forward.
func (p *plan) addWebhooks(kind string, told simulate, d draws) {
	first := told.WebhookAfter.or(d.webhookAfter, d.jitter[2])
	if kind == webhookEarly {
		if told.WebhookAfter == nil || first >= p.replyAfter {
			first = p.replyAfter / 2
		}
		p.decideAfter = min(p.decideAfter, first)
	}
	first = max(first, p.decideAfter+d.jitter[3])
	if kind == webhookNone {
		return
	}
	p.webhooks = append(p.webhooks, webhook{first, p.status})
	switch kind {
	case webhookTwice:
		p.webhooks = append(p.webhooks, webhook{first + d.again, p.status})
	case webhookContradict:
		p.webhooks = append(p.webhooks, webhook{first + d.again, pick(p.status == completed, declined, completed)})
	}
}

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
