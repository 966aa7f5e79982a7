package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// The values are parts of the text, and keep all of it in memory.
func members(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, invalid("not UTF-8; send JSON in UTF-8")
	}
	if !json.Valid(text) {
		return nil, brokenJSON(text)
	}
	text = bytes.TrimSpace(text)
	if text[0] != '{' {
		return nil, invalid("send a JSON object")
	}
	found := map[string]json.RawMessage{}
	rest := bytes.TrimSpace(text[1 : len(text)-1])
	for len(rest) > 0 {
		var name, value []byte
		name, rest = cut(rest, ':')
		value, rest = cut(rest, ',')
		member := textOf(name)
		if _, taken := found[member]; taken {
			return nil, invalid(fmt.Sprintf("member %q stands twice; send each once", member))
		}
		found[member] = value
	}
	return found, nil
}

// cut splits what stands within an object that is known to be JSON, at the first separator that isn't within a value.
func cut(text []byte, separator byte) (before, after []byte) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			depth--
		case c == separator && depth == 0:
			return bytes.TrimSpace(text[:i]), text[i+1:]
		}
	}
	return bytes.TrimSpace(text), nil
}

// textOf returns what a JSON string means.
func textOf(written []byte) string {
	if !bytes.Contains(written, []byte{'\\'}) {
		return string(written[1 : len(written)-1])
	}
	var meaning string
	_ = json.Unmarshal(written, &meaning) // it is a string
	return meaning
}

// brokenJSON says what is wrong with text that isn't one JSON value.
func brokenJSON(text []byte) error {
	err := json.NewDecoder(bytes.NewReader(text)).Decode(new(json.RawMessage))
	switch {
	case err == nil:
		return invalid("more than one JSON value; send one")
	case errors.Is(err, io.EOF): // of the text, where it should go on
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
	if raw[0] != '"' {
		return "", invalid(name + ": give a string")
	}
	return textOf(raw), nil
}

// onlyMembers refuses an object with members that we don't know: they may be misspelt.
func onlyMembers(in map[string]json.RawMessage, known ...string) error {
	var unknown []string
	for name := range in {
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return invalid(fmt.Sprintf("%.40q is not known here; the members are %s, told apart by case", slices.Min(unknown), strings.Join(known, ", ")))
}

// reword names the part of a request that can't be accepted as this request names it.
func reword(err error, names map[string]string) error {
	var bad *verdict.InvalidError
	if errors.As(err, &bad) && names[bad.Field] != "" {
		return &verdict.InvalidError{Field: names[bad.Field], Mend: bad.Mend}
	}
	return err
}
