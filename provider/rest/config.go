package rest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"time"

	"verdict"
)

// Config describes a partner: docs/partners.md explains it setting by setting.
type Config struct {
	URL     string            `koanf:"url"`     // the partner's base; the calls' paths are appended
	Secrets map[string]string `koanf:"secrets"` // by the names that templates call them by
	Auth    Auth              `koanf:"auth"`
	Headers map[string]any    `koanf:"headers"` // of every submit and check; templates

	Submit   Call              `koanf:"submit"`
	Check    Call              `koanf:"check"`
	Webhooks []Rule            `koanf:"webhooks"` // how bodies of webhooks are read
	States   map[string]string `koanf:"states"`   // the partner's words for succeeded, failed, pending and not_found

	Deduplicates   bool          `koanf:"deduplicates"`    // sending the same reference again acts once
	WebhookSettles bool          `koanf:"webhook_settles"` // a webhook may settle; otherwise it only pulls a check forward
	SubmitTimeout  time.Duration `koanf:"submit_timeout"`  // how long the answer to a submit is awaited
	NotFoundFinal  time.Duration `koanf:"not_found_final"` // "not found" so long after sending is final; 0: never
	AllowPrivate   bool          `koanf:"allow_private"`   // the names in URLs may point to a private network
	Submits        int           `koanf:"submits"`         // submits in flight at the most, for each instance
	Checks         int           `koanf:"checks"`          // checks in flight at the most, for each instance

	// Dial makes the connections, as net.Dialer.DialContext does; nil dials TCP. It is no setting: with it the adapter
	// runs over a network in memory.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `koanf:"-"`
}

// Call describes a request, and what its answers mean.
type Call struct {
	Method      string         `koanf:"method"`
	Path        string         `koanf:"path"`         // template
	Query       map[string]any `koanf:"query"`        // templates
	Headers     map[string]any `koanf:"headers"`      // templates
	Body        any            `koanf:"body"`         // what is to be JSON; its texts are templates
	PassPayload bool           `koanf:"pass_payload"` // the payload's members go along with those of the body
	Answers     []Rule         `koanf:"answers"`
}

// Rule describes a kind of answer.
type Rule struct {
	Status    []int          `koanf:"status"`
	When      map[string]any `koanf:"when"`      // by path: a value, several, or null
	Empty     bool           `koanf:"empty"`     // the body is
	Outcome   string         `koanf:"outcome"`   // what it means; or else:
	State     string         `koanf:"state"`     // path of what is looked up in states
	Reference string         `koanf:"reference"` // path of our reference
	Reason    []string       `koanf:"reason"`    // paths of a failure's reason; the first that leads to a text counts
}

// maxCalls bounds the connections to the partner, and with them our sockets.
const maxCalls = 10_000

// budget is a guess: few partners publish their limit.
var budget = verdict.Budget{Limit: 30, Window: time.Minute, Burst: 1}

// Defaults returns the settings that are safe for a partner of which nothing is known: nothing is sent again but on proof
// that it never left, "not found" is never final, and a webhook is believed only when a check says so too.
func Defaults() Config {
	return Config{SubmitTimeout: 30 * time.Second, Submits: 64, Checks: 4}
}

func (c Config) validateLimits() error {
	if c.SubmitTimeout <= 0 {
		return errors.New("submit_timeout: give a time above zero, such as 30s")
	}
	if c.NotFoundFinal != 0 && c.NotFoundFinal <= c.SubmitTimeout {
		return fmt.Errorf("not_found_final: %s isn't longer than submit_timeout (%s); give the partner's settle time and a margin, such as 150s, or 0 for never",
			c.NotFoundFinal, c.SubmitTimeout)
	}
	if c.Submits < 1 || c.Submits > maxCalls {
		return fmt.Errorf("submits: %d; give 1 to %d", c.Submits, maxCalls)
	}
	if c.Checks < 1 || c.Checks > maxCalls {
		return fmt.Errorf("checks: %d; give 1 to %d", c.Checks, maxCalls)
	}
	return nil
}

var secretForm = regexp.MustCompile(`^[a-z0-9_]+$`)

func (c Config) validateSecrets() error {
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		if !secretForm.MatchString(name) {
			return fmt.Errorf("secrets.%s: name it in lower-case letters, digits and _, so that it may come from the environment", name)
		}
	}
	return nil
}

// compileStates checks the table of states.
func (c Config) compileStates() (map[string]verdict.Outcome, error) {
	states := map[string]verdict.Outcome{}
	outcomes := []verdict.Outcome{verdict.OutcomeSucceeded, verdict.OutcomeFailed, verdict.OutcomePending, verdict.OutcomeNotFound}
	for _, word := range slices.Sorted(maps.Keys(c.States)) {
		o := verdict.Outcome(c.States[word])
		if word == "" || !slices.Contains(outcomes, o) {
			return nil, fmt.Errorf("states.%s: %q; give one of %s, and leave out what is none of them: it is uncertain then", word, o, list(outcomes))
		}
		states[word] = o
	}
	return states, nil
}

// described is a partner whose description has been checked.
type described struct {
	submit   call
	check    call
	webhooks rules
}

func (c Config) compile() (d described, err error) {
	states, err := c.compileStates()
	if err != nil {
		return d, err
	}
	known := reader{secrets: c.Secrets, knows: []source{ofReference}}
	common, err := known.headers("headers", c.Headers)
	if err != nil {
		return d, err
	}
	for _, one := range []struct {
		use     string
		from    Call
		into    *call
		knows   []source
		methods []string
	}{
		{replies, c.Submit, &d.submit, []source{ofReference, ofWebhookURL, ofPayload}, []string{http.MethodPost, http.MethodPut}},
		{checks, c.Check, &d.check, []source{ofReference}, []string{http.MethodGet, http.MethodPost}},
	} {
		if *one.into, err = one.from.compile(reader{secrets: c.Secrets, knows: one.knows}, one.methods, common); err != nil {
			return d, fmt.Errorf("%s.%w", one.use, err)
		}
		if one.into.answers, err = compileRules(one.use, one.from.Answers, states); err != nil {
			return d, fmt.Errorf("%s.answers%w", one.use, err)
		}
	}
	if d.webhooks, err = compileRules(webhooks, c.Webhooks, states); err != nil {
		return d, fmt.Errorf("webhooks%w", err)
	}
	return d, d.complete(c)
}

// complete says what is missing for a transaction to come to its end.
func (d described) complete(c Config) error {
	switch {
	case len(d.submit.answers) == 0:
		return errors.New("submit.answers: without any, each reply would be uncertain; describe at least how the partner says that it has taken a payment")
	case !d.check.answers.mayTell(verdict.OutcomeSucceeded):
		return errors.New("check.answers: none can tell that a payment succeeded; give a rule with state, and the word for it in states")
	case c.NotFoundFinal > 0 && !d.check.answers.mayTell(verdict.OutcomeNotFound):
		return errors.New("not_found_final: no check is read as not_found; describe one under check.answers, or leave this out")
	case c.WebhookSettles && len(d.webhooks) == 0:
		return errors.New("webhook_settles: no webhook is described; do so under webhooks, or leave this out")
	case len(d.webhooks) > 0 && !d.submit.mentions(ofWebhookURL):
		return errors.New("webhooks: the partner isn't told where to; put ${webhook_url} into the submit, each transaction has a URL of its own")
	}
	return nil
}
