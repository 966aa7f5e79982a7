package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"verdict"
	"verdict/web/auth"
)

const hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// readConfig reads a configuration as serve does.
func readConfig(t *testing.T, text string, environ ...string) (config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "verdict.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse([]string{"--config", path}); err != nil {
		t.Fatal(err)
	}
	k, err := loadSettings(flags, environ)
	if err != nil {
		return config{}, err
	}
	return decodeConfig(k)
}

func mustReadConfig(t *testing.T, text string, environ ...string) config {
	t.Helper()
	c, err := readConfig(t, text, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustGuard(t *testing.T, c config) *auth.Guard {
	t.Helper()
	g, err := c.guard(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// everywhere is what others can reach.
const everywhere = "address: 0.0.0.0:5000\npublic_url: https://pay.example\n"

func TestBadAuthSettingsAreRefusedWithTheMend(t *testing.T) {
	t.Parallel()
	const issuer = "auth: {issuers: {shop: {issuer: x, audiences: [verdict], "
	for name, test := range map[string]struct {
		text, env string
		says      []string
	}{
		"nobody asked on all addresses": {everywhere, "", []string{"auth.issuers or auth.keys", "127.0.0.1", "auth.open: true"}},
		"nobody asked on a name":        {"address: pay.example:5000", "", []string{"auth.issuers or auth.keys"}},
		"an operator's key only":        {everywhere + "auth: {keys: {desk: {hash: \"" + hash + "\", role: operator}}}", "", []string{"auth.issuers or auth.keys"}},
		"open, and not":                 {"auth: {open: true, keys: {till: {hash: \"" + hash + "\", role: app, tenant: shop}}}", "", []string{"auth.open", "remove"}},
		"an unknown member":             {issuer + "secret: x}}}", "", []string{`"auth.issuers.shop.secret" is no setting`, "audiences", "jwks"}},
		"an unknown variable":           {"", "VERDICT_AUTH_KEYS_TILL_COLOUR=red", []string{`"auth.keys.till.colour" is no setting`, "hash", "expires"}},
		"an unknown setting":            {"auth: {colour: red}", "", []string{`"auth.colour" is no setting`}},
		"an issuer that is none":        {"auth: {issuers: {shop: {}}}", "", []string{"auth.issuers.shop.issuer", "iss"}},
		"a key set over HTTP":           {issuer + "jwks: \"http://id.shop.example/\"}}}", "", []string{"auth.issuers.shop.jwks", "https"}},
		"a name with capitals":          {"auth: {keys: {Till: {hash: \"" + hash + "\", role: app, tenant: shop}}}", "", []string{"auth", `"Till"`, "lower-case"}},
		"a date that is none":           {"auth: {keys: {till: {hash: \"" + hash + "\", role: app, tenant: shop, expires: soon}}}", "", []string{"auth.keys[till].expires", "2027-01-31"}},
		"a long leeway":                 {"auth: {leeway: 1h}", "", []string{"auth.leeway", "30s"}},
		"operators everywhere":          {"admin: {address: \"0.0.0.0:5001\"}\nauth: {keys: {till: {hash: \"" + hash + "\", role: service, tenant: shop}}}", "", []string{"admin.address", "127.0.0.1:5001", "role operator"}},
	} {
		_, err := readConfig(t, test.text, strings.Fields(test.env)...)
		if err == nil {
			t.Errorf("%s: it is taken", name)
			continue
		}
		for _, word := range test.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q is missing in: %v", name, word, err)
			}
		}
	}
}

func TestOthersMayReachTheAddressWhereTheyAreAsked(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"open":       "auth: {open: true}",
		"an issuer":  "auth: {issuers: {shop: {issuer: x, audiences: [verdict], jwks: \"https://id.shop.example/\"}}}",
		"a key":      "auth: {keys: {till: {hash: \"" + hash + "\", role: service, tenant: shop, expires: 2027-01-31}}}",
		"no members": "auth: {open: true, issuers: {}, keys: {}}",
	} {
		if _, err := readConfig(t, everywhere+text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	operators := "admin: {address: \"0.0.0.0:5001\"}\nauth: {keys: {desk: {hash: \"" + hash + "\", role: operator}}}"
	p, err := mustGuard(t, mustReadConfig(t, operators)).Identify(httptest.NewRequest("GET", "/v1/events", nil))
	if err != nil || !p.Anonymous {
		t.Errorf("apps are asked, though nobody could answer: %v", err)
	}
}

func TestExpiresIsATimeHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2027-01-31": day, `"2027-01-31"`: day, `"2027-01-31T18:00:00+01:00"`: day.Add(17 * time.Hour),
	} {
		c := mustReadConfig(t, "auth: {keys: {till: {hash: \""+hash+"\", role: app, tenant: shop, expires: "+text+"}}}")
		if got := c.Auth.Keys["till"].Expires; !got.Equal(want) {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestTheEnvironmentMayConfigureIssuersAndKeys(t *testing.T) {
	t.Parallel()
	key := auth.NewKey()
	c := mustReadConfig(t, "", "VERDICT_TOKEN=vsk1_x", "VERDICT_AUTH_LEEWAY=1m",
		"VERDICT_AUTH_ISSUERS_SHOP_ISSUER=x", "VERDICT_AUTH_ISSUERS_SHOP_AUDIENCES=verdict, other",
		"VERDICT_AUTH_ISSUERS_SHOP_SECRETS="+strings.Repeat("s", 32), "VERDICT_AUTH_ISSUERS_SHOP_TENANT_CLAIM=org",
		"VERDICT_AUTH_KEYS_TILL_HASH="+auth.Hash(key), "VERDICT_AUTH_KEYS_TILL_ROLE=app", "VERDICT_AUTH_KEYS_TILL_TENANT=shop")
	if i := c.Auth.Issuers["shop"]; len(i.Audiences) != 2 || i.Audiences[1] != "other" || i.TenantClaim != "org" || c.Auth.Leeway != time.Minute {
		t.Errorf("%+v", c.Auth)
	}
	p, err := mustGuard(t, c).Token(t.Context(), key)
	if err != nil || p.Audience != (verdict.Audience{Tenant: "shop", Owner: "till"}) {
		t.Errorf("%+v, %v", p, err)
	}
	mustReadConfig(t, everywhere, "VERDICT_AUTH_OPEN=true")
}

func TestAPIKeyPrintsAKeyAndTheLinesThatLetItIn(t *testing.T) {
	t.Parallel()
	run := func(args ...string) (key, lines string, err error) {
		var out, told bytes.Buffer
		cmd := commands()
		cmd.SetArgs(append([]string{"apikey"}, args...))
		cmd.SetOut(&out)
		cmd.SetErr(&told)
		err = cmd.ExecuteContext(t.Context())
		lines, _, _ = strings.Cut(told.String(), "\n\n")
		return strings.TrimSpace(out.String()), lines, err
	}
	key, lines, err := run("till", "--role", "service", "--tenant", "shop", "--subject", "the till: 1")
	if err != nil || strings.Contains(lines, key) {
		t.Fatalf("%v: %s", err, lines)
	}
	r := httptest.NewRequest("GET", "/v1/events", nil)
	r.Header.Set("Authorization", "Bearer "+key)
	p, err := mustGuard(t, mustReadConfig(t, lines)).Identify(r)
	if err != nil || p != (auth.Principal{Audience: verdict.Audience{Tenant: "shop", Owner: "the till: 1"}, Role: auth.Service}) {
		t.Errorf("%+v, %v", p, err)
	}
	if other, _, _ := run("till", "--role", "service", "--tenant", "shop"); other == key {
		t.Error("two keys are the same")
	}
	for _, args := range [][]string{{"till"}, {"till", "--role", "boss", "--tenant", "shop"}, {"till", "--role", "app"}, {"Till", "--role", "operator"}} {
		if key, _, err := run(args...); err == nil || key != "" {
			t.Errorf("%q: %q", args, key)
		}
	}
}

func TestConfigMasksAuthSecrets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verdict.yaml")
	text := "auth: {issuers: {shop: {issuer: x, audiences: [verdict], secrets: [" + strings.Repeat("hunter2", 5) + "]}}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary, "config", "--config", path).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("hunter2")) || !bytes.Contains(out, []byte("secrets: '***'")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestOperatorsAreAskedWhereOthersCanReachTheirListener(t *testing.T) {
	operator, app := auth.NewKey(), auth.NewKey()
	t.Setenv("VERDICT_AUTH_KEYS_DESK_HASH", auth.Hash(operator))
	t.Setenv("VERDICT_AUTH_KEYS_DESK_ROLE", "operator")
	t.Setenv("VERDICT_AUTH_KEYS_KIOSK_HASH", auth.Hash(app))
	t.Setenv("VERDICT_AUTH_KEYS_KIOSK_ROLE", "app")
	t.Setenv("VERDICT_AUTH_KEYS_KIOSK_TENANT", "shop")
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	o := &office{world: w, admin: freeAddress(t)}
	port := o.admin[strings.LastIndex(o.admin, ":"):]
	launch(t, "msg=ready", append(o.serve("http://"+w.partner), "--admin-address", "0.0.0.0"+port)...)
	for _, token := range []string{"", "vsk1_x", app} {
		t.Setenv("VERDICT_TOKEN", token)
		if out, err := o.tx("list"); err == nil || token != "" && strings.Contains(out, token) {
			t.Errorf("with %q: %v\n%s", token, err, out)
		}
	}
	if code, _ := o.get(t, "/metrics"); code == 200 {
		t.Error("metrics are shown to anyone")
	}
	if out, err := o.tx("list", "--token", operator); err != nil {
		t.Errorf("with --token: %v\n%s", err, out)
	}
	t.Setenv("VERDICT_TOKEN", operator)
	if out, err := o.run("plan", "djamo"); err != nil {
		t.Errorf("with VERDICT_TOKEN: %v\n%s", err, out)
	}
}
