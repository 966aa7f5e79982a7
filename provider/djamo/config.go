package djamo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Config is what an operator sets for this partner.
type Config struct {
	URL           string        `koanf:"url"`             // the partner's base; /transaction is appended
	SubmitTimeout time.Duration `koanf:"submit_timeout"`  // how long the answer to a submit is awaited
	NotFoundFinal time.Duration `koanf:"not_found_final"` // "not found" so long after sending is final; 0: never
	AllowPrivate  bool          `koanf:"allow_private"`   // the URL's name may point to a private network
	Submits       int           `koanf:"submits"`         // submits in flight at the most, for each instance
	Checks        int           `koanf:"checks"`          // checks in flight at the most, for each instance

	// Dial makes the connections, as net.Dialer.DialContext does; nil dials TCP as wire.New says. It is no setting: with it the
	// adapter runs over a network in memory.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `koanf:"-"`
}

// maxCalls bounds the connections to the partner, and with them our sockets.
const maxCalls = 10_000

// Defaults returns the settings that suit the partner as it was observed: it gives up on a submit after 30 s, and what
// it carries out all the same is final 120 s after the request at the latest. Only the URL has no default.
func Defaults() Config {
	return Config{SubmitTimeout: 35 * time.Second, NotFoundFinal: 150 * time.Second, Submits: 256, Checks: 8}
}

// validate says what is wrong with the settings, and the mend. The URL is for wire to judge.
func (c Config) validate() error {
	if c.SubmitTimeout <= 0 {
		return errors.New("submit_timeout: give a time above zero, such as 35s")
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
