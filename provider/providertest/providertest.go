// Package providertest is the suite that every adapter of a partner passes. It puts the adapter before a partner that
// misbehaves in all the ways HTTP allows, and asks of it what [verdict.Provider] promises: above all that "not sent" is
// never said of what may have been sent, and that nothing is sent twice.
package providertest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"verdict"
)

// Open returns the adapter under test for a partner at a base URL. dial makes its connections; if it is nil the adapter
// dials as it does in earnest. Its Traits().SubmitTimeout is to be at least 5 s. An adapter that needs an access token
// is to hold one: the suite's partner knows of submits and checks only.
type Open func(t *testing.T, baseURL string, dial Dial) verdict.Provider

// Dial makes a connection, as net.Dialer.DialContext does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Wire is how a partner speaks: what the suite must know of it to play its part.
type Wire struct {
	// Authenticates says that the partner wants credentials. Then a 401 refuses a call before it has any effect (RFC
	// 9110 section 15.5.2), which is as good as not sent; from any other partner it means nothing.
	Authenticates bool

	// Read says what a request of the adapter asks for.
	Read func(r *http.Request, body []byte) Call

	// Tell returns the partner's answer to a call: that it knows of that outcome. A Reply without a Status says that
	// the partner can't answer so to such a call. A body names the call's transaction if the partner's do.
	Tell func(c Call, o verdict.Outcome) Reply

	// Throttle returns the partner's answer to a client that is to stay away for a number of seconds.
	Throttle func(c Call, after time.Duration) Reply

	// Webhook returns the body of a webhook that tells of an outcome.
	Webhook func(reference string, o verdict.Outcome) []byte
}

// Call is what an adapter asks of the partner.
type Call struct {
	Submit     bool   // otherwise it is a check
	Reference  string // ours, however the partner writes it
	WebhookURL string // of a submit
	Payload    string // of a submit: what became of the payload's member "amount"
}

// Reply is an answer over HTTP.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// Run runs the suite.
func Run(t *testing.T, open Open, wire Wire) {
	s := suite{open, wire}
	t.Run("a submit tells the partner what it needs", s.tellsPartner)
	t.Run("answers are told apart, and a decline is one", s.outcomes)
	t.Run("webhooks are read, and rubbish is refused", s.webhooks)
	t.Run("what the partner said is kept, also beside an error", s.keepsRaw)
	t.Run("throttling says how long", s.throttling)
	t.Run("traits make sense", s.traits)

	t.Run("a refused connection is not sent", s.refusedConnection)
	t.Run("a failed TLS handshake is not sent", s.failedTLS)
	t.Run("a partner silent in the TLS handshake is not sent", s.silentTLS)
	t.Run("a call cancelled before is not sent", s.cancelledBefore)
	t.Run("a call cancelled while connecting is not sent", s.cancelledConnecting)
	t.Run("nothing leaves after the deadline", s.lateBefore)
	t.Run("nothing leaves if the deadline passes while connecting", s.lateConnecting)
	t.Run("what is said to be unsent never arrives", s.unsentNeverArrives)

	t.Run("errors of the partner decide nothing", s.partnerErrors)
	t.Run("refused credentials have no effect", s.unauthorized)
	t.Run("a connection cut without an answer is uncertain", s.cutConnection)
	t.Run("a partner that reads nothing is uncertain once we wrote", s.readsNothing)
	t.Run("a partner that resets at once gets no answer out of us", s.resetsAtOnce)
	t.Run("truncated, oversized and broken answers are uncertain", s.brokenAnswers)
	t.Run("an endless answer isn't read to the end", s.endlessAnswer)
	t.Run("an answer about another transaction is uncertain", s.otherTransaction)
	t.Run("a redirect is not followed", s.redirect)
	t.Run("a call cancelled while waiting is uncertain, and ends", s.cancelledWaiting)
	t.Run("a slow answer is awaited", s.slowAnswer)
	t.Run("nothing is sent again when a connection dies", s.noResend)
	t.Run("many calls at once keep to their own answers", s.concurrent)
}

type suite struct {
	open Open
	wire Wire
}
