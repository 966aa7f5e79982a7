package main

import (
	"log/slog"
	"strings"
	"testing"
)

func TestItDoesNotStartWhereAHostMayNotBeCalled(t *testing.T) {
	for name, yaml := range map[string]string{
		"providers.djamo":   "providers: {djamo: {url: \"http://169.254.169.254/latest\"}}",
		"auth.issuers.shop": "auth: {issuers: {shop: {issuer: x, audiences: [verdict], jwks: \"https://[fe80::1]/\"}}}",
	} {
		c := mustReadConfig(t, yaml)
		if err := c.checkHosts(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "config: "+name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := mustReadConfig(t, "").checkHosts(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("loopback: %v", err)
	}
}
