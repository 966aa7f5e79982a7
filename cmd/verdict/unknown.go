package main

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// refuseSetting says that a key is none of a struct's, and which there are beside it. Those of others stand beside the struct's
// own.
func refuseSetting(key string, into any, others ...any) error {
	holder, name := "", key
	if at := strings.LastIndex(key, "."); at >= 0 {
		holder, name = key[:at], key[at+1:]
	}
	names := settingsAt(reflect.TypeOf(into), holder)
	if holder == "" {
		for _, other := range others {
			names = append(names, settingsAt(reflect.TypeOf(other), "")...)
		}
	}
	slices.Sort(names)
	where := "there are"
	if holder != "" {
		where = "in " + holder + " there may be"
	}
	return fmt.Errorf("%q is no setting; %s: %s", name, where, strings.Join(names, ", "))
}

var elementNumber = regexp.MustCompile(`\[[^]]*\]`)

// settingsAt returns the names of the settings in a part of a struct: "submit.answers[1]" is the answers' elements.
func settingsAt(t reflect.Type, key string) (names []string) {
	for _, name := range append([]string{""}, strings.Split(elementNumber.ReplaceAllString(key, ""), ".")...) {
		if name != "" {
			t = settingType(t, name)
		}
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return nil
		}
	}
	for field := range t.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("koanf"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// settingType is the type of a struct's setting.
func settingType(t reflect.Type, name string) reflect.Type {
	for field := range t.Fields() {
		if field.Tag.Get("koanf") == name {
			return field.Type
		}
	}
	return t
}
