package rest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A node is a part of a body: what stands in it is JSON by construction, since values are put into a tree and not into text.
type node interface {
	// fill returns the JSON value as encoding/json takes it, or errMissing if it is to be left out.
	fill(v values) (any, error)

	mentions(s source) bool
}

type (
	text     struct{ template }
	object   map[string]node
	array    []node
	constant struct{ value any }
)

// body makes a node of the setting at a key.
func (r reader) body(key string, from any) (node, error) {
	switch from := from.(type) {
	case map[string]any:
		o := object{}
		for _, name := range slices.Sorted(maps.Keys(from)) {
			member, err := r.body(key+"."+name, from[name])
			if err != nil {
				return nil, err
			}
			o[name] = member
		}
		return o, nil
	case []any:
		a := array{}
		for i, element := range from {
			n, err := r.body(fmt.Sprintf("%s.%d", key, i), element)
			if err != nil {
				return nil, err
			}
			a = append(a, n)
		}
		return a, nil
	case string:
		t, err := r.read(from)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		return text{t}, nil
	case nil:
		return constant{nil}, nil
	}
	if _, ok := plain(from); !ok {
		return nil, fmt.Errorf("%s: give a text, a number, true, false, a list or members", key)
	}
	return constant{from}, nil
}

func (t text) fill(v values) (any, error) { return t.json(v) }

func (c constant) fill(values) (any, error) { return c.value, nil }
func (c constant) mentions(source) bool     { return false }

func (o object) fill(v values) (any, error) {
	filled := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		value, err := o[name].fill(v)
		if errors.Is(err, errMissing) {
			continue
		}
		if err != nil {
			return nil, err
		}
		filled[name] = value
	}
	return filled, nil
}

func (o object) mentions(s source) bool {
	for _, member := range o {
		if member.mentions(s) {
			return true
		}
	}
	return false
}

func (a array) fill(v values) (any, error) {
	filled := []any{}
	for _, element := range a {
		value, err := element.fill(v)
		if errors.Is(err, errMissing) {
			continue
		}
		if err != nil {
			return nil, err
		}
		filled = append(filled, value)
	}
	return filled, nil
}

func (a array) mentions(s source) bool {
	return slices.ContainsFunc(a, func(n node) bool { return n.mentions(s) })
}

// passing is a body of the payload's members, with ours in place of any of the app's. The app's go in any spelling, because
// some parsers ignore case.
type passing struct{ ours object }

func (p passing) mentions(s source) bool { return p.ours.mentions(s) }

func (p passing) fill(v values) (any, error) {
	filled, err := p.ours.fill(v)
	if err != nil {
		return nil, err
	}
	ours := filled.(map[string]any)
	all := maps.Clone(ours)
	for name, value := range v.payload.(map[string]any) {
		if !p.claims(name) {
			all[name] = value
		}
	}
	return all, nil
}

// claims reports whether a member is ours to give, even if we leave it out.
func (p passing) claims(name string) bool {
	for ours := range p.ours {
		if strings.EqualFold(ours, name) {
			return true
		}
	}
	return false
}
