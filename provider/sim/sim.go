// Package sim is payment partners that misbehave, each with a ledger of every effect, against which a client's account can
// be compared. [Partner] does as the one in the field was seen to: it answers late or with a 504, carries out some of what
// it answered 504 to, forgets webhooks, acts again when an id is posted again, and bans clients that check too often.
// [Momo] is of the other kind: it deduplicates, and decides later.
//
// What a post meets with is drawn from the seed, the id, and how often the id has been posted: a run replays whatever
// the interleaving. It takes its time from package time alone, so it also runs in a synctest bubble, where every delay
// differs by nanoseconds at least.
//
// # Telling it what to do
//
// A post may have a member "simulate", an object whose members override one choice each. What is left out is drawn as
// ever, and what isn't understood is answered 400. Times count from the request, in the partner's own time, 0s to 1h;
// they come up to 10 ms later, so that no two things happen in the same nanosecond.
//
//	status         completed, declined
//	reply          ok; timeout (504); lost (carried out, then the connection is cut); refused (cut, and no effect)
//	reply_after    such as 2s
//	settles        true, false: whether what timed out is carried out
//	settles_after  such as 60s
//	webhook        none; once; twice; early (before the reply); contradict (a second one with the other status)
//	webhook_after  such as 15s, but not before the effect; an early one brings the effect forward, and comes half-way
//	               to the reply unless it is told when
//
// A request to Momo has no room for a member of ours. There the object follows "simulate:" in payerMessage, which has
// room for 160 characters: this is a convention of the simulator. It means the same, but for
//
//	reply          ok (202); timeout (500 without a code); rejected (500 with one, and no effect); lost; refused
//	settles        false: after a timeout it was never taken; after another reply it stays pending
//	settles_after  when it is carried out, whatever the reply
package sim

import (
	"log/slog"
	"net/http"
	"time"
)

// Config says how a partner behaves. The zero value is the partner as it was seen, in real time, with no memory across
// restarts.
type Config struct {
	Seed  int64   // the same seed misbehaves in the same way
	Speed float64 // all of the partner's times are divided by it; 0: 1, real time

	// The limits on checks of the one in the field are unpublished; these are our choice. A client (an IP address) may
	// check BanAfter times in any BanWindow. The next check gets a 429 with Retry-After; one more before that is over
	// gets a 403, as does every check for BanFor from then on.
	BanAfter  int           // 0: 30, of Momo 10; below 0: checks are never refused
	BanWindow time.Duration // 0: a minute, of Momo a second
	BanFor    time.Duration // 0: 5 minutes

	Ledger    string            // a file of JSON lines that effects are appended to and read from at the start; "": none
	Transport http.RoundTripper // carries the webhooks; nil: TCP
	Log       *slog.Logger      // nil: none
}

// Partner is the misbehaving partner. It serves
//
//	POST /transaction        {"id", "webhookUrl", ...}
//	GET  /transaction/{id}
//	GET  /ledger, /ledger?id= the effects, as a JSON array of Effect
//	GET  /stats              Stats
//
// and is safe for concurrent use.
type Partner struct{ *core }

// Stats counts what the partner did since it was started.
type Stats struct {
	Posts     int          `json:"posts"`
	Repeated  int          `json:"repeated"`  // posts of an id that had been posted before
	Checks    int          `json:"checks"`    // all of them
	Throttled int          `json:"throttled"` // checks answered 429 or 403
	Bans      int          `json:"bans"`
	Tokens    int          `json:"tokens,omitempty"` // access tokens given, by a partner that wants them
	Webhooks  WebhookStats `json:"webhooks"`
}

// WebhookStats counts webhooks, each once.
type WebhookStats struct {
	Sent    int `json:"sent"`    // answered 2xx
	Failed  int `json:"failed"`  // posted, and not answered 2xx
	Dropped int `json:"dropped"` // never posted: no usable URL, too many under way, or the partner was closed
}

// New starts a partner. It returns an error if the configuration makes no sense or the ledger can't be read.
func New(c Config) (*Partner, error) {
	shared, err := newCore(c)
	if err != nil {
		return nil, err
	}
	p := &Partner{shared}
	p.mux.HandleFunc("POST /transaction", p.post)
	p.mux.HandleFunc("GET /transaction/{id}", p.check)
	return p, nil
}
