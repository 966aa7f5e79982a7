package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"verdict/web/admin"
	"verdict/web/auth"
)

// authConfig says who makes requests.
type authConfig struct {
	Open    bool                    `koanf:"open"`
	Leeway  time.Duration           `koanf:"leeway"`
	Issuers map[string]issuerConfig `koanf:"issuers"`
	Keys    map[string]apiKeyConfig `koanf:"keys"`
}

type issuerConfig struct {
	Issuer       string   `koanf:"issuer"`
	Audiences    []string `koanf:"audiences"`
	TenantClaim  string   `koanf:"tenant_claim"`
	SubjectClaim string   `koanf:"subject_claim"`
	Secrets      []string `koanf:"secrets"`
	KeyFiles     []string `koanf:"key_files"`
	JWKS         string   `koanf:"jwks"`
	AllowPrivate bool     `koanf:"allow_private"`
}

type apiKeyConfig struct {
	Hash    string    `koanf:"hash"`
	Role    auth.Role `koanf:"role"`
	Tenant  string    `koanf:"tenant"`
	Subject string    `koanf:"subject"`
	Expires time.Time `koanf:"expires"`
}

// asksApps reports whether apps are asked who they are: whether any credentials for them are configured.
func (a authConfig) asksApps() bool {
	for _, k := range a.Keys {
		if k.Role != auth.Operator {
			return true
		}
	}
	return len(a.Issuers) > 0
}

func (a authConfig) asksOperators() bool {
	for _, k := range a.Keys {
		if k.Role == auth.Operator {
			return true
		}
	}
	return false
}

// validateAuth refuses an address that others can reach where nobody would be asked who they are.
func (c config) validateAuth() error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return err
	}
	switch asked := c.Auth.asksApps(); {
	case asked && c.Auth.Open:
		return errors.New("config: auth.open: nobody would be asked, although auth.issuers or auth.keys say who may come; remove one or the other")
	case !asked && !c.Auth.Open && !admin.Loopback(host):
		return fmt.Errorf("config: address: whoever reaches %q would be the same user, since nobody is asked who they are; configure auth.issuers or auth.keys, or listen on 127.0.0.1, or set auth.open: true where the network is all your own", c.Address)
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(c.Auth.Issuers)), slices.Collect(maps.Keys(c.Auth.Keys))) {
		if !providerName.MatchString(name) {
			return fmt.Errorf("config: auth: %q; name issuers and keys in lower-case letters, digits and dashes", name)
		}
	}
	_, err = c.newGuard(context.Background(), nil)
	return err
}

// hosts are the names by which apps may call us: any, where somebody is asked who they are, or where that isn't wanted.
func (c config) hosts() []string {
	if c.Auth.asksApps() || c.Auth.Open {
		return nil
	}
	u, err := url.Parse(c.publicURL())
	if err != nil {
		return []string{}
	}
	return []string{u.Host}
}

// guard finds out who an app's user is. Where no credentials for apps are configured, it asks nobody.
func (c config) guard(ctx context.Context, log *slog.Logger) (*auth.Guard, error) {
	if !c.Auth.asksApps() {
		return auth.Anyone(), nil
	}
	return c.newGuard(ctx, log)
}

// operatorGuard is nil where operators aren't asked who they are: on loopback. It knows API keys alone.
func (c config) operatorGuard(ctx context.Context, log *slog.Logger) (*auth.Guard, error) {
	host, _, err := net.SplitHostPort(c.Admin.Address)
	if err != nil || admin.Loopback(host) {
		return nil, nil
	}
	c.Auth.Issuers = nil
	return c.newGuard(ctx, log)
}

// newGuard makes a guard of what is configured. It fetches nothing before it is asked.
func (c config) newGuard(ctx context.Context, log *slog.Logger) (*auth.Guard, error) {
	told := auth.Config{
		Leeway: c.Auth.Leeway, Log: log,
		Issuers: map[string]auth.Issuer{}, Keys: map[string]auth.Key{},
	}
	for name, i := range c.Auth.Issuers {
		told.Issuers[name] = auth.Issuer(i)
	}
	for name, k := range c.Auth.Keys {
		told.Keys[name] = auth.Key(k)
	}
	g, err := auth.New(ctx, told)
	if err != nil {
		return nil, fmt.Errorf("config: auth.%w", err)
	}
	return g, nil
}

// namedSettings are the settings whose keys hold a name that is chosen in the configuration.
var namedSettings = []struct {
	prefix  string
	members []string // nil: any, refused elsewhere if unknown
}{
	{"providers", nil},
	{"auth.issuers", []string{"issuer", "audiences", "tenant_claim", "subject_claim", "secrets", "key_files", "jwks", "allow_private"}},
	{"auth.keys", []string{"hash", "role", "tenant", "subject", "expires"}},
	{"notify", notifyMembers},
}

// namedKey returns the members that a key with a chosen name may have, and whether it is such a key: auth.keys.till.hash
// is, and so is what holds it.
func namedKey(key string) (member string, members []string, ok bool) {
	for _, n := range namedSettings {
		if rest, ok := strings.CutPrefix(key+".", n.prefix+"."); ok {
			_, member, _ = strings.Cut(rest, ".")
			return strings.TrimSuffix(member, "."), n.members, true
		}
	}
	return "", nil, false
}

// namedVariable returns the key of a variable whose name holds a name that is chosen in the configuration:
// auth.keys.till.hash of VERDICT_AUTH_KEYS_TILL_HASH. A partner's secrets have names of their own: providers.acme.secrets.client
// of VERDICT_PROVIDERS_ACME_SECRETS_CLIENT.
func namedVariable(variable string) (key string, ok bool) {
	for _, n := range namedSettings {
		prefix := envPrefix + strings.ToUpper(strings.ReplaceAll(n.prefix, ".", "_")) + "_"
		if rest, ok := strings.CutPrefix(variable, prefix); ok {
			name, member, ok := strings.Cut(strings.ToLower(rest), "_")
			if secret, ofPartner := strings.CutPrefix(member, "secrets_"); ofPartner && n.members == nil {
				member = "secrets." + secret
			}
			return n.prefix + "." + name + "." + member, ok
		}
	}
	return "", false
}

// stringToTime reads a date, which stands for the begin of that day in UTC, or a time of RFC 3339.
func stringToTime(from, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok || from.Kind() != reflect.String || to != reflect.TypeFor[time.Time]() {
		return value, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return nil, fmt.Errorf("%q is no date; give one such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z", text)
}
