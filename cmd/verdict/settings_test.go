package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestURLsAreShownWithoutTheirSecrets(t *testing.T) {
	for url, want := range map[string]string{
		"nats://user:hunter2@127.0.0.1:4222":                 "nats://***@127.0.0.1:4222",
		"nats://a:pw1@h1,nats://b:pw2@h2,tls://h3":           "nats://***@h1,nats://***@h2,tls://h3",
		"nats://h1:4222, nats://b:p,w@h2:4222":               "nats://h1:4222,nats://***@h2:4222",
		"postgres://u:p%41ss!w@db/verdict?sslmode=require":   "postgres://***@db/verdict?sslmode=require",
		"postgres://u:p@ss@db/verdict":                       "postgres://***@db/verdict",
		"postgres://db/verdict?user=u&password=s3cret&x=1":   "postgres://db/verdict?user=***&password=***&x=1",
		"postgres://db/verdict?sslpassword=s3cret":           "postgres://db/verdict?sslpassword=***",
		"https://id.example/?key=s3cret&access_token=t0&x=1": "https://id.example/?key=***&access_token=***&x=1",
		"postgres://db/verdict?sslkey=/run/key.pem":          "postgres://db/verdict?sslkey=/run/key.pem",
		"sqlite:data/verdict.db":                             "sqlite:data/verdict.db",
		"https://id.shop.example/keys?at=a@b":                "https://id.shop.example/keys?at=a@b",
	} {
		if got := maskedURL(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

func TestListsMayComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	c := mustReadConfig(t, "", "VERDICT_SCHEDULE_CHECKS=5s, 10s", "VERDICT_PROVIDERS_DJAMO_EARLY_CHECKS=1s,2s",
		"VERDICT_ORIGINS=https://a.example, https://b.example", "VERDICT_PROXIES=")
	p, err := c.partner("djamo")
	if err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{5 * time.Second, 10 * time.Second}; !slices.Equal(c.Schedule.Checks, want) {
		t.Errorf("checks %v", c.Schedule.Checks)
	}
	if want := []time.Duration{time.Second, 2 * time.Second}; !slices.Equal(p.EarlyChecks, want) {
		t.Errorf("early checks %v", p.EarlyChecks)
	}
	if len(c.Origins) != 2 || c.Origins[1] != "https://b.example" || len(c.Proxies) != 0 {
		t.Errorf("origins %q, proxies %q", c.Origins, c.Proxies)
	}
}

func TestEverySettingIsInTheGuide(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if name := s.key[strings.LastIndexByte(s.key, '.')+1:]; !regexp.MustCompile(`\b` + name + `\b`).Match(guide) {
			t.Errorf("docs/configuration.md doesn't have %s", s.key)
		}
	}
}
