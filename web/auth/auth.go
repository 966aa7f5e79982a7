// Package auth finds out who makes a request: by a JWT of a configured issuer or an API key, which a [Guard] checks, or by
// a one-time ticket, which [Tickets] seals.
//
// Whom it lets in is fixed by the configuration. Of a token nothing is believed before its signature holds under a key of
// its issuer, and what kind of signature that is, the key says and not the token (RFC 8725 sections 2.1 and 3.1).
package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"verdict"
)

// Why a request is turned away. Test with errors.Is. What is wrapped around them says the mend, and never the token.
var (
	// ErrMissing: the request has no credentials.
	ErrMissing = errors.New("there are no credentials")

	// ErrRefused: the credentials are not good, or not any more.
	ErrRefused = errors.New("the credentials are refused")

	// ErrForbidden: the credentials are good, but not for this.
	ErrForbidden = errors.New("the credentials don't allow this")

	// ErrUnavailable: whether the credentials are good can't be told now, since the issuer's keys can't be had. The same
	// request may be sent again a little later.
	ErrUnavailable = errors.New("the credentials can't be checked now")
)

// refuse returns an ErrRefused that says why, or the mend.
func refuse(why string) error { return fmt.Errorf("%w: %s", ErrRefused, why) }

// Role is what a principal may do.
type Role string

// The roles.
const (
	App      Role = "app"      // its own transactions
	Service  Role = "service"  // on behalf of any user of its tenant
	Operator Role = "operator" // the operators' listener, and nothing else
)

// Principal is who makes a request.
type Principal struct {
	verdict.Audience           // whose transactions it may see; for a service, the user it acts for
	Role             Role      // App, or Service
	Expires          time.Time // from then on its credentials are refused; zero: never
	Anonymous        bool      // nobody was asked
}

// maxName bounds a tenant's and a user's name, in bytes.
const maxName = 255

// validName reports whether a tenant or a user may be called that.
func validName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}
