package rest

import (
	"strings"
	"testing"
	"time"
)

func TestConfigNamesTheSettingAndTheMend(t *testing.T) {
	bare := func(rule Rule) []Rule { return []Rule{rule} }
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.URL = "" }, "url: give an absolute"},
		{func(c *Config) { c.URL = "https://partner.example/?key=s3cret" }, "url: leave out"},
		{func(c *Config) { c.SubmitTimeout = 0 }, "submit_timeout: give"},
		{func(c *Config) { c.NotFoundFinal = 20 * time.Second }, "not_found_final: 20s isn't longer than submit_timeout (20s)"},
		{func(c *Config) { c.Submits = 0 }, "submits: 0; give 1 to 10000"},
		{func(c *Config) { c.Checks = 10_001 }, "checks: 10001; give 1 to 10000"},
		{func(c *Config) { c.Secrets = map[string]string{"Api-Key": "s3cret"} }, "secrets.Api-Key: name it in lower-case"},

		{func(c *Config) { c.Submit.Method = "GET" }, `submit.method: "GET"; give one of POST, PUT`},
		{func(c *Config) { c.Check.Method = "DELETE" }, `check.method: "DELETE"; give one of GET, POST`},
		{func(c *Config) { c.Submit.Path = "" }, "submit.path: \"\"; give what follows the url"},
		{func(c *Config) { c.Submit.Path = "payments" }, "submit.path: "},
		{func(c *Config) { c.Check.Path = "/payments?ref=${reference}" }, "under query"},
		{func(c *Config) { c.Check.Method, c.Check.PassPayload = "POST", true }, "check.pass_payload: only a submit knows"},
		{func(c *Config) { c.Check.Path = "/payments/%zz" }, "check.path: "},
		{func(c *Config) { c.Submit.Path = "/${payload.merchant?}/payments" }, "nothing of a path can be left out"},
		{func(c *Config) { c.Submit.Path = "/${reference" }, "submit.path: "},
		{func(c *Config) { c.Check.Query = nil }, "check.path: ${reference} stands neither there"},
		{func(c *Config) { c.Submit.Body, c.Submit.Headers = nil, nil }, "submit.path: ${reference} stands neither there"},
		{func(c *Config) { c.Check.Query = map[string]any{"ref": "${payload.id}"} }, "check.query.ref: ${payload.id}: it isn't known here"},
		{func(c *Config) { c.Headers = map[string]any{"X-Hook": "${webhook_url}"} }, "headers.X-Hook: ${webhook_url}: it isn't known here"},
		{func(c *Config) { c.Submit.Body = map[string]any{"a": map[string]any{"b": []any{"${amount}"}}} }, "submit.body.a.b.0: ${amount} is no placeholder; there are ${reference}"},
		{func(c *Config) { c.Submit.Body = map[string]any{"a": "${payload.a..b}"} }, `submit.body.a: "a..b" is no path`},
		{func(c *Config) { c.Submit.Body = map[string]any{"a": "${secret.api}"} }, "submit.body.a: ${secret.api}: there is no such secret; set secrets.api, or VERDICT_PROVIDERS_..._SECRETS_API"},
		{func(c *Config) { c.Submit.Body = map[string]any{"a": "${reference"} }, "submit.body.a: a placeholder has no }"},
		{func(c *Config) { c.Submit.Body = map[string]any{"a": time.Now()} }, "submit.body.a: give a text"},
		{func(c *Config) { c.Submit.Body = []any{"${reference}"} }, "submit.body: give members"},
		{func(c *Config) { c.Check.Body = map[string]any{"ref": "${reference}"} }, "check.body: a GET has none"},
		{func(c *Config) { c.Submit.Query = map[string]any{"a": []any{}} }, "submit.query.a: give a text"},

		{func(c *Config) { c.Headers = map[string]any{"Host": "a"} }, "headers.Host: it can't be set"},
		{func(c *Config) { c.Headers = map[string]any{"X Y": "a"} }, "headers.X Y: it can't be set"},
		{func(c *Config) { c.Headers = map[string]any{"X-A": "a", "x-a": "b"} }, "it stands twice"},
		{func(c *Config) { c.Headers = map[string]any{"X-A": "s3cret\r\nX-Evil: 1"} }, "headers.X-A: give printable ASCII"},
		{func(c *Config) { c.Headers = map[string]any{"authorization": "s3cret"} }, "headers.Authorization: auth makes it"},

		{func(c *Config) { c.Auth.Type = "digest" }, `auth.type: "digest"; give none, header`},
		{func(c *Config) { c.Auth.Type = "" }, "auth.url: type none has none"},
		{func(c *Config) { c.Auth = Auth{Type: "basic", User: "shop"} }, "auth.password: type basic needs it"},
		{func(c *Config) { c.Auth = Auth{Type: "basic", User: "shop:s3cret", Password: "s3cret"} }, "auth.user: give it without"},
		{func(c *Config) { c.Auth = Auth{Type: "bearer", Token: "s3cret\n"} }, "auth.token: give printable ASCII"},
		{func(c *Config) { c.Auth = Auth{Type: "bearer", Token: "${secret.nobody}"} }, "auth.token: ${secret.nobody}: there is no such secret"},
		{func(c *Config) { c.Auth = Auth{Type: "bearer", Token: "${reference}"} }, "auth.token: ${reference}: it isn't known here"},
		{func(c *Config) { c.Auth = Auth{Type: "header", Header: "Content-Length", Key: "s3cret"} }, "auth.header: "},
		{func(c *Config) { c.Auth.URL = "ftp://s3cret" }, "auth.url: give an absolute"},
		{func(c *Config) { c.Auth.ClientIn = "cookie" }, `auth.client_in: "cookie"; give header or body`},

		{func(c *Config) { c.States["paid"] = "ok" }, `states.paid: "ok"; give one of succeeded, failed, pending, not_found`},
		{func(c *Config) { c.States = nil }, "submit.answers[0].state: states is empty"},
		{func(c *Config) { c.Submit.Answers = nil }, "submit.answers: without any"},
		{func(c *Config) { c.Check.Answers = bare(Rule{Status: []int{404}, Empty: true, Outcome: "not_found"}) }, "check.answers: none can tell that a payment succeeded"},
		{func(c *Config) { c.Check.Answers = c.Check.Answers[1:] }, "not_found_final: no check is read as not_found"},
		{func(c *Config) { c.Webhooks = nil }, "webhook_settles: no webhook is described"},
		{func(c *Config) { c.Submit.Body = map[string]any{"ref": "${reference}"} }, "webhooks: the partner isn't told where to"},

		{func(c *Config) { c.Submit.Answers = bare(Rule{Status: []int{200}}) }, "submit.answers[0].outcome: give either"},
		{func(c *Config) { c.Submit.Answers = bare(Rule{Status: []int{200}, Outcome: "pending", State: "a"}) }, "give either"},
		{func(c *Config) { c.Submit.Answers = bare(Rule{Status: []int{200}, Outcome: "not_found"}) }, `"not_found"; give one of succeeded, failed, pending, throttled`},
		{func(c *Config) { c.Submit.Answers = bare(Rule{Outcome: "pending"}) }, "submit.answers[0].status: give"},
		{func(c *Config) { c.Submit.Answers = bare(Rule{Status: []int{20}, Outcome: "pending"}) }, "200 to 599"},
		{func(c *Config) { c.Submit.Answers = bare(Rule{Status: []int{202}, State: "a.b[0]"}) }, `submit.answers[0].state: "a.b[0]" is no path`},
		{func(c *Config) {
			c.Submit.Answers = bare(Rule{Status: []int{202}, State: "a", Reason: []string{"$.b"}})
		}, `submit.answers[0].reason: "$.b" is no path`},
		{func(c *Config) {
			c.Submit.Answers = bare(Rule{Status: []int{200}, When: map[string]any{"a": []any{}}, Outcome: "failed"})
		}, "submit.answers[0].when.a: the list is empty"},
		{func(c *Config) {
			c.Submit.Answers = bare(Rule{Status: []int{200}, When: map[string]any{"a": map[string]any{}}, Outcome: "failed"})
		}, "submit.answers[0].when.a: give a text"},
		{func(c *Config) { c.Webhooks[0].Status = []int{200} }, "webhooks[0].status, empty: they are for answers"},
		{func(c *Config) { c.Webhooks = bare(Rule{Outcome: "succeeded"}) }, "webhooks[0].when: say what"},
		{func(c *Config) { c.Webhooks = bare(Rule{When: map[string]any{"a": 1}, Outcome: "throttled"}) }, `"throttled"; give one of succeeded, failed, pending`},
	} {
		c := example(t, "acme")
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

// A proxy, a gateway or a wrong URL answers with a status as well.
func TestARuleMustTellThePartnersAnswerFromAProxys(t *testing.T) {
	for _, tt := range []struct {
		use     string
		rule    Rule
		refused bool
	}{
		{replies, Rule{Status: []int{200}, Outcome: "succeeded"}, true},
		{replies, Rule{Status: []int{400}, Outcome: "failed"}, true},
		{replies, Rule{Status: []int{400}, Empty: true, Outcome: "failed"}, true},
		{replies, Rule{Status: []int{400}, Outcome: "failed", Reason: []string{"a"}}, true},
		{replies, Rule{Status: []int{400}, Outcome: "failed", When: map[string]any{"code": 17}}, false},
		{replies, Rule{Status: []int{202}, Outcome: "pending"}, false},
		{replies, Rule{Status: []int{429}, Outcome: "throttled"}, false},
		{replies, Rule{Status: []int{429, 503}, Outcome: "throttled"}, true},
		{replies, Rule{Status: []int{503}, Outcome: "throttled", When: map[string]any{"code": "busy"}}, false},
		{checks, Rule{Status: []int{403, 429}, Outcome: "throttled"}, false},
		{checks, Rule{Status: []int{404}, Outcome: "not_found"}, true},
		{checks, Rule{Status: []int{404}, Outcome: "not_found", Empty: true}, false},
		{checks, Rule{Status: []int{404}, Outcome: "not_found", When: map[string]any{"code": "NOT_FOUND"}}, false},
		{checks, Rule{Status: []int{200}, Outcome: "succeeded", Empty: true}, true},
	} {
		if err := tt.rule.validate(tt.use, nil); (err != nil) != tt.refused {
			t.Errorf("%s, %+v: %v", tt.use, tt.rule, err)
		}
	}
}

func TestDefaultsAreSafe(t *testing.T) {
	c := example(t, "acme")
	d := Defaults()
	c.Deduplicates, c.WebhookSettles, c.NotFoundFinal = d.Deduplicates, d.WebhookSettles, d.NotFoundFinal
	traits := mustOpen(t, c).Traits()
	if traits.Deduplicates || traits.WebhookSettles || traits.NotFoundFinal != 0 || traits.Budget != budget {
		t.Errorf("%+v", traits)
	}
}
