// Package provider opens the adapters of partners by their kind. Each has a folder of its own below this one: djamo
// and momo are adapters, rest is that of partners described in the configuration alone, wire makes their calls, sim is partners
// to run against, and providertest is the suite that every adapter passes.
package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"verdict"
	"verdict/provider/djamo"
	"verdict/provider/momo"
	"verdict/provider/rest"
)

// Open returns the adapter of that kind. decode is called once with a pointer to the adapter's own Config, which holds
// the defaults: it overwrites what the settings say. Its struct tags name the settings.
// An error names the setting and the mend; for an unknown kind it lists the kinds there are.
func Open(kind string, decode func(into any) error) (verdict.Provider, error) {
	kinds := map[string]func(func(any) error) (verdict.Provider, error){
		"djamo": openDjamo,
		"momo":  openMomo,
		"rest":  openRest,
	}
	open, ok := kinds[kind]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")
		return nil, fmt.Errorf("kind: there is no provider %q; give one of: %s", kind, known)
	}
	p, err := open(decode)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", kind, err)
	}
	return p, nil
}

func openDjamo(decode func(any) error) (verdict.Provider, error) {
	c := djamo.Defaults()
	if err := decode(&c); err != nil {
		return nil, err
	}
	return djamo.New(c)
}

func openMomo(decode func(any) error) (verdict.Provider, error) {
	c := momo.Defaults()
	if err := decode(&c); err != nil {
		return nil, err
	}
	return momo.New(c)
}

func openRest(decode func(any) error) (verdict.Provider, error) {
	c := rest.Defaults()
	if err := decode(&c); err != nil {
		return nil, err
	}
	return rest.New(c)
}
