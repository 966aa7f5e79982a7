package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"testing"
	"unicode/utf8"
)

func TestMembersAreAsTheyWereWritten(t *testing.T) {
	text := " {\n\"a\" : \"x,\\\"}:\\\\\" , \"\\u0062\":[1, {\"c\" : [] }] ,\"c\":{\"d\":\"]\"},\"é:\": -1.50\t,\"\":null}\r\n"
	want := map[string]string{"a": `"x,\"}:\\"`, "b": `[1, {"c" : [] }]`, "c": `{"d":"]"}`, "é:": "-1.50", "": "null"}
	found, err := members([]byte(text))
	got := map[string]string{}
	for name, value := range found {
		got[name] = string(value)
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestObjectsThatAreNotOneAreRefusedWithTheMend(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "broken JSON: unexpected EOF",
		"{":                  "broken JSON: unexpected EOF",
		`{"a":1,}`:           "broken JSON: invalid character '}' looking for beginning of object key string",
		`{"a":1}}`:           "more than one JSON value; send one",
		`{} {}`:              "more than one JSON value; send one",
		`[]`:                 "send a JSON object",
		`null`:               "send a JSON object",
		"\"\xff\"":           "not UTF-8; send JSON in UTF-8",
		`{"a":1,"\u0061":2}`: `member "a" stands twice; send each once`,
	} {
		var refused refusal
		if _, err := members([]byte(text)); !errors.As(err, &refused) || refused.detail != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,{"b":null}],"c":"\u00e9"}`, `{}`, " { } \n", `[]`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"\\":"\\","\"":"\""}`,
		`{"\ud800":1,"\udfff":2}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1 "b":2}`, `{"a":"}`, "{} \x00", "\ufeff{}", "{\"a\":\u00a01}",
		"{\"a\":1\u00a0}", "{\u00a0\"a\":1}", "{\"a\":\f1}", `{"a":{"b":[{"c":"}]"}]}}`, `{"a":[}`, `{"a":1}{`, "\u00a0{}", "{}\v",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := members(text)
		want, ok := membersByTokens(text)
		same := maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
		if (err == nil) != ok || err == nil && !same {
			t.Fatalf("%q: %q, %v; by tokens %q, %t", text, got, err, want, ok)
		}
		for name := range got {
			var meant *string
			ok := json.Unmarshal(got[name], &meant) == nil && meant != nil
			told, err := stringMember(got, name, "")
			if (err == nil) != ok || ok && told != *meant {
				t.Fatalf("%s is %q, %v", got[name], told, err)
			}
		}
	})
}

// membersByTokens is members by encoding/json alone, which takes three times as long.
func membersByTokens(text []byte) (found map[string]json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') || !utf8.Valid(text) {
		return nil, false
	}
	found = map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if _, taken := found[name.(string)]; taken || d.Decode(&value) != nil {
			return nil, false
		}
		found[name.(string)] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return found, true
}
