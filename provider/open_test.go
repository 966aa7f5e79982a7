package provider_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"verdict/provider"
	"verdict/provider/djamo"
	"verdict/provider/momo"
)

func TestOpenDecodesOverTheDefaults(t *testing.T) {
	p, err := provider.Open("djamo", func(into any) error {
		c := into.(*djamo.Config)
		if !reflect.DeepEqual(*c, djamo.Defaults()) {
			t.Errorf("decode was given %+v, want the defaults", *c)
		}
		c.URL, c.Submits = "https://partner.example/api", 7
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if traits := p.Traits(); traits.Submits != 7 || traits.SubmitTimeout != 35*time.Second || traits.NotFoundFinal != 150*time.Second {
		t.Errorf("got %+v", traits)
	}
}

func TestOpenKnowsMomo(t *testing.T) {
	p, err := provider.Open("momo", func(into any) error {
		c := into.(*momo.Config)
		if !reflect.DeepEqual(*c, momo.Defaults()) {
			t.Errorf("decode was given %+v, want the defaults", *c)
		}
		c.URL, c.TargetEnvironment, c.Currency = "https://partner.example", "sandbox", "EUR"
		c.SubscriptionKey, c.APIUser, c.APIKey = "subscription", "user", "key"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if traits := p.Traits(); !traits.Deduplicates || traits.WebhookSettles || traits.SubmitTimeout != 30*time.Second || traits.NotFoundFinal != 5*time.Minute {
		t.Errorf("got %+v", traits)
	}
}

func TestOpenSaysWhatToMend(t *testing.T) {
	broken := errors.New("settings.yaml line 3: unknown key urll")
	for _, tt := range []struct {
		kind   string
		decode func(any) error
		want   string
	}{
		{"paypal", func(any) error { t.Error("decoded for an unknown kind"); return nil }, `no provider "paypal"; give one of: djamo, momo, rest`},
		{"", nil, "give one of: djamo"},
		{"djamo", func(any) error { return broken }, broken.Error()},
		{"djamo", func(any) error { return nil }, "provider djamo: url: give an absolute"},
		{"momo", func(any) error { return broken }, broken.Error()},
		{"momo", func(any) error { return nil }, "provider momo: target_environment: "},
		{"rest", func(any) error { return broken }, broken.Error()},
		{"rest", func(any) error { return nil }, "provider rest: url: give an absolute"},
	} {
		p, err := provider.Open(tt.kind, tt.decode)
		if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, %v; want an error with %q", tt.kind, p, err, tt.want)
		}
	}
}
