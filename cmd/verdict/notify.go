package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"verdict"
	"verdict/hub/notify"
)

// notifyConfig says where an app's backend is told verdicts, and how.
type notifyConfig struct {
	URL          string   `koanf:"url"`
	Tenant       string   `koanf:"tenant"`
	Secrets      []string `koanf:"secrets"`
	Format       string   `koanf:"format"`    // standard if empty, or callback
	Method       string   `koanf:"method"`    // of a callback; PUT if empty
	Body         string   `koanf:"body"`      // of a callback
	Succeeded    string   `koanf:"succeeded"` // a callback's words for the statuses
	Failed       string   `koanf:"failed"`
	Concurrency  int      `koanf:"concurrency"` // 0: notifyConcurrency
	AllowPrivate bool     `koanf:"allow_private"`
}

// notifyMembers are the settings of an endpoint.
var notifyMembers = []string{
	"url", "tenant", "secrets", "format", "method", "body", "succeeded", "failed", "concurrency", "allow_private",
}

const (
	// notifyConcurrency is how many attempts at an endpoint an instance has under way at once, unless it is told.
	notifyConcurrency, maxNotifyConcurrency = 8, 256

	// notifyConnect bounds how long a connection to an endpoint may take.
	notifyConnect = 5 * time.Second

	// callbackBody is what apps expect that were built for the third party's own callback.
	callbackBody = `{"id":"{id}","status":"{status}"}`
)

// endpoints are where backends are told, in the order of their names.
func (c config) endpoints() ([]notify.Endpoint, error) {
	var all []notify.Endpoint
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Notify)) {
		e, err := c.Notify[name].endpoint(name, c.Auth.asksApps())
		if err != nil {
			errs = append(errs, fmt.Errorf("config: notify.%s: %w", name, err))
		}
		all = append(all, e)
	}
	return all, errors.Join(errs...)
}

func (n notifyConfig) endpoint(name string, tenants bool) (e notify.Endpoint, err error) {
	e = notify.Endpoint{Name: name, Tenant: n.Tenant, Method: http.MethodPost, URL: n.URL, Concurrency: n.Concurrency}
	if e.Concurrency == 0 {
		e.Concurrency = notifyConcurrency
	}
	e.Dial = verdict.Outward{Private: n.AllowPrivate, Timeout: notifyConnect}.DialContext
	switch u, err := url.Parse(n.URL); {
	case !providerName.MatchString(name):
		return e, errors.New("name it in lower-case letters, digits and dashes")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return e, errors.New("url: give an absolute http or https URL, such as https://shop.example/verdicts")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return e, errors.New("url: leave out the user, the query and the fragment; a signature by secrets says who calls")
	case tenants && n.Tenant == "":
		return e, errors.New("tenant: say whose transactions it is told")
	case !tenants && n.Tenant != "":
		return e, errors.New("tenant: leave it out; nobody is asked who they are here, so it is told of all")
	case e.Concurrency < 1 || e.Concurrency > maxNotifyConcurrency:
		return e, fmt.Errorf("concurrency: %d; give 1 to %d", n.Concurrency, maxNotifyConcurrency)
	}
	if e.Signer, err = verdict.NewSigner(n.Secrets...); err != nil {
		return e, err
	}
	return n.formed(e)
}

// formed is an endpoint with its form.
func (n notifyConfig) formed(e notify.Endpoint) (_ notify.Endpoint, err error) {
	switch n.Format {
	case "", "standard":
		if n.Method+n.Body+n.Succeeded+n.Failed != "" {
			return e, errors.New("format: method, body, succeeded and failed are of the format callback; leave them out, or set format: callback")
		}
		if len(n.Secrets) == 0 {
			return e, errors.New("secrets: give one, as `verdict notify secret` makes it, or two while they are changed")
		}
		return e, nil
	case "callback":
	default:
		return e, fmt.Errorf("format: %q; give standard or callback", n.Format)
	}
	switch n.Method {
	case "", http.MethodPut:
		e.Method = http.MethodPut
	case http.MethodPost:
	default:
		return e, fmt.Errorf("method: %q; give PUT or POST", n.Method)
	}
	body, succeeded, failed := n.Body, n.Succeeded, n.Failed
	if body == "" {
		body = callbackBody
	}
	if succeeded+failed == "" {
		succeeded, failed = "accepted", "declined"
	}
	if e.Form, err = verdict.NewForm(body, succeeded, failed); err != nil {
		return e, fmt.Errorf("body: %w", err)
	}
	return e, nil
}

// nudging is a bus that says when a verdict of this instance is handed over: its backend is told at once, and by it.
type nudging struct {
	bus
	nudge func()
}

func (n nudging) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	if len(events) > 0 {
		n.nudge()
	}
	return n.bus.Publish(ctx, commands, events)
}
