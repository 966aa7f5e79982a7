package verdict

import (
	"crypto/sha256"
	"fmt"
)

// Limits of a request.
const (
	MaxKey       = 255      // bytes of an idempotency key
	MaxOperation = 64       // bytes of an operation's name
	MaxPayload   = 16 << 10 // bytes of a payload
)

// Request is what an app asks for.
type Request struct {
	Scope
	Provider string
	Payload  []byte // a JSON object
}

// InvalidError says which part of a request can't be accepted, why, and what would be.
type InvalidError struct {
	Field string // in the app's words: id, Idempotency-Key, operation, payload
	Mend  string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Mend }

// fingerprint checks a request and returns the digest of what it asks for. Requests that differ only in the order of
// JSON members or in white space have the same.
func (r Request) fingerprint() ([sha256.Size]byte, error) {
	var none [sha256.Size]byte
	if !printable(r.Key, MaxKey) {
		return none, &InvalidError{"key", fmt.Sprintf("give 1 to %d printable ASCII characters", MaxKey)}
	}
	if err := checkOperation(r.Operation); err != nil {
		return none, err
	}
	if len(r.Payload) > MaxPayload {
		return none, &InvalidError{"payload", fmt.Sprintf("%d bytes; give at most %d", len(r.Payload), MaxPayload)}
	}
	content, err := Canonical(r.Payload)
	if err != nil {
		return none, &InvalidError{"payload", err.Error()}
	}
	if content[0] != '{' {
		return none, &InvalidError{"payload", "give a JSON object"}
	}
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %s", r.Operation, r.Provider, content)), nil
}

func checkOperation(operation string) error {
	if !printable(operation, MaxOperation) {
		return &InvalidError{"operation", fmt.Sprintf("give 1 to %d printable ASCII characters", MaxOperation)}
	}
	return nil
}

// printable reports whether s is 1 to limit characters of printable ASCII.
func printable(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
