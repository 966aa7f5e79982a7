package rest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A path leads into a JSON value: data.payments.0.state is the member "state" of the first element of "payments" of "data".
// A name that holds a dot can't be reached.
type path []string

func parsePath(text string) (path, error) {
	p := path(strings.Split(text, "."))
	for _, name := range p {
		if name == "" || strings.ContainsAny(name, " \t\r\n$[]*{}") {
			return nil, fmt.Errorf("%q is no path; give members' names and elements' numbers with dots between, such as data.payments.0.state", text)
		}
	}
	return p, nil
}

func (p path) String() string { return strings.Join(p, ".") }

// find returns the value at the path, and whether there is one.
func (p path) find(v any) (any, bool) {
	for _, name := range p {
		var ok bool
		switch holder := v.(type) {
		case map[string]any:
			v, ok = holder[name]
		case []any:
			var n uint64
			n, err := strconv.ParseUint(name, 10, 31)
			if ok = err == nil && n < uint64(len(holder)); ok {
				v = holder[n]
			}
		}
		if !ok {
			return nil, false
		}
	}
	return v, true
}

// missing reports whether there is nothing at the path, or null, in what could hold it: a list for a number, an object for a
// name. An answer of another shape says nothing of what it lacks.
func (p path) missing(v any) bool {
	last := p[len(p)-1]
	holder, _ := p[:len(p)-1].find(v)
	_, notNumber := strconv.ParseUint(last, 10, 31)
	_, fits := holder.(map[string]any)
	if notNumber == nil {
		_, fits = holder.([]any)
	}
	at, _ := path{last}.find(holder)
	return fits && at == nil
}

// text returns what stands at the path: a text, a number as it was written, true or false; "" for anything else.
func (p path) text(v any) string {
	at, _ := p.find(v)
	text, _ := written(at)
	return text
}

// written is a scalar as it was written.
func written(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
