package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/websocket"

	"verdict/web/auth"
)

// Canaries are what must never be told to whoever reads our log, metrics and traces: secrets, and what belongs to users. A test
// puts one in each place where there may be such a thing, and looks for them where none may be.
type canaries struct {
	byPlace map[string]string

	phone, name, owner, tenant, key               string
	apiKey, wrongKey, jwtSecret                   string
	apiUser, momoKey, subscription, accessToken   string
	webhookSecret, collectorToken, gossip, reason string
	keySetPassword, hookPassword                  string

	keySet string // an issuer's URL
}

func newCanaries() *canaries {
	c := &canaries{byPlace: map[string]string{}}
	for place, into := range map[string]*string{
		"a payload's phone number": &c.phone, "a payload's name": &c.name, "a user": &c.owner, "a tenant": &c.tenant,
		"an idempotency key": &c.key, "an API key": &c.apiKey, "an API key that isn't good": &c.wrongKey, "an issuer's secret": &c.jwtSecret,
		"a partner's user": &c.apiUser, "a partner's API key": &c.momoKey, "a partner's subscription key": &c.subscription,
		"a partner's access token": &c.accessToken, "a webhook's secret": &c.webhookSecret, "the collector's token": &c.collectorToken,
		"a partner's own words": &c.gossip, "an operator's reason": &c.reason,
		"the password of a key set": &c.keySetPassword, "the password of our own URL": &c.hookPassword,
	} {
		sum := sha256.Sum256([]byte(place))
		*into = "canary" + hex.EncodeToString(sum[:20]) // long enough for a secret
		c.byPlace[place] = *into
	}
	c.phone = "2250799887766"
	c.apiKey = auth.NewKey()
	c.byPlace["a payload's phone number"], c.byPlace["an API key"] = c.phone, c.apiKey
	c.byPlace["a partner's user and key"] = base64.StdEncoding.EncodeToString([]byte(c.apiUser + ":" + c.momoKey))
	c.keySet = "http://kiosk:" + c.keySetPassword + "@127.0.0.1:1/keys?key=" + c.keySetPassword // where nobody is
	return c
}

// add adds one that was made meanwhile.
func (c *canaries) add(place, text string) string {
	c.byPlace[place] = text
	return text
}

// mustBeSilent looks for canaries in what was told somewhere.
func (c *canaries) mustBeSilent(t *testing.T, where, told string) {
	t.Helper()
	for place, text := range c.byPlace {
		if text == "" {
			t.Errorf("there is no %s", place)
			continue
		}
		text = text[:min(len(text), 16)] // some quote only the beginning
		if i := strings.Index(told, text); i >= 0 {
			t.Errorf("%s tells %s: %s", where, place, told[max(0, i-120):min(len(told), i+80)])
		}
	}
}

// payload is an app's, which has the partner do something.
func (c *canaries) payload(does string) string {
	return fmt.Sprintf(`{"amount":"100","payer":%q,"name":%q,"does":%q}`, c.phone, c.name, does)
}

// config is a gateway's whose partner is at a URL.
func (c *canaries) config(partner string) string {
	return fmt.Sprintf(`
language: en
sweep: 50ms
schedule: {checks: [1s]}
auth:
  issuers: {shop: {issuer: shop, audiences: [verdict], tenant_claim: tenant, secrets: [%[1]q]}, kiosk: {issuer: kiosk, audiences: [verdict], jwks: %[9]q}}
  keys: {till: {hash: %[2]q, role: service, tenant: %[3]q}}
providers:
  djamo: {url: %[4]q, submit_timeout: 2s, not_found_final: 0, check_budget: 50/1s, webhook_scheme: github, webhook_secrets: [%[5]q]}
  momo: {url: %[4]q, target_environment: sandbox, currency: EUR, submit_timeout: 2s, api_user: %[6]q, api_key: %[7]q, subscription_key: %[8]q}
`, c.jwtSecret, auth.Hash(c.apiKey), c.tenant, partner, c.webhookSecret, c.apiUser, c.momoKey, c.subscription, c.keySet)
}

// gossip is a partner, of both kinds, that tells all it knows.
type gossip struct {
	*canaries
	callbacks chan string // URLs
}

func (g *gossip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	say := func(status int, format string, args ...any) {
		w.Header().Set("X-Gossip", g.gossip)
		w.WriteHeader(status)
		fmt.Fprintf(w, format, args...)
	}
	var order struct{ ID, WebhookURL, Does string }
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &order)
	if r.Method == http.MethodPost && r.URL.Path != "/collection/token/" {
		g.callbacks <- order.WebhookURL + r.Header.Get("X-Callback-Url")
	}
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch at := r.Method + " " + strings.TrimSuffix(r.URL.Path, id); at + order.Does {
	case "POST /collection/token/":
		say(200, `{"access_token":%q,"expires_in":3600}`, g.accessToken)
	case "POST /collection/v1_0/":
		say(202, "")
	case "GET /collection/v1_0/requesttopay/":
		say(200, `{"status":"FAILED","reason":"payer %s is %s","payer":{"partyId":%[1]q}}`, g.phone, g.name)
	case "POST /decline":
		say(200, `{"id":%q,"status":"declined","name":%q}`, order.ID, g.name)
	case "POST /gateway timeout":
		say(504, "Timeout for %s", g.gossip)
	case "POST /unknown status":
		say(200, `{"id":%q,"status":%q}`, order.ID, g.gossip)
	case "POST /twice the same":
		say(200, `{"id":%q,%q:1,%[2]q:2}`, order.ID, g.gossip)
	case "POST /hang up":
		panic(http.ErrAbortHandler)
	case "GET /transaction/":
		say(200, `{"id":%q,"status":"pending","name":%q}`, id, g.name)
	default:
		say(200, `{"id":%q,"status":"completed","phone":%q}`, order.ID, g.phone)
	}
}

// A snitch is an app that has a gateway do all that could make it tell.
type snitch struct {
	*canaries
	*observed
	t     *testing.T
	admin string
	ids   []string
}

func (s *snitch) do(method, path, body string, header ...string) (int, string) {
	s.t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = "http://" + s.address + path
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// asUser are the headers of the user.
func (s *snitch) asUser(more ...string) []string {
	return append(more, "Authorization", "Bearer "+s.apiKey, "Verdict-Subject", s.owner)
}

// submit has a transaction accepted, and returns its id and the URL that its partner is given.
func (s *snitch) submit(provider, does string, callbacks <-chan string) (id, callback string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"provider":%q,"payload":%s}`, provider, s.payload(does))
	status, text := s.do("POST", "/v1/transactions", body, s.asUser("Idempotency-Key", s.key+does+provider)...)
	var v view
	if err := json.Unmarshal([]byte(text), &v); err != nil || status > 202 {
		s.t.Fatalf("%d %s", status, text)
	}
	select {
	case callback = <-callbacks:
	case <-time.After(patience):
		s.t.Fatalf("the partner isn't asked to %s", does)
	}
	s.add("the token of the webhook of "+does, callback[len(callback)-16:]) // it begins with the transaction's id
	s.ids = append(s.ids, v.ID)
	return v.ID, callback
}

// becomes waits for a transaction's stage.
func (s *snitch) becomes(id, stage string) {
	s.t.Helper()
	mustBecome(s.t, id+" "+stage, func() bool {
		_, text := s.do("GET", "/v1/transactions/"+id, "", s.asUser()...)
		return strings.Contains(text, `"stage":"`+stage+`"`)
	})
}

// calls posts a webhook, and is answered so.
func (s *snitch) calls(want int, url, body, secret string) {
	s.t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	signature := s.add("a signature", hex.EncodeToString(mac.Sum(nil)))
	if status, text := s.do("POST", url, body, "X-Hub-Signature-256", "sha256="+signature); status != want {
		s.t.Errorf("a webhook is answered %d %s, want %d", status, text, want)
	}
}

// transactions are those that come to all ends.
func (s *snitch) transactions(callbacks <-chan string) {
	id, callback := s.submit("djamo", "succeed", callbacks)
	s.becomes(id, "settled")
	s.calls(200, callback, fmt.Sprintf(`{"id":%q,"status":"declined","name":%q}`, id, s.name), s.webhookSecret) // a conflict
	s.calls(200, callback, "not JSON: "+s.gossip, s.webhookSecret)
	s.calls(401, callback, `{"name":"`+s.name+`"}`, s.wrongKey)
	s.calls(404, callback+s.wrongKey, `{"name":"`+s.name+`"}`, s.webhookSecret)
	s.calls(404, strings.Replace(callback, "/djamo/", "/"+s.wrongKey+"/", 1), `{"name":"`+s.name+`"}`, s.webhookSecret)

	id, _ = s.submit("djamo", "decline", callbacks)
	s.becomes(id, "settled")
	for _, does := range []string{"unknown status", "twice the same", "hang up"} {
		id, callback = s.submit("djamo", does, callbacks)
		s.calls(200, callback, fmt.Sprintf(`{"id":%q,"status":"completed","name":%q}`, id, s.name), s.webhookSecret)
		s.becomes(id, "settled")
	}
	id, _ = s.submit("momo", "pay", callbacks)
	s.becomes(id, "settled")

	id, _ = s.submit("djamo", "gateway timeout", callbacks)
	s.becomes(id, "review")
	out, err := exec.Command(binary, "tx", "resolve", id, "succeeded", "--admin", s.admin, "--reason", s.reason).CombinedOutput()
	if err != nil {
		s.t.Errorf("%v %s", err, out)
	}
	s.becomes(id, "settled")
}

// mistakes are requests that are refused.
func (s *snitch) mistakes() {
	claims := jwt.MapClaims{"iss": "shop", "aud": "verdict", "sub": s.owner, "tenant": s.tenant, "exp": time.Now().Add(time.Hour).Unix()}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(s.jwtSecret))
	if err != nil {
		s.t.Fatal(err)
	}
	s.add("a JWT", token)
	claims["iss"] = "kiosk"
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	unknown, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(private)
	if err != nil {
		s.t.Fatal(err)
	}
	s.add("a JWT of a key that can't be had", unknown)
	for _, m := range []struct {
		want               int
		method, path, body string
		header             []string
	}{
		{401, "GET", "/v1/transactions?key=" + s.key, "", []string{"Authorization", "Bearer " + s.wrongKey}},
		{401, "GET", "/v1/transactions/" + s.gossip, "", []string{"Authorization", "Bearer " + token + "x"}},
		{503, "GET", "/v1/transactions?key=" + s.key, "", []string{"Authorization", "Bearer " + unknown}},
		{401, "GET", "/v1/events", "", []string{"Cookie", "verdict_token=" + s.wrongKey}},
		{404, "GET", "/v1/transactions?key=" + s.key, "", []string{"Authorization", "Bearer " + token}},
		{404, "GET", "/v1/transactions/" + s.gossip, "", s.asUser()},
		{404, "GET", "/" + s.gossip, "", s.asUser()},
		{405, "DELETE", "/transaction", s.gossip, s.asUser("Idempotency-Key", s.key)},
		{400, "POST", "/transaction", `{"id":"` + s.gossip, s.asUser()},
		{400, "POST", "/transaction", `{"id":"a","` + s.gossip + `":1,"` + s.gossip + `":2}`, s.asUser()},
		{400, "POST", "/v1/transactions", `{"` + s.gossip + `":{}}`, s.asUser("Idempotency-Key", s.key)},
		{400, "POST", "/v1/transactions", `{"provider":"` + s.gossip[:30] + `","payload":{}}`, s.asUser("Idempotency-Key", s.key)},
		{413, "POST", "/transaction", `{"id":"` + strings.Repeat(s.gossip, 10_000) + `"}`, s.asUser()},
		{422, "POST", "/v1/transactions", `{"payload":{"name":"` + s.name + `"}}`, s.asUser("Idempotency-Key", s.key+"succeeddjamo")},
	} {
		if status, text := s.do(m.method, m.path, m.body, m.header...); status != m.want {
			s.t.Errorf("%s %.60s: answered %d %s, want %d", m.method, m.path, status, text, m.want)
		}
	}
}

// streams are those of a ticket, once good and then not, and a conversation.
func (s *snitch) streams() {
	_, text := s.do("POST", "/v1/tickets", "", s.asUser()...)
	var issued struct{ Ticket string }
	if err := json.Unmarshal([]byte(text), &issued); err != nil {
		s.t.Fatalf("%v %s", err, text)
	}
	s.add("a ticket", issued.Ticket)
	events := "/v1/transactions/" + s.ids[0] + "/events?ticket="
	for ticket, want := range map[string]int{issued.Ticket: 200, s.wrongKey: 401} {
		if status, text := s.do("GET", events+ticket, ""); status != want {
			s.t.Errorf("a ticket is answered %d %s, want %d", status, text, want)
		}
	}
	if status, _ := s.do("GET", events+issued.Ticket, ""); status != 401 {
		s.t.Errorf("a used ticket is answered %d", status)
	}
	header := http.Header{"Authorization": {"Bearer " + s.apiKey}, "Verdict-Subject": {s.owner}}
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+s.address+"/v1/ws", header)
	if err != nil {
		s.t.Fatal(err)
	}
	defer ws.Close()
	for _, message := range []string{
		`{"type":"auth","token":"` + s.wrongKey + `"}`, `{"type":"` + s.gossip + `"}`, "not JSON: " + s.gossip,
		`{"type":"subscribe","transaction":"` + s.gossip + `"}`, `{"type":"submit","key":"` + s.key + `","payload":"` + s.name + `"}`,
	} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			s.t.Fatal(err)
		}
		if _, text, err := ws.ReadMessage(); err != nil || !bytes.Contains(text, []byte(`"error"`)) {
			s.t.Errorf("%s: answered %s, %v", message, text, err)
		}
	}
}

// TestNothingIsTold of secrets and of users' affairs, by the log at its most talkative, the metrics or the traces, whatever happens.
func TestNothingIsTold(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			c := newCanaries()
			callbacks := make(chan string, 100)
			partner := &http.Server{Handler: &gossip{c, callbacks}}
			at := listen(t)
			go partner.Serve(at)
			t.Cleanup(func() { partner.Close() })
			w := &world{t: t, dir: t.TempDir(), address: freeAddress(t)}
			s := &snitch{c, &observed{w, newReceiver(t, c.collectorToken)}, t, freeAddress(t), nil}
			path := filepath.Join(w.dir, "verdict.yaml")
			if err := os.WriteFile(path, []byte(c.config("http://"+at.Addr().String())), 0o600); err != nil {
				t.Fatal(err)
			}
			environment := append(os.Environ(), s.receiver.environment()...)
			cmd := exec.Command(binary, "serve", "--config", path, "--address", w.address, "--admin-address", s.admin, "--log-level", "debug",
				"--log-format", format, "--database", "sqlite:"+filepath.Join(w.dir, "verdict.db"), "--stream-dir", w.streamDir(),
				"--public-url", "http://partner:"+c.hookPassword+"@"+w.address)
			cmd.Env = environment
			s.gateway = spawn(t, cmd, map[string]string{"text": "msg=ready", "json": `"msg":"ready"`}[format])
			s.gateway.await(t)

			s.transactions(callbacks)
			s.mistakes()
			s.streams()
			_, metrics := s.do("GET", "http://"+s.admin+"/metrics", "")
			if code := s.gateway.terminate(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			told := s.gateway.log.String()
			s.mustBeSilent(t, "the log", told)
			s.mustBeSilent(t, "/metrics", metrics)
			s.mustBeSilent(t, "a trace", string(s.receiver.raw))
			s.mustNameTransactions(format, told)
			for what, there := range map[string]bool{
				"metrics": strings.Contains(metrics, "verdict_"), "spans": len(s.receiver.of("")) > 50, "requests": strings.Count(told, "webhooks/{provider}") > 5,
				"a conflict": strings.Contains(told, "conflict"), "a review": strings.Contains(told, "review"), "verdicts": strings.Count(told, "verdict") > 5,
				"a key set": strings.Contains(told, "keys can't be fetched"),
			} {
				if !there {
					t.Errorf("this has not come to %s:\n%s", what, told)
				}
			}
			config := exec.Command(binary, "config", "--config", path)
			config.Env = environment
			shown, err := config.CombinedOutput()
			if err != nil {
				t.Errorf("%v %s", err, shown)
			}
			delete(c.byPlace, "a tenant") // whose key it is must be seen there
			delete(c.byPlace, "a partner's user")
			s.mustBeSilent(t, "verdict config", string(shown))
		})
	}
}

// mustNameTransactions: a line that speaks of a transaction names it as such, and is a line of its format.
func (s *snitch) mustNameTransactions(format, log string) {
	s.t.Helper()
	for line := range strings.Lines(log) {
		for _, id := range s.ids {
			if strings.Contains(line, id) && !strings.Contains(line, "transaction="+id) && !strings.Contains(line, `"transaction":"`+id+`"`) {
				s.t.Errorf("this line names a transaction otherwise: %s", line)
			}
		}
		if format == "json" && !json.Valid([]byte(line)) {
			s.t.Errorf("this line isn't JSON: %s", line)
		}
	}
}

// TestABadConfigurationTellsNoSecret when it is refused, or something that it names can't be reached.
func TestABadConfigurationTellsNoSecret(t *testing.T) {
	t.Parallel()
	c := newCanaries()
	secret := c.wrongKey
	nobody := freeAddress(t)
	good := c.config("http://" + nobody)
	for name, test := range map[string]struct {
		config string
		env    string
		says   string
	}{
		"a database of another kind":         {env: "VERDICT_DATABASE=mysql://verdict:" + secret + "@" + nobody + "/verdict", says: "database: a store of kind"},
		"a database that is away":            {env: "VERDICT_DATABASE=postgres://verdict:" + secret + "@" + nobody + "/verdict", says: "connection refused"},
		"a database's URL that is broken":    {env: "VERDICT_DATABASE=postgres://verdict:" + secret + "%@" + nobody + "/verdict", says: "the URL of the database can't be read"},
		"a stream that is away":              {env: "VERDICT_STREAM_URL=nats://verdict:" + secret + "@" + nobody, says: "none of the servers in stream.url can be reached"},
		"a stream's URL that is broken":      {env: "VERDICT_STREAM_URL=nats://verdict:" + secret + "@" + nobody + "port", says: "stream.url: an address is malformed"},
		"a mistyped variable":                {env: "VERDICT_TOKENS=" + secret, says: "VERDICT_TOKENS is no setting"},
		"an unknown variable of a partner":   {env: "VERDICT_PROVIDERS_MOMO_KEY=" + secret, says: "\"key\" is no setting"},
		"a short secret of an issuer":        {env: "VERDICT_AUTH_ISSUERS_SHOP_SECRETS=" + secret[:20], says: "issuers.shop.secrets: a secret of 20 bytes"},
		"a key in place of its hash":         {env: "VERDICT_AUTH_KEYS_TILL_HASH=" + secret, says: "keys.till.hash: give sha256:"},
		"a secret with spaces":               {env: "VERDICT_PROVIDERS_MOMO_API_KEY=" + secret + " ", says: "api_key: give the one"},
		"a user with a key":                  {env: "VERDICT_PROVIDERS_MOMO_API_USER=u:" + secret, says: "api_user: give it without"},
		"a webhook's secret of another kind": {env: "VERDICT_PROVIDERS_DJAMO_WEBHOOK_SCHEME=standard", says: "webhook_secrets: one is not of the form"},
		"secrets that are no list":           {config: strings.Replace(good, "webhook_secrets: [", "webhook_secrets: {x: "+secret+"}, more: [", 1), says: "webhook_secrets"},
		"a partner's URL with a password":    {env: "VERDICT_PROVIDERS_DJAMO_URL=https://user:" + secret + "@partner.example", says: "djamo: url: leave out"},
		"a collector's URL with a password":  {env: "VERDICT_TRACES_ENDPOINT=https://user:" + secret + "@collector.example", says: "traces.endpoint: leave out"},
		"a collector's header without name":  {env: "VERDICT_TRACES_ENDPOINT=http://collector.example\nVERDICT_TRACES_HEADERS=" + secret + " and more", says: "traces.headers: give NAME=VALUE"},
		"an issuer's URL with a password":    {config: strings.Replace(good, "secrets: [", `jwks: "ftp://u:`+secret+`@id.example/", secrets: [`, 1), says: "issuers.shop"},
		"YAML that is broken":                {config: strings.Replace(good, "api_key: ", "api_key: {"+secret+": [", 1), says: "yaml: line"},
		"a member twice":                     {config: strings.Replace(good, "api_key: ", "api_key: "+secret+", api_key: ", 1), says: "already defined"},
		"a key that is an object":            {config: strings.Replace(good, "api_key: ", "api_key: {x: "+secret+"}, other: ", 1), says: "api_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "verdict.yaml")
			text := test.config
			if text == "" {
				text = good
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, "serve", "--config", path, "--address", freeAddress(t), "--log-level", "debug", "--stream-dir", t.TempDir(),
				"--database", "sqlite:"+filepath.Join(t.TempDir(), "verdict.db"))
			cmd.Env = append(os.Environ(), strings.Split(test.env, "\n")...)
			if strings.HasPrefix(test.env, "VERDICT_DATABASE") {
				cmd.Args = cmd.Args[:len(cmd.Args)-2]
			}
			told, err := cmd.CombinedOutput()
			if err == nil || ctx.Err() != nil || !strings.Contains(string(told), test.says) {
				t.Errorf("it doesn't end with %q:\n%s", test.says, told)
			}
			c.mustBeSilent(t, "the error", string(told))
		})
	}
}
