package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"verdict"
)

// A setting is a key with its default. Its environment variable and its flag are made from the key.
type setting struct {
	key     string
	value   any // a string, an int, a float64, a bool, a duration written as a string, or a list of strings
	meaning string
}

var settings = []setting{
	{"address", "127.0.0.1:5000", "where to listen, host:port"},
	{"public_url", "", "where partners reach us for webhooks; http:// and the address if empty"},
	{"admin.address", "127.0.0.1:5001", "where operators' requests and Prometheus are served, on loopback unless auth.keys has an operator's; empty: nowhere"},
	{"admin.probes", "", "where anyone may ask /livez, /readyz and /metrics and nothing else, such as 0.0.0.0:5002; empty: nowhere"},
	{"admin.tls.cert", "", "file of the certificate for admin.address; empty: plain HTTP"},
	{"admin.tls.key", "", "file of its key"},
	{"admin.min_free_disk", "512MiB", "room on disk below which /readyz sends requests elsewhere; 0: it may fill up"},
	{"auth.open", false, "ask nobody who they are, also where others can reach the address"},
	{"auth.leeway", "30s", "by how much an issuer's clock may differ from ours"},
	{"database", "sqlite:data/verdict.db", "the record: sqlite:PATH, postgres://USER:PASSWORD@HOST/DB to share it between instances, or memory: for trials"},
	{"stream.dir", "data/jetstream", "folder of the embedded JetStream"},
	{"stream.url", "", "NATS servers with JetStream instead, of one cluster, with commas between: nats://a:4222,nats://b:4222"},
	{"stream.credentials", "", "a .creds file, for servers that ask for one"},
	{"stream.tls.ca", "", "file of the certificates that sign the servers', if the system doesn't trust them"},
	{"stream.tls.cert", "", "file of our certificate, for servers that ask for one"},
	{"stream.tls.key", "", "file of its key"},
	{"stream.replicas", 0, "servers that keep each stream: 1, 3 or 5; 0: three where there are as many, else one"},
	{"provider", "djamo", "the partner of requests that name none"},
	{"schedule.mode", "planned", "when to ask: planned (also between schedule.checks, by what was learned) or backoff (at those alone)"},
	{"schedule.price", verdict.DefaultPrice.String(), "of a check between those: so much of a user's waiting it has to save"},
	{"schedule.checks", []string{"1m", "5m", "10m", "15m", "30m"}, "pauses before each status check that is made in any case; then review"},
	{"schedule.send_for", "5m", "how long to try a partner that provably received nothing, before failing"},
	{"schedule.max_sends", 3, "how often one reference is sent to a partner that deduplicates"},
	{"idempotency.mode", "either", "who makes idempotency keys: client, server or either"},
	{"idempotency.concurrent", "replay", "answer to a repeat while the first is pending: replay (202) or conflict (409)"},
	{"idempotency.life", "15m", "of a key that we issued, until its first use"},
	{"idempotency.retention", "24h", "how long a key is remembered after the verdict"},
	{"retention.transactions", "0d", "how long after its verdict a transaction is on record, such as 90d; then it is archived and deleted. 0d: for ever"},
	{"retention.archive", "data/archive", "folder of the archive, one file of JSON lines a day; unused while retention.transactions is 0d"},
	{"sweep", "500ms", "how often to look for work that is due"},
	{"shed_after", "5s", "refuse new transactions (503) while those before them have waited so long to be sent to the partner; 0s: never"},
	{"language", "fr", "of answers to apps that name none: fr or en"},
	{"origins", []string{}, "origins of browser pages that may call, besides our own"},
	{"proxies", []string{}, "addresses and networks of our own proxies: the address before them in X-Forwarded-For counts"},
	{"push.connections", 10_000, "SSE streams and WebSockets together"},
	{"push.per_user", 32, "of one user, where users are asked who they are"},
	{"push.per_tenant", 0, "of one tenant; 0: as many as push.connections"},
	{"push.per_address", 1000, "from one address"},
	{"push.handshakes", 1000, "new ones a second"},
	{"push.spread", "5s", "over how long, at most, streams are told to come back when the instance stops"},
	{"limits.connections", 10_000, "connections of apps and partners, streams aside"},
	{"limits.connections_per_address", 1000, "from one address that is none of our proxies; 0: as many as limits.connections"},
	{"limits.bodies", 2000, "requests whose body is being read at once"},
	{"limits.per_user", 100, "requests a second of one user, after a burst of twice as many; 0: any. A service is no user"},
	{"limits.per_tenant", 0, "requests a second of one tenant; 0: any"},
	{"limits.per_address", 1000, "requests a second from one address that is none of our proxies nor loopback; 0: any"},
	{"tls.cert", "", "file of the certificate, with its chain, for the address; read again when it changes. Empty: plain HTTP"},
	{"tls.key", "", "file of its key"},
	{"tls.http2", false, "HTTP/2 beside HTTP/1.1; an SSE stream takes more memory there"},
	{"log.level", "info", "debug, info, warn or error"},
	{"log.format", "text", "text or json"},
	{"traces.endpoint", "", "an OpenTelemetry collector's OTLP/HTTP, such as http://127.0.0.1:4318; empty: no traces"},
	{"traces.headers", []string{}, "that the collector asks for, such as Authorization=Bearer TOKEN"},
	{"traces.sample", 1.0, "the part of the transactions that is traced, unless the app's traceparent says: 1 for all, 0.01 for one in a hundred"},
}

const envPrefix = "VERDICT_"

// addFlags gives each setting a flag: stream.dir is --stream-dir.
func addFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "YAML file to read")
	for _, s := range settings {
		meaning := s.meaning + " (" + s.env() + ")"
		switch value := s.value.(type) {
		case string:
			flags.String(s.flag(), value, meaning)
		case int:
			flags.Int(s.flag(), value, meaning)
		case float64:
			flags.Float64(s.flag(), value, meaning)
		case bool:
			flags.Bool(s.flag(), value, meaning)
		case []string:
			flags.StringSlice(s.flag(), value, meaning)
		}
	}
	completeFiles(flags)
}

func (s setting) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(s.key) }
func (s setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// loadSettings reads the settings: defaults, then a YAML file, then the environment, then flags. environ is as
// os.Environ returns it.
func loadSettings(flags *pflag.FlagSet, environ []string) (*koanf.Koanf, error) {
	k := defaultSettings()
	if err := loadFile(k, flags); err != nil {
		return nil, err
	}
	if err := loadEnv(k, environ); err != nil {
		return nil, err
	}
	return k, loadFlags(k, flags)
}

func defaultSettings() *koanf.Koanf {
	k := koanf.New(".")
	for _, s := range settings {
		set(k, s.key, s.value)
	}
	return k
}

// set sets a key. It can't fail: only a merge that is told to be strict does.
func set(k *koanf.Koanf, key string, value any) {
	if err := k.Set(key, value); err != nil {
		panic(err)
	}
}

func loadFile(k *koanf.Koanf, flags *pflag.FlagSet) error {
	path, err := flags.GetString("config")
	if err != nil {
		return err
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return fmt.Errorf("config file %s: %w", path, err)
		}
	}
	if k.Exists("providers") {
		return nil
	}
	set(k, "providers.djamo.url", "http://127.0.0.1:5010")
	return nil
}

// loadEnv takes VERDICT_STREAM_DIR for stream.dir, VERDICT_PROVIDERS_DJAMO_SUBMIT_TIMEOUT for
// providers.djamo.submit_timeout, and VERDICT_AUTH_KEYS_TILL_HASH for auth.keys.till.hash. A variable that names no
// setting is an error: a typing error must not be a default.
func loadEnv(k *koanf.Koanf, environ []string) error {
	keys := map[string]string{}
	for _, s := range settings {
		keys[s.env()] = s.key
	}
	var unknown []string
	provider := env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if key, ok := keys[name]; ok {
				return key, value
			}
			if key, ok := namedVariable(name); ok {
				return key, value
			}
			if name != envPrefix+"TOKEN" && !strings.HasPrefix(name, envPrefix+"TEST_") { // TOKEN is for the client commands
				unknown = append(unknown, name)
			}
			return "", nil
		},
	})
	if err := k.Load(provider, nil); err != nil {
		return err
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("environment: %s is no setting; see `verdict serve --help` for those there are", strings.Join(unknown, ", "))
	}
	return nil
}

func loadFlags(k *koanf.Koanf, flags *pflag.FlagSet) error {
	keys := map[string]string{}
	for _, s := range settings {
		keys[s.flag()] = s.key
	}
	return k.Load(posflag.ProviderWithFlag(flags, ".", k, func(f *pflag.Flag) (string, any) {
		if !f.Changed {
			return "", nil
		}
		return keys[f.Name], posflag.FlagVal(flags, f)
	}), nil)
}

// What is secret by its name, in any spelling, for the names of headers are settings as well. A placeholder such as
// ${secret.client} is none: it says where the secret stands.
var (
	secretKey   = regexp.MustCompile(`(?i)secret|password|token|authorization|key$|^headers$`)
	placeholder = regexp.MustCompile(`^\$\{[a-z_.A-Z0-9?]*\}$`)
)

// masked returns settings as they may be shown: secrets, and user and password in URLs, become ***.
func masked(raw map[string]any) map[string]any {
	shown := map[string]any{}
	for key, value := range raw {
		shown[key] = maskedValue(key, value)
	}
	return shown
}

// maskedMembers masks all of the members of what is secret as a whole.
func maskedMembers(key string, members map[string]any) map[string]any {
	if key != "secrets" {
		return masked(members)
	}
	shown := map[string]any{}
	for name := range members {
		shown[name] = "***"
	}
	return shown
}

// maskedValue masks a list of secrets as a whole: not even their number is shown.
func maskedValue(key string, value any) any {
	if inner, ok := value.(map[string]any); ok {
		return maskedMembers(key, inner)
	}
	if text, ok := value.(string); secretKey.MatchString(key) && !(ok && placeholder.MatchString(text)) {
		return "***"
	}
	switch value := value.(type) {
	case string:
		return maskedURL(value)
	case []any:
		shown := make([]any, len(value))
		for i, element := range value {
			shown[i] = maskedValue(key, element)
		}
		return shown
	}
	return value
}

// What URLs hold that isn't to be shown: a user with a password, up to the last @ before the path, and secrets among the
// parameters. In a list of URLs, a user ends before the next one begins.
var (
	urlUser     = regexp.MustCompile(`^([a-z][a-z0-9+.-]*://)[^/?#]*@`)
	nextURL     = regexp.MustCompile(`,\s*[a-z][a-z0-9+.-]*://`)
	urlPassword = regexp.MustCompile(`([?&](?:user|password|sslpassword|[a-z_]*(?:token|secret)|(?:api_?)?key)=)[^&]*`)
)

func maskedURL(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	if next := nextURL.FindStringIndex(text); next != nil {
		comma := next[0] + 1
		return maskedURL(text[:next[0]]) + "," + maskedURL(strings.TrimSpace(text[comma:]))
	}
	return urlPassword.ReplaceAllString(urlUser.ReplaceAllString(text, "${1}***@"), "${1}***")
}
