package web

import (
	"net/http"
	"regexp"
)

// Values of headers that all answers share: one may be replaced by another, but not changed in place.
var (
	noSniffing   = []string{"nosniff"}
	nothingLoads = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin   = []string{"same-origin"}
	byOrigin     = []string{"Origin"}
	noStore      = []string{"no-store"}
	jsonType     = []string{"application/json"}
)

// answerHeaders tell browsers of any answer to take it for what it is said to be, to run, load and frame nothing on its behalf,
// and to show it to no page of another origin that hasn't asked by CORS. Over TLS they are to come by TLS from then on.
func answerHeaders(h http.Header, overTLS bool) {
	h["X-Content-Type-Options"] = noSniffing
	h["Content-Security-Policy"] = nothingLoads
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	if overTLS {
		h.Set("Strict-Transport-Security", "max-age=31536000") // a year; of this name alone
	}
}

// plainHost matches hosts that can stand in a policy without changing its meaning.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]+$`)

// pageHeaders allow a page our own files and connections, and nothing that stands in the page itself: no inline scripts or
// styles, no text that becomes markup by a script. Nobody may frame it, and what it opens can't reach it. Host is that of the
// request: WebSockets are named because not every browser counts them as 'self'.
func pageHeaders(h http.Header, host string) {
	connect := "'self'"
	if plainHost.MatchString(host) {
		connect += " ws://" + host + " wss://" + host
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "+connect+
		"; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
}
