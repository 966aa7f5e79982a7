package rest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"verdict"
	"verdict/provider/providertest"
)

// example returns the description of a partner that docs/partners.md shows.
func example(t testing.TB, name string) Config {
	t.Helper()
	text, err := os.ReadFile("../../docs/partners.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if strings.Contains(block, "\n  "+name+":\n") {
			return read(t, name, block)
		}
	}
	t.Fatalf("docs/partners.md has no example %q", name)
	return Config{}
}

// read reads a description as cmd/verdict does, but for the settings of every kind.
func read(t testing.TB, name, text string) Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "verdict.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		t.Fatal(err)
	}
	own := k.Cut("providers." + name).Raw()
	for _, ofEveryKind := range []string{"kind", "webhook_scheme", "webhook_secrets", "settles_within", "check_budget"} {
		delete(own, ofEveryKind)
	}
	c := Defaults()
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: &c, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.StringToTimeDurationHookFunc(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(own); err != nil {
		t.Fatal(err)
	}
	return c
}

// opener returns the adapter of a described partner, over a network of the test's own if dial isn't nil. If it wants access
// tokens, it holds one.
func opener(c Config) providertest.Open {
	return func(t *testing.T, baseURL string, dial providertest.Dial) verdict.Provider {
		t.Helper()
		c.URL, c.Dial = baseURL, dial
		return mustOpen(t, c)
	}
}

func mustOpen(t testing.TB, c Config) *Provider {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if p.auth.tokens != nil {
		p.auth.tokens.Keep("held", 3600e9)
	}
	return p
}
