package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait is the longest Prefer: wait that is granted.
const maxWait = 30 * time.Second

// idempotencyKey returns the key in the Idempotency-Key header: a string as RFC 8941 section 3.3.3 has it, or the same
// characters bare. A bare key has no commas, as a list of keys has, and no quotes, as a string has that isn't closed.
// How long it may be, and of what, is the intake's to say.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	if len(values) > 1 {
		return "", invalid("Idempotency-Key: send it once")
	}
	key := strings.Trim(strings.Join(values, ""), " \t")
	if key == "" {
		return "", refusal{kind: missingKey}
	}
	if key[0] == '"' {
		return unquote(key)
	}
	if strings.ContainsAny(key, `",`) {
		return "", invalid("Idempotency-Key: put a key with commas or quotes in double quotes")
	}
	return key, nil
}

// unquote reads a quoted string of RFC 8941: the only escapes are \" and \\.
func unquote(quoted string) (string, error) {
	var text strings.Builder
	for i := 1; i < len(quoted); i++ {
		c := quoted[i]
		switch {
		case c == '"' && i == len(quoted)-1:
			return text.String(), nil
		case c == '"':
			return "", invalid("Idempotency-Key: nothing may follow the closing quote")
		case c == '\\' && (i+1 == len(quoted) || (quoted[i+1] != '"' && quoted[i+1] != '\\')):
			return "", invalid(`Idempotency-Key: a backslash may only stand before " or \`)
		case c == '\\':
			i++
			c = quoted[i]
		}
		text.WriteByte(c)
	}
	return "", invalid("Idempotency-Key: the closing quote is missing")
}

// preferredWait returns how long the client would wait for the verdict (Prefer: wait of RFC 7240 section 4.3), at most
// maxWait. A preference that can't be read is no preference, and of several the first counts (section 2).
func preferredWait(h http.Header) time.Duration {
	preferences := h.Values("Prefer")
	if len(preferences) == 0 {
		return 0
	}
	for _, preference := range splitUnquoted(strings.Join(preferences, ","), ',') {
		name, value, _ := strings.Cut(splitUnquoted(preference, ';')[0], "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "wait") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0
		}
		return time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second
	}
	return 0
}

// splitUnquoted splits a header's value at separators that are not within double quotes.
func splitUnquoted(text string, separator byte) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}

// readPosition returns where a client wants to begin: after the number in Last-Event-ID or, where a client can't send that
// yet, in the parameter "after". A reconnecting EventSource sends both, and the header is the newer.
func readPosition(r *http.Request) (p position, err error) {
	query := r.URL.Query()
	switch query.Get("unconfirmed") {
	case "", "false":
	case "true":
		p.unconfirmed = true
	default:
		return p, invalid("unconfirmed: give true or false")
	}
	name, text := "Last-Event-ID", r.Header.Get("Last-Event-ID")
	if text == "" {
		name, text = "after", query.Get("after")
	}
	if text == "" {
		return p, nil
	}
	p.told = true
	p.after, err = strconv.ParseInt(text, 10, 64)
	if err != nil || p.after < 0 {
		return p, invalid(name + ": give the number of an event, 0 or above")
	}
	return p, nil
}
