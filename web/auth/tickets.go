package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"verdict"
)

// Tickets issues tickets and knows its own. A ticket stands for whoever fetched it, may be seen in a URL, and is good for
// one stream. It holds all there is to know about it, sealed with a MAC, so that issuing one writes nothing and any
// instance can open it. That it is opened only once is for the store to see to.
type Tickets struct {
	Secret []byte // the store's
}

// ticketLife is how long a ticket is good, at most; less if the credentials that fetched it end before.
const ticketLife = 30 * time.Second

const ticketPrefix = "vt1_"

// The parts of a ticket, in bytes: Unix seconds of its expiry and of that of the credentials (0: never), randomness, and
// whether anybody was asked; then role, tenant and owner, of which none has a zero byte, with one between; then the MAC.
const (
	ticketExpiry = 8
	ticketUntil  = 8
	ticketRandom = 16
	ticketFixed  = ticketExpiry + ticketUntil + ticketRandom + 1
	ticketMAC    = 16
)

// Issue returns a new ticket for a principal, and when it expires.
func (k Tickets) Issue(p Principal, now time.Time) (ticket string, expires time.Time) {
	expires = now.Add(ticketLife).Truncate(time.Second)
	var until int64
	if !p.Expires.IsZero() {
		until = p.Expires.Unix()
		expires = earlier(expires, time.Unix(until, 0))
	}
	text := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	text = binary.BigEndian.AppendUint64(text, uint64(until))
	text = append(text, make([]byte, ticketRandom+1)...)
	_, _ = rand.Read(text[ticketExpiry+ticketUntil : ticketFixed-1]) // never fails, see its documentation
	if p.Anonymous {
		text[ticketFixed-1] = 1
	}
	text = append(text, string(p.Role)+"\x00"+p.Tenant+"\x00"+p.Owner...)
	text = append(text, k.mac(text)...)
	return ticketPrefix + base64.RawURLEncoding.EncodeToString(text), expires.UTC()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Open returns whom a ticket stands for, what may be spent once before it expires, and when that is. The error is
// ErrRefused: the ticket isn't ours, or it has expired.
func (k Tickets) Open(ticket string, now time.Time) (p Principal, id string, expires time.Time, err error) {
	encoded, ok := strings.CutPrefix(ticket, ticketPrefix)
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	sealed := len(text) - ticketMAC
	if !ok || err != nil || sealed < 0 || !hmac.Equal(text[sealed:], k.mac(text[:sealed])) {
		return Principal{}, "", time.Time{}, refuse("the ticket is none of ours; fetch one with POST /v1/tickets")
	}
	expires = time.Unix(int64(binary.BigEndian.Uint64(text)), 0).UTC()
	if !now.Before(expires) {
		return Principal{}, "", time.Time{}, refuse("the ticket has expired; fetch a new one with POST /v1/tickets")
	}
	random := text[ticketExpiry+ticketUntil : ticketFixed-1]
	return holder(text[:sealed]), base64.RawURLEncoding.EncodeToString(random), expires, nil
}

// holder reads whom a ticket of ours stands for.
func holder(text []byte) Principal {
	names := strings.SplitN(string(text[ticketFixed:]), "\x00", 3)
	p := Principal{
		Audience:  verdict.Audience{Tenant: names[1], Owner: names[2]},
		Role:      Role(names[0]),
		Anonymous: text[ticketFixed-1] == 1,
	}
	if until := int64(binary.BigEndian.Uint64(text[ticketExpiry:])); until != 0 {
		p.Expires = time.Unix(until, 0).UTC()
	}
	return p
}

// mac is 128 bits of HMAC-SHA256 under a key that the store's secret is used for nothing else with, so that nothing else
// that is sealed under that secret can be taken for a ticket, and no ticket for anything else.
func (k Tickets) mac(text []byte) []byte {
	key, err := hkdf.Key(sha256.New, k.Secret, nil, "verdict ticket v1", sha256.Size)
	if err != nil {
		panic(err) // a key of 32 bytes can always be derived
	}
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)[:ticketMAC]
}
