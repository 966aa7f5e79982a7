package momo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"
)

// Config is what an operator sets for this partner. The credentials are those of its portal, where the host that webhooks
// are to come to must be registered too: else every submit fails with INVALID_CALLBACK_URL_HOST.
type Config struct {
	URL               string        `koanf:"url"`                // https://sandbox.momodeveloper.mtn.com or https://proxy.momoapi.mtn.com
	TargetEnvironment string        `koanf:"target_environment"` // sandbox, mtnivorycoast, mtncameroon, ...
	Currency          string        `koanf:"currency"`           // ISO 4217, such as XOF; the sandbox takes EUR only
	SubscriptionKey   string        `koanf:"subscription_key"`   // of the Collections product
	APIUser           string        `koanf:"api_user"`
	APIKey            string        `koanf:"api_key"`
	SubmitTimeout     time.Duration `koanf:"submit_timeout"`  // how long the answer to a submit is awaited
	NotFoundFinal     time.Duration `koanf:"not_found_final"` // "not found" so long after sending is final; 0: never
	AllowPrivate      bool          `koanf:"allow_private"`   // the URL's name may point to a private network
	Submits           int           `koanf:"submits"`         // submits in flight at the most, for each instance
	Checks            int           `koanf:"checks"`          // checks in flight at the most, for each instance

	// Dial makes the connections, as net.Dialer.DialContext does; nil dials TCP as wire.New says. It is no setting: with it the
	// adapter runs over a network in memory.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `koanf:"-"`
}

// maxCalls bounds the connections to the partner, and with them our sockets.
const maxCalls = 10_000

// Defaults returns the settings that suit any country. The rest has no default.
//
// The partner gives no bound on how soon a request it took is found, so that of NotFoundFinal is our choice: a request
// that is unknown 5 minutes after sending was never received, and may be sent again under the same reference, which acts
// once. The partner allows 10 checks a second; 2 at a time, each on a new connection, stay below that.
func Defaults() Config {
	return Config{SubmitTimeout: 30 * time.Second, NotFoundFinal: 5 * time.Minute, Submits: 256, Checks: 2}
}

var (
	environmentForm = regexp.MustCompile(`^[a-z0-9]+$`)
	currencyForm    = regexp.MustCompile(`^[A-Z]{3}$`)
	credentialForm  = regexp.MustCompile(`^[!-~]{1,255}$`)
)

// validate says what is wrong with the settings, and the mend, without repeating a secret. The URL is for wire to judge.
func (c Config) validate() error {
	if !environmentForm.MatchString(c.TargetEnvironment) {
		return fmt.Errorf("target_environment: %q; give the partner's name for the country, such as sandbox or mtnivorycoast",
			c.TargetEnvironment)
	}
	if !currencyForm.MatchString(c.Currency) {
		return fmt.Errorf("currency: %q; give three capital letters, such as XOF, or EUR in the sandbox", c.Currency)
	}
	for _, credential := range []struct{ name, value string }{
		{"subscription_key", c.SubscriptionKey}, {"api_user", c.APIUser}, {"api_key", c.APIKey},
	} {
		if !credentialForm.MatchString(credential.value) {
			return fmt.Errorf("%s: give the one from the partner's portal, without spaces", credential.name)
		}
	}
	if strings.Contains(c.APIUser, ":") { // RFC 7617 section 2
		return errors.New("api_user: give it without the colon and the key")
	}
	return c.validateLimits()
}

func (c Config) validateLimits() error {
	if c.SubmitTimeout <= 0 {
		return errors.New("submit_timeout: give a time above zero, such as 30s")
	}
	if c.NotFoundFinal != 0 && c.NotFoundFinal <= c.SubmitTimeout {
		return fmt.Errorf("not_found_final: %s isn't longer than submit_timeout (%s); give a time such as 5m, or 0 for never",
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
