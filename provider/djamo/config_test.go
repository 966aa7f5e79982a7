package djamo

import (
	"strings"
	"testing"
	"time"
)

func TestConfigNamesTheKeyAndTheMend(t *testing.T) {
	good := Defaults()
	good.URL = "https://partner.example:8443/api/"
	if _, err := New(good); err != nil {
		t.Errorf("the defaults with a URL: %v", err)
	}
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.URL = "" }, "url: give an absolute"},
		{func(c *Config) { c.URL = "https://partner.example/?key=s3cret" }, "url: leave out"},
		{func(c *Config) { c.URL = "https://us:s3cret@partner.example:port" }, "url: give an absolute"},
		{func(c *Config) { c.SubmitTimeout = 0 }, "submit_timeout: give"},
		{func(c *Config) { c.NotFoundFinal = 35 * time.Second }, "not_found_final: 35s isn't longer than submit_timeout (35s)"},
		{func(c *Config) { c.NotFoundFinal = -1 }, "not_found_final: -1ns"},
		{func(c *Config) { c.Submits = 0 }, "submits: 0; give 1 to 10000"},
		{func(c *Config) { c.Checks = 10_001 }, "checks: 10001; give 1 to 10000"},
	} {
		c := good
		tt.change(&c)
		p, err := New(c)
		if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", c, err, tt.want)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error %q tells a secret", err)
		}
	}
}

func TestNotFoundMayNeverBeFinal(t *testing.T) {
	c := Defaults()
	c.URL, c.NotFoundFinal = "http://partner.example", 0
	p, err := New(c)
	if err != nil || p.Traits().NotFoundFinal != 0 {
		t.Errorf("got %v, %v", p, err)
	}
}
