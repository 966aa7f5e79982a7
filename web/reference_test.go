package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/getkin/kin-openapi/openapi3"
)

var write = flag.Bool("write", false, "write what is made of other files anew, in place of comparing it")

// TestTheReferenceIsOfTheDocument holds docs/api.md to openapi.json.
func TestTheReferenceIsOfTheDocument(t *testing.T) {
	const page = "../docs/api.md"
	made := referencePage(t, newContract(t).T)
	if *write {
		if err := os.WriteFile(page, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, made) {
		t.Error("docs/api.md is not of openapi.json as it is; make it anew: go test ./web -run TestTheReferenceIsOfTheDocument -write")
	}
}

// A chapter of the reference is the calls of a tag.
type chapter struct {
	Name, Description string
	Operations        []call
}

// A call is an operation of the document, with what is told of it.
type call struct {
	*openapi3.Operation
	Method, Path string
	Parameters   []*openapi3.Parameter
	Body         *content
	Answers      []answered // of its own
	Refusals     []term     // those that it has in common with others: statuses and names
	Example      string     // of the first answer that has one
}

// Title names it, also to those that link to it.
func (e call) Title() string { return e.Method + " " + e.Path }

// content is a body, in words.
type content struct{ Words, Example string }

// answered is one of the answers of a call.
type answered struct{ Status, Description, Content, Headers string }

// A term is a name with what it means.
type term struct{ Name, Words string }

// A shape is a schema.
type shape struct {
	Name, Description string
	Members           []member
}

type member struct {
	Name, Type, Description string
	Required                bool
}

// referencePage makes the page.
func referencePage(t *testing.T, doc *openapi3.T) []byte {
	t.Helper()
	page := template.Must(template.New("reference.md.tmpl").Funcs(template.FuncMap{"anchor": anchor, "cell": cell}).
		ParseFiles("testdata/reference.md.tmpl"))
	var made bytes.Buffer
	err := page.Execute(&made, map[string]any{
		"Info": doc.Info, "Groups": chapters(doc), "Headers": headerTerms(doc), "Security": securityTerms(doc), "Schemas": shapes(doc), "Refusals": refusals(doc),
	})
	if err != nil {
		t.Fatal(err)
	}
	tidied := regexp.MustCompile(`\n{3,}`).ReplaceAll(made.Bytes(), []byte("\n\n"))
	return append(bytes.TrimSpace(tidied), '\n')
}

// anchor is the name that GitHub gives a heading.
func anchor(title string) string {
	return strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

// cell is a text that fits a cell of a table.
func cell(text string) string { return strings.NewReplacer("\n", " ", "|", `\|`).Replace(text) }

func chapters(doc *openapi3.T) []chapter {
	var all []chapter
	for _, tag := range doc.Tags {
		c := chapter{Name: strings.ToUpper(tag.Name[:1]) + tag.Name[1:], Description: tag.Description}
		for _, path := range doc.Paths.InMatchingOrder() {
			operations := doc.Paths.Value(path).Operations()
			for _, method := range slices.Sorted(maps.Keys(operations)) {
				if o := operations[method]; slices.Contains(o.Tags, tag.Name) {
					c.Operations = append(c.Operations, newCall(method, path, o))
				}
			}
		}
		slices.SortFunc(c.Operations, func(a, b call) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(b.Method, a.Method)) // POST before GET
		})
		all = append(all, c)
	}
	return all
}

func newCall(method, path string, o *openapi3.Operation) call {
	e := call{Operation: o, Method: method, Path: path}
	for _, p := range o.Parameters {
		e.Parameters = append(e.Parameters, p.Value)
	}
	if o.RequestBody != nil {
		e.Body = &content{}
		e.Body.Words, e.Body.Example = inWords(o.RequestBody.Value.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses.Map())) {
		if _, name, ok := strings.Cut(o.Responses.Value(status).Ref, "#/components/responses/"); ok {
			e.Refusals = append(e.Refusals, term{status, name})
			continue
		}
		r := o.Responses.Value(status).Value
		words, example := inWords(r.Content)
		a := answered{Status: status, Description: *r.Description, Headers: strings.Join(quoted(slices.Sorted(maps.Keys(r.Headers))), " ")}
		if words != "" {
			a.Content = "(" + words + ")"
		}
		if e.Example == "" && status < fmt.Sprint(http.StatusBadRequest) {
			e.Example = example
		}
		e.Answers = append(e.Answers, a)
	}
	return e
}

func quoted(names []string) []string {
	for i, name := range names {
		names[i] = "`" + name + "`"
	}
	return names
}

// inWords tells the types of a body, and an example.
func inWords(c openapi3.Content) (words, example string) {
	var all []string
	for _, media := range slices.Sorted(maps.Keys(c)) {
		m := c[media]
		if m.Example != nil && strings.HasSuffix(media, "json") {
			if text, err := json.Marshal(m.Example); err == nil {
				example = string(text)
			}
		}
		name := "`" + media + "`"
		if t := typeOf(m.Schema); m.Schema != nil && m.Schema.Ref != "" {
			name = t + " as " + name
		}
		all = append(all, name)
	}
	return strings.Join(all, " or "), example
}

// typeOf names a type, with a link where it has a name.
func typeOf(s *openapi3.SchemaRef) string {
	if s == nil {
		return ""
	}
	if _, name, ok := strings.Cut(s.Ref, "#/components/schemas/"); ok {
		return fmt.Sprintf("[%s](#%s)", name, anchor(name))
	}
	v := s.Value
	switch {
	case v.Type.Is("array"):
		return "list of " + typeOf(v.Items)
	case len(v.Enum) > 0:
		var words []string
		for _, word := range v.Enum {
			words = append(words, fmt.Sprintf("`%v`", word))
		}
		return strings.Join(words, ", ")
	case v.Format != "":
		return v.Format
	case v.Type == nil:
		return "anything"
	}
	return strings.Join(v.Type.Slice(), " or ")
}

func headerTerms(doc *openapi3.T) []term {
	var all []term
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Headers)) {
		all = append(all, term{name, doc.Components.Headers[name].Value.Description})
	}
	return all
}

func refusals(doc *openapi3.T) []answered {
	var all []answered
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Responses)) {
		r := doc.Components.Responses[name].Value
		all = append(all, answered{name, *r.Description, "", strings.Join(quoted(slices.Sorted(maps.Keys(r.Headers))), " ")})
	}
	return all
}

func securityTerms(doc *openapi3.T) []term {
	var all []term
	for _, name := range slices.Sorted(maps.Keys(doc.Components.SecuritySchemes)) {
		s := doc.Components.SecuritySchemes[name].Value
		where := "`Authorization: Bearer`"
		if s.Name != "" {
			where = s.In + " `" + s.Name + "`"
		}
		all = append(all, term{where, s.Description})
	}
	return all
}

func shapes(doc *openapi3.T) []shape {
	var all []shape
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name]
		v := shape{Name: name, Description: s.Value.Description}
		if len(s.Value.Enum) > 0 {
			v.Description = strings.TrimSpace("One of " + typeOf(&openapi3.SchemaRef{Value: s.Value}) + ". " + v.Description)
		}
		for _, m := range slices.Sorted(maps.Keys(s.Value.Properties)) {
			p := s.Value.Properties[m]
			v.Members = append(v.Members, member{m, typeOf(p), p.Value.Description, slices.Contains(s.Value.Required, m)})
		}
		place := func(m member) int { // what is always there comes first, as the document has it
			if i := slices.Index(s.Value.Required, m.Name); i >= 0 {
				return i
			}
			return len(s.Value.Required)
		}
		slices.SortStableFunc(v.Members, func(a, b member) int { return place(a) - place(b) })
		all = append(all, v)
	}
	return all
}
