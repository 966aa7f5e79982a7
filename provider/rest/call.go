package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// call is a request as it is described.
type call struct {
	method  string
	path    template
	query   texts
	headers texts
	body    node // nil: none
	answers rules
}

// request is a call with the values of one transaction.
type request struct {
	path   string
	header http.Header
	body   []byte
}

// compile checks a described call, all but its answers. The first of the methods is that of a call that names none.
func (c Call) compile(r reader, methods []string, common texts) (call, error) {
	made := call{method: c.Method}
	if made.method == "" {
		made.method = methods[0]
	}
	if !slices.Contains(methods, made.method) {
		return made, fmt.Errorf("method: %q; give one of %s", c.Method, strings.Join(methods, ", "))
	}
	var err error
	if made.path, err = r.path(c.Path); err != nil {
		return made, fmt.Errorf("path: %w", err)
	}
	if made.query, err = r.texts("query", c.Query); err != nil {
		return made, err
	}
	if made.headers, err = r.headers("headers", c.Headers); err != nil {
		return made, err
	}
	for name, t := range common {
		if _, own := made.headers[name]; !own {
			made.headers[name] = t
		}
	}
	if made.body, err = c.compileBody(r); err != nil {
		return made, err
	}
	if made.body != nil && made.method == http.MethodGet {
		return made, errors.New("body: a GET has none; use query, or method: POST")
	}
	if !made.mentions(ofReference) {
		return made, errors.New("path: ${reference} stands neither there nor in query, headers or body; the partner must be told it, for it is what we ask by")
	}
	return made, nil
}

func (c Call) compileBody(r reader) (node, error) {
	if c.PassPayload && !slices.Contains(r.knows, ofPayload) {
		return nil, errors.New("pass_payload: only a submit knows the payload; leave it out")
	}
	if c.Body == nil && !c.PassPayload {
		return nil, nil
	}
	if c.Body == nil {
		return passing{}, nil
	}
	n, err := r.body("body", c.Body)
	if err != nil {
		return nil, err
	}
	ours, isObject := n.(object)
	if !isObject {
		return nil, errors.New("body: give members, such as amount: ${payload.amount}")
	}
	if c.PassPayload {
		return passing{ours}, nil
	}
	return ours, nil
}

var holeForm = regexp.MustCompile(`\$\{[^}]*\}`)

// path makes the template of a path. All it says by itself must be fit for a URL.
func (r reader) path(text string) (template, error) {
	literal := holeForm.ReplaceAllString(text, "x")
	if _, err := url.PathUnescape(literal); err != nil || !strings.HasPrefix(text, "/") || strings.ContainsAny(literal, "?# ") {
		return nil, fmt.Errorf("%q; give what follows the url, such as /payments, and what stands behind a ? under query", text)
	}
	r.fit = url.PathEscape
	t, err := r.read(text)
	if slices.ContainsFunc(t, func(p part) bool { return p.hole != nil && p.hole.optional }) {
		return nil, fmt.Errorf("%q; nothing of a path can be left out: take away the ? in the placeholder", text)
	}
	return t, err
}

var (
	headerForm = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // RFC 9110 section 5.6.2
	valueForm  = regexp.MustCompile(`^[ -~]*$`)
)

// transports are the headers that aren't ours to set.
var transports = []string{"Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// headers makes templates of the headers at a key.
func (r reader) headers(key string, from map[string]any) (texts, error) {
	read, err := r.texts(key, from)
	if err != nil {
		return nil, err
	}
	headers := texts{}
	for name, t := range read {
		header := http.CanonicalHeaderKey(name)
		_, twice := headers[header]
		switch {
		case !headerForm.MatchString(name) || slices.Contains(transports, header):
			return nil, fmt.Errorf("%s.%s: it can't be set; leave it out", key, name)
		case twice:
			return nil, fmt.Errorf("%s.%s: it stands twice; give it once", key, name)
		case slices.ContainsFunc(t, func(p part) bool { return !valueForm.MatchString(p.text) }):
			return nil, fmt.Errorf("%s.%s: give printable ASCII", key, name)
		}
		headers[header] = t
	}
	return headers, nil
}

func (c call) mentions(s source) bool {
	return c.path.mentions(s) || c.query.mention(s) || c.headers.mention(s) || c.body != nil && c.body.mentions(s)
}

// fill makes the request of a transaction. An error says what the payload lacks.
func (c call) fill(v values) (request, error) {
	r := request{header: http.Header{}}
	var err error
	if r.path, err = c.path.text(v, escaped); err != nil {
		return r, err
	}
	if climbs(r.path) {
		return r, errors.New("the payload: . and .. can't stand in a path")
	}
	query := url.Values{}
	if err := c.query.fill(v, asItIs, query.Set); err != nil {
		return r, err
	}
	if len(query) > 0 {
		r.path += "?" + query.Encode()
	}
	if err := c.headers.fill(v, inHeader, r.header.Set); err != nil {
		return r, err
	}
	if c.body == nil {
		return r, nil
	}
	tree, err := c.body.fill(v)
	if err != nil {
		return r, err
	}
	r.body, err = json.Marshal(tree)
	return r, err
}

func escaped(text string) (string, error) { return url.PathEscape(text), nil }

// climbs reports whether a segment of a path leads up, or nowhere.
func climbs(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if plain, err := url.PathUnescape(segment); err != nil || plain == "." || plain == ".." {
			return true
		}
	}
	return false
}

func inHeader(text string) (string, error) {
	if !valueForm.MatchString(text) {
		return "", errors.New("give printable ASCII, without accents")
	}
	return text, nil
}
