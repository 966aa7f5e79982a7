package verdict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
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
	for _, seed := range []string{
		`{"a":[1,{"b":null}],"c":"\u00e9"}`, `[]`, `"x"`, `{"a":1,"a":2}`, `-1.5e10`,
		`{"b":{"d":1,"c":[{"f":2,"e":{}}]},"a":{"z":3,"":0}}`, `{"\u0062":1,"a":2,"b\u0000":3}`, `{"\ud800":1,"\udfff":2}`,
		`{"<":"\u003c&>","\u2028":" ","é€":"\ud83d\ude00\ud83d"}`, "{\"\u2028\":\"\u2029\u20ac\x7f\",\"\\b\\f\\n\\/\\\"\":[]}",
		"\ufeff{}", " \t\r\n{ \"b\" : 1\n, \"a\" :[ true ,null ,-0 ] } ", "{} \x00", "\"\x1f\"", "[1,\f2]",
		strings.Repeat(`{"b":0,"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth),
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := Canonical(text)
		byTokens, refused := canonicalByTokens(text)
		if (err == nil) != (refused == nil) || !bytes.Equal(once, byTokens) {
			t.Fatalf("%q: %q, %v; by tokens %q, %v", text, once, err, byTokens, refused)
		}
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

// BenchmarkCanonical takes a usual payload.
func BenchmarkCanonical(b *testing.B) {
	text := []byte(`{"amount":1000,"currency":"XOF","phone":"+2250700000000","name":"Ama Mensah","meta":{"a":1,"b":[1,2,3]},"note":"rent"}`)
	for name, form := range map[string]func([]byte) ([]byte, error){"ours": Canonical, "by tokens": canonicalByTokens} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := form(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
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

// canonicalByTokens is Canonical as it was first: what it made is on record as fingerprints, so that stays the form.
func canonicalByTokens(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8; send JSON in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out bytes.Buffer
	if err := tokensOf(d, &out, 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value; send one")
	}
	return out.Bytes(), nil
}

func tokensOf(d *json.Decoder, out *bytes.Buffer, depth int) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("broken JSON: %w", syntax(err))
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return scalar(token, out)
	}
	if depth == maxDepth {
		return fmt.Errorf("nested deeper than %d; send flatter JSON", maxDepth)
	}
	if delim == '[' {
		return array(d, out, depth)
	}
	return object(d, out, depth)
}

func array(d *json.Decoder, out *bytes.Buffer, depth int) error {
	out.WriteByte('[')
	for i := 0; d.More(); i++ {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := tokensOf(d, out, depth+1); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return end(d)
}

func object(d *json.Decoder, out *bytes.Buffer, depth int) error {
	members := map[string][]byte{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return fmt.Errorf("broken JSON: %w", syntax(err))
		}
		member, ok := name.(string)
		if !ok {
			return errors.New("broken JSON: a member's name must be a string")
		}
		if _, taken := members[member]; taken {
			return fmt.Errorf("member %q stands twice; send each once", member)
		}
		var value bytes.Buffer
		if err := tokensOf(d, &value, depth+1); err != nil {
			return err
		}
		members[member] = value.Bytes()
	}
	out.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := scalar(name, out); err != nil {
			return err
		}
		out.WriteByte(':')
		out.Write(members[name])
	}
	out.WriteByte('}')
	return end(d)
}

func end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("broken JSON: %w", syntax(err))
	}
	return nil
}

func scalar(value any, out *bytes.Buffer) error {
	text, err := json.Marshal(value)
	out.Write(text)
	return err
}

// syntax names an end of input that came too early for what it is.
func syntax(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
