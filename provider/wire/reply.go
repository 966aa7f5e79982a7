package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"verdict"
)

// How long to stay away when the partner doesn't say; few publish their limits.
const (
	defaultPause = time.Minute
	minPause     = time.Second
	maxPause     = time.Hour
)

var errTooLarge = errors.New("the answer is too large")

// Reply is what came back over HTTP.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte // at most verdict.MaxRaw bytes
}

// Undecided is the error of an answer that says nothing of the transaction. It is ErrUncertain.
func (r Reply) Undecided() error {
	return fmt.Errorf("the partner answered %d: %w", r.Status, verdict.ErrUncertain)
}

// Throttled is the error of an answer that refuses a call because there were too many: a *verdict.ThrottledError with
// the time that Retry-After tells, within a second and an hour; a minute if it tells none.
func (r Reply) Throttled() error {
	return &verdict.ThrottledError{After: pause(r.Header.Get("Retry-After"), time.Now())}
}

// pause reads a Retry-After field: seconds or a date (RFC 9110 section 10.2.3).
func pause(retryAfter string, now time.Time) time.Duration {
	wait := defaultPause
	seconds, err := strconv.ParseUint(strings.TrimSpace(retryAfter), 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(retryAfter); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, minPause), maxPause)
}

// Object returns the members of a JSON object, each as it was written. What parsers could disagree about is refused,
// and so is a body that is larger than what is kept of it. Every error is ErrUncertain, and quotes nothing of the body.
func Object(body []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage // a map, because struct fields match in any case
	if err := read(body, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errNoObject
	}
	return members, nil
}

// Value returns a JSON value as encoding/json does into an empty interface, numbers as they were written. It refuses what
// Object refuses.
func Value(body []byte) (any, error) {
	var value any
	err := read(body, &value)
	return value, err
}

var errNoObject = fmt.Errorf("not a JSON object: %w", verdict.ErrUncertain)

func read(body []byte, into any) error {
	if len(body) > maxAnswer {
		return fmt.Errorf("%w: %w", errTooLarge, verdict.ErrUncertain)
	}
	text, err := verdict.Canonical(body)
	if err != nil {
		return fmt.Errorf("the answer is no JSON that can be relied on: %w", verdict.ErrUncertain)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(into) != nil {
		return errNoObject
	}
	return nil
}

// plain says what went wrong in words for the support desk. The errors of net/http name addresses and URLs.
func plain(err error) string {
	var (
		errno   syscall.Errno
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		timeout net.Error
		address *verdict.AddressError
	)
	switch {
	case errors.Is(err, errLate):
		return errLate.Error()
	case errors.Is(err, errTooLarge):
		return errTooLarge.Error()
	case errors.Is(err, context.Canceled):
		return "the call was cancelled"
	case errors.As(err, &dns):
		return "the partner's host name can't be resolved"
	case errors.As(err, &address):
		return "the partner's host name points to a " + address.Kind + " address, which must not be called"
	case errors.As(err, &cert):
		return "the partner's certificate can't be verified"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer was cut short"
	case errors.Is(err, io.EOF):
		return "the connection was closed without an answer"
	}
	return "the connection failed"
}
