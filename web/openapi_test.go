package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"verdict"
	"verdict/web/auth"
)

// contract is the OpenAPI document, as a check of requests and answers.
type contract struct {
	*openapi3.T
	router routers.Router
}

func newContract(t *testing.T) contract { return readContract(t, openapi) }

func readContract(t *testing.T, document []byte) contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	plain := openapi3filter.RegisteredBodyDecoder("text/plain")
	openapi3filter.RegisterBodyDecoder("text/event-stream", plain)
	t.Cleanup(func() { openapi3filter.UnregisterBodyDecoder("text/event-stream") })
	return contract{doc, router}
}

// check holds a request, unless it is meant to be bad, and its answer against the document.
func (c contract) check(r *http.Request, body string, answer *httptest.ResponseRecorder) error {
	r.Body = io.NopCloser(strings.NewReader(body))
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		return err
	}
	request := &openapi3filter.RequestValidationInput{Request: r, Route: route, PathParams: params, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if answer.Code < 400 {
		if err := openapi3filter.ValidateRequest(context.Background(), request); err != nil {
			return err
		}
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: answer.Code, Header: answer.Header(),
		Body: io.NopCloser(bytes.NewReader(answer.Body.Bytes())), Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
}

func TestDocumentHasTheRoutesThatThereAre(t *testing.T) {
	var routed []string
	for _, route := range newWorld(t).server.routes() {
		routed = append(routed, route.pattern)
	}
	newContract(t).wantRoutes(t, routed)
}

func (c contract) wantRoutes(t *testing.T, routed []string) {
	t.Helper()
	var documented []string
	for path, item := range c.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	slices.Sort(documented)
	slices.Sort(routed)
	if !slices.Equal(documented, routed) {
		t.Errorf("documented %q, routed %q", documented, routed)
	}
}

func TestDocumentIsServed(t *testing.T) {
	answer := newWorld(t).do("GET", "/openapi.json", "")
	if answer.Header().Get("Content-Type") != "application/json" || !bytes.Equal(answer.Body.Bytes(), openapi) {
		t.Errorf("%v", answer.Header())
	}
}

func TestAnswersAreAsDocumented(t *testing.T) {
	c := newContract(t)
	w := newWorld(t)
	settled, pending := w.settled(w.accept("settled"), verdict.OutcomeFailed), w.accept("pending")
	full := newWorld(t, func(c *Config) { c.Limits.Connections = 1 })
	if _, err := full.server.streams.enter(auth.Principal{}, "", "sse"); err != nil {
		t.Fatal(err)
	}
	broken := newWorld(t)
	broken.store.fail(errors.New("disk i/o error"))
	exclusive := newWorld(t, func(c *Config) { c.Intake.Exclusive = true })
	signed := newWorld(t)
	signed.sign("secret")
	guarded := newWorld(t, func(c *Config) { c.Guard = newGuard(t) })
	crowded := newWorld(t, func(c *Config) { c.Limits.PerAddress = 1 })
	if _, err := crowded.server.streams.enter(auth.Principal{}, "192.0.2.1", "sse"); err != nil { // httptest's address
		t.Fatal(err)
	}
	hurried := newWorld(t, func(c *Config) { c.Rates.PerAddress = 1 })
	tooOften := func(method, path, body string, header ...string) *httptest.ResponseRecorder {
		for hurried.server.rates.addresses.take(netip.MustParseAddr("192.0.2.1")) { // httptest's address
		}
		return hurried.do(method, path, body, header...)
	}
	const path, keys, key = "/v1/transactions", "/v1/idempotency-keys", "Idempotency-Key"
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	ack := path + "/" + settled.ID + "/ack"
	large := `{"id":"k","payload":{"n":"` + strings.Repeat("x", maxBody) + `"}}`
	c.wantScenes(t, []scene{
		{w.do, "POST", "/transaction", `{"id":"a","amount":1}`, nil, 202},
		{w.do, "POST", "/transaction", `{"id":"a","amount":1}`, []string{"Accept-Language", "en"}, 202},
		{w.do, "POST", "/transaction", `{"id":"settled","amount":1500}`, nil, 200},
		{w.do, "POST", "/transaction", `{"amount":1}`, nil, 400},
		{w.do, "POST", "/transaction", `{"id":"a"}`, []string{"Origin", "https://evil.example"}, 403},
		{w.do, "POST", "/transaction", large, nil, 413},
		{w.do, "POST", "/transaction", `{"id":"a","amount":2}`, nil, 422},
		{exclusive.do, "POST", "/transaction", `{"id":"a"}`, nil, 202},
		{exclusive.do, "POST", "/transaction", `{"id":"a"}`, nil, 409},
		{broken.do, "POST", "/transaction", `{"id":"a"}`, nil, 503},
		{tooOften, "POST", "/transaction", `{"id":"a"}`, nil, 429},
		{tooOften, "POST", path, `{"payload":{}}`, []string{key, "c"}, 429},
		{tooOften, "POST", keys, "", nil, 429},
		{tooOften, "POST", path + "/x/ack", "", nil, 429},
		{tooOften, "POST", "/v1/tickets", "", nil, 429},
		{tooOften, "GET", path + "?key=a", "", nil, 429},
		{tooOften, "GET", path + "/x", "", nil, 429},
		{tooOften, "GET", path + "/x/timeline", "", nil, 429},
		{tooOften, "GET", path + "/x/events", "", nil, 200},
		{tooOften, "GET", "/v1/ws", "", upgrade, 429},
		{w.do, "POST", keys, "", nil, 201},
		{w.do, "POST", keys, `{"operation":"transfer"}`, nil, 201},
		{w.do, "POST", keys, `{"operation":""}`, nil, 400},
		{w.do, "POST", keys, "", []string{"Origin", "null"}, 403},
		{w.do, "POST", keys, large, nil, 413},
		{w.do, "POST", path, `{"operation":"transfer","provider":"other","payload":{"a":1}}`, []string{key, `"b"`}, 202},
		{w.do, "POST", path, `{"operation":"transfer","provider":"other","payload":{"a":1}}`, []string{key, "b"}, 202},
		{w.do, "POST", path, `{"payload":{"amount":1500}}`, []string{key, "settled", "Prefer", "wait=1"}, 200},
		{w.do, "POST", path, `{"payload":{}}`, nil, 400},
		{w.do, "POST", path, `{"payload":{}}`, []string{key, "c", "Origin", "null"}, 403},
		{w.do, "POST", path, large, []string{key, "c"}, 413},
		{w.do, "POST", path, `{"payload":{"amount":1}}`, []string{key, "settled"}, 422},
		{w.do, "POST", path, `{"payload":{}}`, []string{key, "vk1_x"}, 422},
		{exclusive.do, "POST", path, `{"payload":{}}`, []string{key, "c"}, 202},
		{exclusive.do, "POST", path, `{"payload":{}}`, []string{key, "c"}, 409},
		{broken.do, "POST", path, `{"payload":{}}`, []string{key, "c"}, 503},
		{w.do, "GET", path + "?key=settled", "", nil, 200},
		{w.do, "GET", path + "?key=b&operation=transfer", "", nil, 200},
		{w.do, "GET", path, "", nil, 400},
		{w.do, "GET", path + "?key=settled", "", []string{"Origin", "null"}, 403},
		{w.do, "GET", path + "?key=none", "", nil, 404},
		{broken.do, "GET", path + "?key=none", "", nil, 503},
		{w.do, "GET", path + "/" + settled.ID, "", nil, 200},
		{w.do, "GET", path + "/" + pending.ID, "", nil, 200},
		{w.do, "GET", path + "/x", "", []string{"Origin", "null"}, 403},
		{w.do, "GET", path + "/x", "", nil, 404},
		{broken.do, "GET", path + "/x", "", nil, 503},
		{w.do, "GET", path + "/" + settled.ID + "/timeline", "", nil, 200},
		{w.do, "GET", path + "/x/timeline", "", []string{"Origin", "null"}, 403},
		{w.do, "GET", path + "/x/timeline", "", nil, 404},
		{broken.do, "GET", path + "/x/timeline", "", nil, 503},
		{w.do, "GET", path + "/" + settled.ID + "/events", "", nil, 200},
		{w.do, "GET", path + "/" + settled.ID + "/events", "", []string{"Last-Event-ID", "2"}, 204},
		{w.do, "GET", path + "/x/events", "", []string{"Origin", "null"}, 403},
		{w.do, "GET", path + "/x/events", "", nil, 404},
		{full.do, "GET", "/v1/events?after=3", "", []string{"Last-Event-ID", "4"}, 200},
		{w.do, "GET", "/v1/events?after=x", "", nil, 400},
		{w.do, "GET", "/v1/events", "", []string{"Origin", "null"}, 403},
		{w.do, "GET", "/v1/ws", "", upgrade, 400},
		{w.do, "GET", "/v1/ws", "", []string{"Origin", "null"}, 403},
		{w.do, "GET", "/v1/ws", "", nil, 426},
		{full.do, "GET", "/v1/ws", "", upgrade, 503},
		{crowded.do, "GET", "/v1/ws", "", upgrade, 429},
		{w.do, "POST", ack, "", nil, 200},
		{w.do, "POST", ack, `{"id":2}`, nil, 200},
		{w.do, "POST", ack, `{"event":2}`, nil, 400},
		{w.do, "POST", ack, "", []string{"Origin", "null"}, 403},
		{w.do, "POST", path + "/x/ack", "", nil, 404},
		{w.do, "POST", ack, `{"id":1}`, nil, 409},
		{w.do, "POST", path + "/" + pending.ID + "/ack", "", nil, 409},
		{w.do, "POST", ack, large, nil, 413},
		{broken.do, "POST", ack, "", nil, 503},
		{w.do, "POST", "/v1/tickets", "", nil, 201},
		{w.do, "POST", "/v1/tickets", "", []string{"Origin", "null"}, 403},
		{guarded.do, "GET", path + "/x", "", nil, 401},
		{guarded.do, "GET", path + "/x/timeline", "", nil, 401},
		{guarded.do, "GET", path + "/x/events", "", nil, 401},
		{guarded.do, "GET", "/v1/events", "", nil, 401},
		{guarded.do, "GET", "/v1/ws", "", upgrade, 401},
		{guarded.do, "GET", path + "?key=k", "", nil, 401},
		{guarded.do, "POST", path + "/x/ack", "", nil, 401},
		{guarded.do, "POST", "/v1/tickets", "", nil, 401},
		{guarded.do, "POST", path, `{"payload":{}}`, []string{key, "k"}, 401},
		{guarded.do, "POST", keys, "", nil, 401},
		{guarded.do, "POST", "/transaction", `{"id":"a"}`, nil, 401},
		{guarded.do, "POST", guarded.webhookPath("x"), `{"status":"pending"}`, nil, 200},
		{w.do, "POST", w.webhookPath(pending.ID), `{"status":"pending"}`, nil, 200},
		{signed.do, "POST", signed.webhookPath("x"), `{}`, nil, 401},
		{w.do, "POST", "/webhooks/djamo/x", `{}`, nil, 404},
		{w.do, "POST", w.webhookPath(pending.ID), large, nil, 413},
		{broken.do, "POST", w.webhookPath(pending.ID), `{}`, nil, 503},
		{w.do, "PUT", w.webhookPath(pending.ID), `{"status":"pending"}`, nil, 200},
		{signed.do, "PUT", signed.webhookPath("x"), `{}`, nil, 401},
		{w.do, "PUT", "/webhooks/djamo/x", `{}`, nil, 404},
		{w.do, "PUT", w.webhookPath(pending.ID), large, nil, 413},
		{broken.do, "PUT", w.webhookPath(pending.ID), `{}`, nil, 503},
		{w.do, "GET", "/openapi.json", "", nil, 200},
		{w.do, "GET", "/asyncapi.json", "", nil, 200},
		{w.do, "GET", "/problems/too-large", "", nil, 200},
		{w.do, "GET", "/problems/none", "", nil, 404},
	})
}

// scene is a request to a handler and the status it is answered with; header holds names and values in turn.
type scene struct {
	do                 func(method, path, body string, header ...string) *httptest.ResponseRecorder
	method, path, body string
	header             []string
	want               int
}

// wantScenes plays scenes and checks that they are as documented, and that they are all that is documented.
func (c contract) wantScenes(t *testing.T, scenes []scene) {
	t.Helper()
	covered := map[string]bool{}
	for _, s := range scenes {
		answer := s.do(s.method, s.path, s.body, s.header...)
		r := httptest.NewRequest(s.method, s.path, nil)
		if s.method == "POST" && s.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for i := 0; i < len(s.header); i += 2 {
			r.Header.Set(s.header[i], s.header[i+1])
		}
		if answer.Code != s.want {
			t.Errorf("%s %s: %d, want %d", s.method, s.path, answer.Code, s.want)
		}
		if err := c.check(r, s.body, answer); err != nil {
			t.Errorf("%s %s: %d %v", s.method, s.path, answer.Code, err)
		}
		route, _, err := c.router.FindRoute(r)
		if err != nil {
			t.Fatal(err)
		}
		covered[s.method+" "+route.Path+" "+http.StatusText(answer.Code)] = true
	}
	c.wantAll(t, covered)
}

// wantAll checks that every documented answer was seen, but those that a recorder can't play.
func (c contract) wantAll(t *testing.T, covered map[string]bool) {
	t.Helper()
	elsewhere := []int{http.StatusSwitchingProtocols, http.StatusRequestTimeout, http.StatusNotModified}
	for path, item := range c.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, status := range slices.Sorted(maps.Keys(operation.Responses.Map())) {
				var code int
				if err := json.Unmarshal([]byte(status), &code); err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(elsewhere, code) && !covered[method+" "+path+" "+http.StatusText(code)] {
					t.Errorf("%s %s: answer %d was not seen", method, path, code)
				}
			}
		}
	}
}

func TestEveryKindOfProblemIsAsDocumented(t *testing.T) {
	schema := newContract(t).Components.Schemas["Problem"].Value
	for _, k := range kinds() {
		p := k.problem("")
		p.Instance = "urn:uuid:00000000-0000-7000-8000-000000000001"
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		wantValid(t, schema, string(text))
	}
}

func wantValid(t *testing.T, schema *openapi3.Schema, text string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	if err := schema.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}
