package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"verdict"
	"verdict/provider/wire"
)

// filled returns the request that a described call makes of a payload.
func filled(t testing.TB, c Call, payload string) (request, error) {
	t.Helper()
	v, err := wire.Value([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	known := reader{secrets: map[string]string{"merchant": "shop 17/a"}, knows: []source{ofReference, ofWebhookURL, ofPayload}}
	made, err := c.compile(known, []string{http.MethodPost}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made.fill(values{"ref", "https://us.example/w", v})
}

func TestBodyIsWhatIsDescribedWithTheAppsValuesAsTheyWereWritten(t *testing.T) {
	for _, tt := range []struct {
		body    map[string]any
		pass    bool
		payload string
		want    string
	}{
		{map[string]any{"ref": "${reference}", "amount": "${payload.amount}", "n": 1, "x": 1.5, "yes": true, "none": nil}, false,
			`{"amount":10000000000000000001.10}`, `{"amount":10000000000000000001.10,"n":1,"none":null,"ref":"ref","x":1.5,"yes":true}`},
		{map[string]any{"ref": "${reference}", "all": []any{"${payload.items}", "${payload.items.1}", "a"}}, false,
			`{"items":[1,{"b":"c"}]}`, `{"all":[[1,{"b":"c"}],{"b":"c"},"a"],"ref":"ref"}`},
		{map[string]any{"text": "${secret.merchant}: ${payload.n} for ${reference}"}, false,
			`{"n":1.10}`, `{"text":"shop 17/a: 1.10 for ref"}`},
		{map[string]any{"ref": "${reference}", "note": "${payload.note?}", "title": "Re: ${payload.note?}", "list": []any{"${payload.note?}", "${payload.empty?}"}}, false,
			`{"empty":"","note":null}`, `{"list":[],"ref":"ref"}`},
		{map[string]any{"id": "${reference}", "note": "${payload.note?}"}, true,
			`{"ID":"theirs","id":1,"Note":"theirs","amount":1.10}`, `{"amount":1.10,"id":"ref"}`},
		{nil, true, `{"b":[],"a":1.10}`, `{"a":1.10,"b":[]}`},
		{nil, false, `{"a":1}`, ``},
	} {
		c := Call{Path: "/${secret.merchant}/${reference}", PassPayload: tt.pass}
		if tt.body != nil {
			c.Body = tt.body
		}
		r, err := filled(t, c, tt.payload)
		if err != nil || string(r.body) != tt.want || r.path != "/shop%2017%2Fa/ref" {
			t.Errorf("%s:\n got %s %s, %v\nwant %s", tt.payload, r.path, r.body, err, tt.want)
		}
	}
}

func TestPayloadThatCantBeSentFailsWithTheMend(t *testing.T) {
	c := Call{
		Path: "/${payload.merchant}/${reference}", Query: map[string]any{"q": "${payload.q}"},
		Headers: map[string]any{"X-H": "${payload.h}"}, Body: map[string]any{"a": "${payload.a.b}"},
	}
	for payload, want := range map[string]string{
		`{"merchant":"m","q":"q","h":"h","a":{"b":1}}`:      "",
		`{"q":"q","h":"h","a":{"b":1}}`:                     "payload.merchant: it is missing",
		`{"merchant":"","q":"q","h":"h","a":{"b":1}}`:       "payload.merchant: it is missing",
		`{"merchant":["m"],"q":"q","h":"h","a":{"b":1}}`:    "payload.merchant: give a text or a number",
		`{"merchant":"..","q":"q","h":"h","a":{"b":1}}`:     ". and .. can't stand in a path",
		`{"merchant":"m","h":"h","a":{"b":1}}`:              "payload.q: it is missing",
		`{"merchant":"m","q":"q","h":"a\r\nb","a":{"b":1}}`: "payload.h: give printable ASCII",
		`{"merchant":"m","q":"q","h":"é","a":{"b":1}}`:      "payload.h: give printable ASCII",
		`{"merchant":"m","q":"q","h":"h","a":{"c":1}}`:      "payload.a.b: it is missing",
		`{"merchant":"m","q":"q","h":"h","a":1}`:            "payload.a.b: it is missing",
	} {
		_, err := filled(t, c, payload)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", payload, err, want)
		}
	}
	p := mustOpen(t, example(t, "acme"))
	for _, payload := range []string{"", "null", "[]", `"a"`, "{", `{"amount":1}`} {
		a, err := p.Submit(t.Context(), verdict.Submission{Reference: "ref", WebhookURL: "https://us.example/w", Payload: []byte(payload)})
		if err != nil || a.Outcome != verdict.OutcomeFailed || !strings.HasPrefix(a.Reason, "payload") {
			t.Errorf("%q: got %+v, %v", payload, a, err)
		}
	}
}

// What an app sends goes through to the partner as it is, wherever it stands, and adds nothing.
func FuzzPayloadStaysInItsPlace(f *testing.F) {
	for _, text := range []string{"a", "../..", "a/b?c#d", `","admin":true,"x":"`, "a\r\nX-Evil: 1", "${secret.merchant}", "%2e%2e", "&ref=other", "é\x00", "\u2028"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		payload := `{"v":` + string(quoted) + `}`
		if err := json.Unmarshal(quoted, &text); err != nil { // what isn't UTF-8 is no JSON
			t.Fatal(err)
		}
		r, err := filled(t, Call{
			Path: "/pay/${payload.v}/${reference}", Query: map[string]any{"a": "${payload.v}", "ref": "${reference}"},
			Body: map[string]any{"v": "${payload.v}", "in": "<${payload.v}>", "${payload.v}": "name"},
		}, payload)
		if err != nil {
			if text != "" && text != "." && text != ".." {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		path, query, _ := strings.Cut(r.path, "?")
		segments := strings.Split(path, "/")
		if len(segments) != 4 || segments[1] != "pay" || segments[3] != "ref" {
			t.Fatalf("%q became the path %q", text, path)
		}
		if got, err := url.PathUnescape(segments[2]); err != nil || got != text {
			t.Errorf("%q became the segment %q, %v", text, segments[2], err)
		}
		got, err := url.ParseQuery(query)
		if err != nil || len(got) != 2 || got.Get("a") != text || got.Get("ref") != "ref" {
			t.Errorf("%q became the query %q, %v", text, query, err)
		}
		var body map[string]string
		d := json.NewDecoder(bytes.NewReader(r.body))
		if err := d.Decode(&body); err != nil || len(body) != 3 || body["v"] != text || body["in"] != "<"+text+">" || body["${payload.v}"] != "name" {
			t.Errorf("%q became the body %s, %v", text, r.body, err)
		}
	})
}
