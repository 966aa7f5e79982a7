package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"

	"verdict"
	"verdict/provider"
)

// config is what the gateway is told at its start.
type config struct {
	Address   string                    `koanf:"address"`
	PublicURL string                    `koanf:"public_url"`
	Admin     adminConfig               `koanf:"admin"`
	Auth      authConfig                `koanf:"auth"`
	Database  string                    `koanf:"database"`
	Stream    streamConfig              `koanf:"stream"`
	Provider  string                    `koanf:"provider"`
	Providers map[string]map[string]any `koanf:"providers"`
	Notify    map[string]notifyConfig   `koanf:"notify"`
	Schedule  scheduleConfig            `koanf:"schedule"`
	Keys      keyConfig                 `koanf:"idempotency"`
	Retention retentionConfig           `koanf:"retention"`
	Sweep     time.Duration             `koanf:"sweep"`
	ShedAfter time.Duration             `koanf:"shed_after"`
	Language  string                    `koanf:"language"`
	Origins   []string                  `koanf:"origins"`
	Proxies   []string                  `koanf:"proxies"`
	Push      pushConfig                `koanf:"push"`
	Limits    limitsConfig              `koanf:"limits"`
	TLS       appsTLS                   `koanf:"tls"`
	Log       logConfig                 `koanf:"log"`
	Traces    tracesConfig              `koanf:"traces"`
}

type scheduleConfig struct {
	Mode     string          `koanf:"mode"`
	Price    time.Duration   `koanf:"price"`
	Checks   []time.Duration `koanf:"checks"`
	SendFor  time.Duration   `koanf:"send_for"`
	MaxSends int             `koanf:"max_sends"`
}

type keyConfig struct {
	Mode       verdict.KeyMode `koanf:"mode"`
	Concurrent string          `koanf:"concurrent"`
	Life       time.Duration   `koanf:"life"`
	Retention  time.Duration   `koanf:"retention"`
}

type logConfig struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`
}

// decodeConfig makes a valid configuration of settings.
func decodeConfig(k *koanf.Koanf) (config, error) {
	if err := refuseUnknown(k.Keys()); err != nil {
		return config{}, err
	}
	var c config
	if err := decode(k.Raw(), &c); err != nil {
		return config{}, fmt.Errorf("config: %w", err)
	}
	return c, c.validate()
}

func refuseUnknown(keys []string) error {
	for _, key := range keys {
		if slices.ContainsFunc(settings, func(s setting) bool { return s.key == key }) {
			continue
		}
		member, members, named := namedKey(key)
		if !named {
			return fmt.Errorf("config: %q is no setting; `verdict config` prints those there are", key)
		}
		if members != nil && member != "" && !slices.Contains(members, member) {
			return fmt.Errorf("config: %q is no setting; there one of these may stand: %s", key, strings.Join(members, ", "))
		}
	}
	return nil
}

// decode fills a struct from settings, strictly. Others than the struct's are read elsewhere: they are named beside its own when
// one is refused.
func decode(from map[string]any, into any, others ...any) error {
	var read mapstructure.Metadata
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: into, TagName: "koanf", Metadata: &read, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			daysToHours, mapstructure.StringToTimeDurationHookFunc(), stringToList, stringToTime,
		),
	})
	if err != nil {
		return err
	}
	if err := d.Decode(from); err != nil {
		return err
	}
	if len(read.Unused) > 0 {
		slices.Sort(read.Unused)
		return refuseSetting(read.Unused[0], into, others...)
	}
	return nil
}

var days = regexp.MustCompile(`^([0-9]{1,5})d$`)

// daysToHours lets a time be given in days, of 24 hours: 90d.
func daysToHours(from, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	found := days.FindStringSubmatch(text)
	if !ok || to != reflect.TypeFor[time.Duration]() || found == nil {
		return value, nil
	}
	n, err := strconv.Atoi(found[1])
	return time.Duration(n) * 24 * time.Hour, err
}

// stringToList takes the members of a list from a text with commas between them, and spaces beside those if need be.
func stringToList(from, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok || from.Kind() != reflect.String || to.Kind() != reflect.Slice {
		return value, nil
	}
	if strings.TrimSpace(text) == "" {
		return []string{}, nil
	}
	members := strings.Split(text, ",")
	for i, member := range members {
		members[i] = strings.TrimSpace(member)
	}
	return members, nil
}

var providerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// validate says which key can't be used, and the mend.
func (c config) validate() error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return fmt.Errorf("config: address: %q; give host:port, such as 127.0.0.1:5000", c.Address)
	}
	if ip := net.ParseIP(host); c.PublicURL == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		return fmt.Errorf("config: public_url: partners can't reach %q; give the URL at which they can, such as https://pay.example", c.Address)
	}
	if u, err := url.Parse(c.publicURL()); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("config: public_url: %q; give http://host or https://host", c.PublicURL)
	}
	if err := c.validateAuth(); err != nil {
		return err
	}
	if err := c.Admin.validate(c.Auth.asksOperators()); err != nil {
		return fmt.Errorf("config: admin.%w", err)
	}
	if err := c.Stream.at(nil).Validate(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if c.Sweep < 10*time.Millisecond {
		return fmt.Errorf("config: sweep: %s; give at least 10ms", c.Sweep)
	}
	if c.ShedAfter != 0 && c.ShedAfter < 2*c.Sweep {
		return fmt.Errorf("config: shed_after: %s; give at least twice sweep (%s), such as 5s, or 0s for never", c.ShedAfter, c.Sweep)
	}
	if c.Language != "fr" && c.Language != "en" {
		return fmt.Errorf("config: language: %q; give fr or en", c.Language)
	}
	if err := c.Push.validate(); err != nil {
		return fmt.Errorf("config: push.%w", err)
	}
	if err := c.Limits.validate(); err != nil {
		return fmt.Errorf("config: limits.%w", err)
	}
	if err := c.TLS.validate(); err != nil {
		return fmt.Errorf("config: tls: %w", err)
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if err := c.Schedule.validate(); err != nil {
		return fmt.Errorf("config: schedule.%w", err)
	}
	if err := c.Keys.validate(); err != nil {
		return fmt.Errorf("config: idempotency.%w", err)
	}
	if err := c.Traces.validate(); err != nil {
		return fmt.Errorf("config: traces.%w", err)
	}
	if err := c.Retention.validate(c.Keys); err != nil {
		return fmt.Errorf("config: retention.%w", err)
	}
	if _, ok := c.Providers[c.Provider]; !ok {
		return fmt.Errorf("config: provider: %q is not among providers (%s)", c.Provider, strings.Join(c.providerNames(), ", "))
	}
	_, err = c.openProviders()
	_, signing := c.verifiers()
	_, telling := c.endpoints()
	return errors.Join(err, signing, telling)
}

// publicURL is where partners reach us, without a slash at the end.
func (c config) publicURL() string {
	if c.PublicURL == "" && c.TLS.given() {
		return "https://" + c.Address
	}
	if c.PublicURL == "" {
		return "http://" + c.Address
	}
	return strings.TrimRight(c.PublicURL, "/")
}

func (s scheduleConfig) schedule() verdict.Schedule {
	return verdict.Schedule{Checks: s.Checks, SendFor: s.SendFor, MaxSends: s.MaxSends}
}

func (s scheduleConfig) validate() error {
	if s.Mode != "planned" && s.Mode != "backoff" {
		return fmt.Errorf("mode: %q; give planned or backoff", s.Mode)
	}
	if s.Price < 10*time.Millisecond {
		return fmt.Errorf("price: %s; give at least 10ms, such as 8s", s.Price)
	}
	return s.schedule().Validate()
}

// asking says when to ask between the schedule's checks.
func (c config) asking() (verdict.Asking, error) {
	a := verdict.Asking{Pinned: map[string][]time.Duration{}}
	if c.Schedule.Mode == "backoff" {
		return a, nil
	}
	a.Price = c.Schedule.Price
	for _, name := range c.providerNames() {
		p, err := c.partner(name)
		if err != nil {
			return verdict.Asking{}, err
		}
		a.Pinned[name] = p.EarlyChecks
	}
	return a, nil
}

func (k keyConfig) validate() error {
	switch {
	case k.Mode != verdict.ClientKeys && k.Mode != verdict.ServerKeys && k.Mode != verdict.EitherKeys:
		return fmt.Errorf("mode: %q; give client, server or either", k.Mode)
	case k.Concurrent != "replay" && k.Concurrent != "conflict":
		return fmt.Errorf("concurrent: %q; give replay or conflict", k.Concurrent)
	case k.Life < time.Second:
		return fmt.Errorf("life: %s; give at least 1s, such as 15m", k.Life)
	case k.Retention < 0:
		return fmt.Errorf("retention: %s; give 0s or more, such as 24h", k.Retention)
	}
	return nil
}

func (c config) providerNames() []string { return slices.Sorted(maps.Keys(c.Providers)) }

// openProviders makes the adapters. They connect to nothing before they are used.
func (c config) openProviders() (map[string]verdict.Provider, error) {
	opened := map[string]verdict.Provider{}
	var errs []error
	for _, name := range c.providerNames() {
		if !providerName.MatchString(name) {
			errs = append(errs, fmt.Errorf("config: providers.%s: name it in lower-case letters, digits and dashes", name))
			continue
		}
		p, err := c.openProvider(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("config: providers.%s: %w", name, err))
			continue
		}
		opened[name] = p
	}
	return opened, errors.Join(errs...)
}

func (c config) openProvider(name string) (verdict.Provider, error) {
	partner, err := c.partner(name)
	if err != nil {
		return nil, err
	}
	p, err := provider.Open(cmp.Or(partner.Kind, name), func(into any) error { return decode(partner.Own, into, &partner) })
	if err != nil {
		return nil, err
	}
	traits, err := partner.traits(p.Traits())
	return tuned{p, traits}, err
}

// tuned is a partner of which the operator knows better than its adapter.
type tuned struct {
	verdict.Provider
	traits verdict.Traits
}

func (t tuned) Traits() verdict.Traits { return t.traits }

// partnerConfig is what is said of a partner, whatever its kind.
type partnerConfig struct {
	Kind          string          `koanf:"kind"` // its name if empty
	Scheme        string          `koanf:"webhook_scheme"`
	Secrets       []string        `koanf:"webhook_secrets"`
	CheckBudget   string          `koanf:"check_budget"` // LIMIT/WINDOW; the adapter's if empty
	CheckBurst    int             `koanf:"check_burst"`  // 0: the adapter's
	SettlesWithin time.Duration   `koanf:"settles_within"`
	EarlyChecks   []time.Duration `koanf:"early_checks"`
	Own           map[string]any  `koanf:",remain"` // the adapter's settings
}

// traits are the adapter's, but for what is said of them here.
func (p partnerConfig) traits(t verdict.Traits) (verdict.Traits, error) {
	if p.CheckBudget != "" {
		b, err := verdict.ParseBudget(p.CheckBudget)
		if err != nil {
			return t, fmt.Errorf("check_budget: %w", err)
		}
		t.Budget = b
	}
	t.Budget.Burst = cmp.Or(p.CheckBurst, t.Budget.Burst)
	if err := t.Budget.Validate(); err != nil {
		return t, fmt.Errorf("check_budget: %w", err)
	}
	t.SettlesWithin = cmp.Or(p.SettlesWithin, t.SettlesWithin)
	if t.SettlesWithin < 0 {
		return t, fmt.Errorf("settles_within: %s; give the time by which most verdicts stand, such as 2m", t.SettlesWithin)
	}
	for _, at := range p.EarlyChecks {
		if at <= 0 {
			return t, fmt.Errorf("early_checks: %s; give times from sending, such as 35s,50s,80s", at)
		}
	}
	return t, nil
}

func (c config) partner(name string) (p partnerConfig, err error) {
	err = decode(c.Providers[name], &p)
	return p, err
}

// verifiers are those of the partners that sign their webhooks.
func (c config) verifiers() (map[string]*verdict.Verifier, error) {
	verifiers := map[string]*verdict.Verifier{}
	var errs []error
	for _, name := range c.providerNames() {
		p, err := c.partner(name)
		if err != nil || p.Scheme == "" && len(p.Secrets) == 0 {
			continue // openProviders tells the error
		}
		v, err := verdict.NewVerifier(p.Scheme, p.Secrets...)
		if err != nil {
			errs = append(errs, fmt.Errorf("config: providers.%s.webhook_%w", name, err))
			continue
		}
		verifiers[name] = v
	}
	return verifiers, errors.Join(errs...)
}
