package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"verdict"
)

const (
	// maxBody is how many bytes a request may have.
	maxBody = 64 << 10

	// bodyTimeout is how long the bytes of a request's body may take.
	bodyTimeout = 10 * time.Second
)

// readBody returns the whole body of a request, whatever type it is said to have.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	deadline := time.Now().Add(bodyTimeout)
	err := http.NewResponseController(w).SetReadDeadline(deadline) // net/http lifts it after the last byte
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, refusal{kind: slowRequest}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, refusal{kind: slowRequest}
	case err != nil && !errors.As(err, new(*http.MaxBytesError)):
		return nil, invalid("the body can't be read; send JSON")
	}
	return body, err
}

// members returns the members of a JSON object as they were written. Names are told apart by case, and an object that
// parsers might disagree about is refused.
func members(text []byte) (map[string]json.RawMessage, error) {
	if _, err := verdict.Canonical(text); err != nil {
		return nil, invalid(err.Error())
	}
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); trimmed[0] != '{' {
		return nil, invalid("send a JSON object")
	}
	var found map[string]json.RawMessage
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, invalid(err.Error())
	}
	return found, nil
}

// stringMember returns a member that must be a string, or the fallback if there is no such member.
func stringMember(from map[string]json.RawMessage, name, fallback string) (string, error) {
	raw, ok := from[name]
	if !ok {
		return fallback, nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", invalid(name + ": give a string")
	}
	return *s, nil
}

// onlyMembers refuses an object with members that we don't know: they may be misspelt.
func onlyMembers(in map[string]json.RawMessage, known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !slices.Contains(known, name) {
			return invalid(fmt.Sprintf("%.40q is not known here; the members are %s, told apart by case", name, strings.Join(known, ", ")))
		}
	}
	return nil
}

// reword names the part of a request that can't be accepted as this request names it.
func reword(err error, names map[string]string) error {
	var bad *verdict.InvalidError
	if errors.As(err, &bad) && names[bad.Field] != "" {
		return &verdict.InvalidError{Field: names[bad.Field], Mend: bad.Mend}
	}
	return err
}
