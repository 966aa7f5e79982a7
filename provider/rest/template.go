package rest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A template is a text with placeholders: ${reference}, ${webhook_url}, ${payload.NAME} and ${secret.NAME}. With ? at the end
// one may be missing; what it stands in is left out then.
type template []part

// A part is a placeholder, or text as it stands.
type part struct {
	text string
	hole *hole
}

// A hole is a placeholder of what only the transaction tells.
type hole struct {
	name     string // as it is written, without the ?
	of       source
	member   path // of the payload
	optional bool
}

type source int

const (
	ofReference source = iota
	ofWebhookURL
	ofPayload
)

// values fill holes.
type values struct {
	reference  string
	webhookURL string
	payload    any
}

// A reader makes templates of text, for calls that know of some sources.
type reader struct {
	secrets map[string]string
	knows   []source
	fit     func(secret string) string // makes a secret fit where it is put; nil: it fits
}

// read parses a template. Its errors don't repeat a secret.
func (r reader) read(text string) (template, error) {
	var t template
	for {
		before, rest, found := strings.Cut(text, "${")
		t = t.with(before)
		if !found {
			return t, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("a placeholder has no }; write such as ${reference}")
		}
		text = after
		if secret, ok := strings.CutPrefix(name, "secret."); ok {
			value := r.secrets[secret]
			if value == "" {
				return nil, fmt.Errorf("${%s}: there is no such secret; set secrets.%s, or VERDICT_PROVIDERS_..._SECRETS_%s in the environment",
					name, secret, strings.ToUpper(secret))
			}
			if r.fit != nil {
				value = r.fit(value)
			}
			t = t.with(value)
			continue
		}
		h, err := r.hole(name)
		if err != nil {
			return nil, err
		}
		t = append(t, part{hole: &h})
	}
}

func (t template) with(text string) template {
	if text == "" {
		return t
	}
	return append(t, part{text: text})
}

func (r reader) hole(text string) (hole, error) {
	name, optional := strings.CutSuffix(text, "?")
	h := hole{name: name, optional: optional}
	member, ofMember := strings.CutPrefix(name, "payload.")
	var err error
	switch {
	case name == "reference":
		h.of = ofReference
	case name == "webhook_url":
		h.of = ofWebhookURL
	case ofMember:
		h.of = ofPayload
		h.member, err = parsePath(member)
	default:
		err = fmt.Errorf("${%.40s} is no placeholder; there are ${reference}, ${webhook_url}, ${payload.NAME} and ${secret.NAME}", text)
	}
	if err == nil && !slices.Contains(r.knows, h.of) {
		err = fmt.Errorf("${%.40s}: it isn't known here, only in a submit", text)
	}
	return h, err
}

// mentions reports whether a source fills a hole of the template.
func (t template) mentions(s source) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.hole != nil && p.hole.of == s })
}

// errMissing: an optional value is missing.
var errMissing = errors.New("missing")

// value returns what fills the hole. If there is nothing it is errMissing, or an error with the mend for the app.
func (h hole) value(v values) (any, error) {
	var at any
	switch h.of {
	case ofReference:
		at = v.reference
	case ofWebhookURL:
		at = v.webhookURL
	case ofPayload:
		at, _ = h.member.find(v.payload)
	}
	if at != nil && at != "" {
		return at, nil
	}
	if h.optional {
		return nil, errMissing
	}
	return nil, fmt.Errorf("%s: it is missing", h.name)
}

// text fills the holes with text, each as escape makes it fit.
func (t template) text(v values, escape func(string) (string, error)) (string, error) {
	var out strings.Builder
	for _, p := range t {
		if p.hole == nil {
			out.WriteString(p.text)
			continue
		}
		value, err := p.hole.value(v)
		if err != nil {
			return "", err
		}
		text, ok := written(value)
		if !ok {
			return "", fmt.Errorf("%s: give a text or a number", p.hole.name)
		}
		if text, err = escape(text); err != nil {
			return "", fmt.Errorf("%s: %w", p.hole.name, err)
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

func asItIs(text string) (string, error) { return text, nil }

// json returns what the template is in JSON: the value as the app wrote it if it is one placeholder, else a text.
func (t template) json(v values) (any, error) {
	if len(t) == 1 && t[0].hole != nil {
		return t[0].hole.value(v)
	}
	return t.text(v, asItIs)
}

// texts are named templates, such as headers.
type texts map[string]template

// texts makes named templates of the setting at a key.
func (r reader) texts(key string, from map[string]any) (texts, error) {
	read := texts{}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		text, ok := plain(from[name])
		if !ok || name == "" {
			return nil, fmt.Errorf("%s.%s: give a text", key, name)
		}
		t, err := r.read(text)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", key, name, err)
		}
		read[name] = t
	}
	return read, nil
}

// fill tells each text, in the order of their names, but those where something optional is missing.
func (t texts) fill(v values, escape func(string) (string, error), tell func(name, text string)) error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		text, err := t[name].text(v, escape)
		if errors.Is(err, errMissing) {
			continue
		}
		if err != nil {
			return err
		}
		tell(name, text)
	}
	return nil
}

func (t texts) mention(s source) bool {
	for _, one := range t {
		if one.mentions(s) {
			return true
		}
	}
	return false
}

// plain is a scalar of the configuration as a text.
func plain(v any) (string, bool) {
	switch v.(type) {
	case string, bool, int, int64, uint64, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}
