package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"

	"verdict"
)

// lookupTimeout bounds how long the start waits for a name server.
const lookupTimeout = 3 * time.Second

// called is a URL that the gateway calls by its configuration.
type called struct {
	key     string // of the setting
	url     string
	private bool // its name may point to a private network
}

// calledURLs are those of partners, of issuers' keys, and of apps' backends.
func (c config) calledURLs() []called {
	var all []called
	for _, name := range c.providerNames() {
		if p, err := c.partner(name); err == nil { // openProviders tells the error
			url, private := p.calls()
			all = append(all, called{"providers." + name, url, private})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Auth.Issuers)) {
		i := c.Auth.Issuers[name]
		all = append(all, called{"auth.issuers." + name, i.JWKS, i.AllowPrivate})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Notify)) {
		n := c.Notify[name]
		all = append(all, called{"notify." + name, n.URL, n.AllowPrivate})
	}
	return all
}

// calls is the partner's URL, and whether its name may point to a private network; nothing where its kind has no such settings.
func (p partnerConfig) calls() (url string, private bool) {
	var told struct {
		URL          string         `koanf:"url"`
		AllowPrivate bool           `koanf:"allow_private"`
		Others       map[string]any `koanf:",remain"`
	}
	if decode(p.Own, &told) != nil {
		return "", false
	}
	return told.URL, told.AllowPrivate
}

// checkHosts refuses to start where a call would be refused later: a partner that is never called has its transactions fail.
// What can't be looked up now may be later, so that is only told.
func (c config) checkHosts(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	for _, one := range c.calledURLs() {
		u, err := url.Parse(one.url)
		if err != nil || u.Hostname() == "" {
			continue
		}
		err = verdict.Outward{Private: one.private}.Check(ctx, u.Hostname())
		if errors.As(err, new(*verdict.AddressError)) {
			return fmt.Errorf("config: %s: %w", one.key, err)
		}
		if err != nil {
			log.Warn("a host's name can't be looked up", "setting", one.key, "error", err)
		}
	}
	return nil
}
