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
	"unicode/utf8"

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
// parsers might disagree about is refused. What is within a member is left to those who read it: a payload, to the intake.
func members(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, invalid("not UTF-8; send JSON in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil {
		return nil, brokenJSON(err)
	} else if begin != json.Delim('{') {
		return nil, invalid("send a JSON object")
	}
	found := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, brokenJSON(err)
		}
		member := name.(string) // the decoder takes nothing else there
		if _, taken := found[member]; taken {
			return nil, invalid(fmt.Sprintf("member %q stands twice; send each once", member))
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, brokenJSON(err)
		}
		found[member] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, brokenJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("more than one JSON value; send one")
	}
	return found, nil
}

func brokenJSON(err error) error {
	if errors.Is(err, io.EOF) { // of the text, where it should go on
		err = io.ErrUnexpectedEOF
	}
	return invalid("broken JSON: " + err.Error())
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
