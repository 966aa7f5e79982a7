package verdict

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestTextsThatMeanTheSameAreTheSame(t *testing.T) {
	same := []string{
		`{"b":[1,2,{"d":null,"c":true}],"a":"é"}`,
		"{ \"a\" : \"\\u00e9\",\n \"b\" : [ 1 , 2, {\"c\":true, \"d\":null} ] }",
	}
	want := `{"a":"é","b":[1,2,{"c":true,"d":null}]}`
	for _, text := range same {
		if got, err := Canonical([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%s\n got %s, %v\nwant %s", text, got, err, want)
		}
	}
}

func TestNumbersAreNeverRounded(t *testing.T) {
	for _, number := range []string{"10000000000000000001", "0.10", "1e400", "-0"} {
		if got, err := Canonical([]byte(number)); err != nil || string(got) != number {
			t.Errorf("%s became %s, %v", number, got, err)
		}
	}
}

func TestWhatParsersDisagreeAboutIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"duplicate member":        `{"a":1,"a":2}`,
		"duplicate, escaped":      `{"a":1,"\u0061":2}`,
		"duplicate further in":    `[{"a":{"b":1,"b":1}}]`,
		"two values":              `{} {}`,
		"trailing text":           `{}x`,
		"nothing":                 ``,
		"cut short":               `{"a":`,
		"cut short in an array":   `[1,`,
		"not UTF-8":               "{\"a\":\"\xff\"}",
		"too deep":                strings.Repeat("[", 33) + strings.Repeat("]", 33),
		"a comma without a value": `{"a":1,}`,
	} {
		if got, err := Canonical([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %s", name, got)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":null}],"c":"\u00e9"}`, `[]`, `"x"`, `{"a":1,"a":2}`, `-1.5e10`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := Canonical(text)
		if err != nil {
			return
		}
		twice, err := Canonical(once)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("%q: %q, then %q, %v", text, once, twice, err)
		}
		if !reflect.DeepEqual(decoded(t, text), decoded(t, once)) {
			t.Fatalf("%q changed its meaning: %q", text, once)
		}
	})
}

func decoded(t *testing.T, text []byte) any {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}
