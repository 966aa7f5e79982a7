package momo

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestConfigNamesTheKeyAndTheMend(t *testing.T) {
	if _, err := New(settings()); err != nil {
		t.Errorf("the defaults with what an operator sets: %v", err)
	}
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.URL = "" }, "url: give an absolute"},
		{func(c *Config) { c.URL = "https://partner.example/?key=s3cret" }, "url: leave out"},
		{func(c *Config) { c.TargetEnvironment = "" }, `target_environment: ""; give`},
		{func(c *Config) { c.TargetEnvironment = "ivory coast" }, "target_environment: "},
		{func(c *Config) { c.TargetEnvironment = "sandbox\n" }, "target_environment: "},
		{func(c *Config) { c.Currency = "" }, `currency: ""; give`},
		{func(c *Config) { c.Currency = "xof" }, "currency: "},
		{func(c *Config) { c.SubscriptionKey = "" }, "subscription_key: give"},
		{func(c *Config) { c.SubscriptionKey = "s3cret\r\nX-Evil: 1" }, "subscription_key: give"},
		{func(c *Config) { c.APIUser = "" }, "api_user: give"},
		{func(c *Config) { c.APIUser = "user:s3cret" }, "api_user: give it without"},
		{func(c *Config) { c.APIKey = "" }, "api_key: give"},
		{func(c *Config) { c.APIKey = "s3cret " }, "api_key: give"},
		{func(c *Config) { c.SubmitTimeout = 0 }, "submit_timeout: give"},
		{func(c *Config) { c.NotFoundFinal = 30 * time.Second }, "not_found_final: 30s isn't longer than submit_timeout (30s)"},
		{func(c *Config) { c.NotFoundFinal = -1 }, "not_found_final: -1ns"},
		{func(c *Config) { c.Submits = 0 }, "submits: 0; give 1 to 10000"},
		{func(c *Config) { c.Checks = 10_001 }, "checks: 10001; give 1 to 10000"},
	} {
		c := settings()
		tt.change(&c)
		p, err := New(c)
		if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error %q tells a secret", err)
		}
	}
}

// What shows settings masks those whose names end so.
func TestSecretsHaveNamesThatAreMasked(t *testing.T) {
	masked := regexp.MustCompile(`secret|password|token|key$`)
	var names []string
	for field := range reflect.TypeFor[Config]().Fields() {
		if name := field.Tag.Get("koanf"); masked.MatchString(name) {
			names = append(names, name)
		}
	}
	if got := strings.Join(names, " "); got != "subscription_key api_key" {
		t.Errorf("masked: %s", got)
	}
}
