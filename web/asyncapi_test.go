package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"verdict"
	"verdict/web/auth"
)

// protocol is the AsyncAPI document, as a check of messages.
type protocol struct {
	Channels map[string]struct {
		Address  string
		Messages map[string]reference
	}
	Operations map[string]struct {
		Action   string
		Channel  reference
		Messages []reference
		Reply    struct{ Messages []reference }
	}
	Components struct {
		Messages map[string]struct {
			Name     string
			Payload  struct{ Properties map[string]json.RawMessage }
			Headers  json.RawMessage
			Examples []struct{ Headers, Payload json.RawMessage }
		}
	}
	compiler *jsonschema.Compiler
}

type reference struct {
	Ref string `json:"$ref"`
}

// name is the last part of what is referred to.
func (r reference) name() string { return r.Ref[strings.LastIndexByte(r.Ref, '/')+1:] }

func readProtocol(t *testing.T) *protocol {
	t.Helper()
	p := &protocol{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(asyncapi, p); err != nil {
		t.Fatal(err)
	}
	p.compiler.DefaultDraft(jsonschema.Draft7) // as AsyncAPI 3.0 has it
	p.compiler.AssertFormat()
	for name, text := range map[string][]byte{"asyncapi.json": asyncapi, "openapi.json": openapi} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = p.compiler.AddResource(name, document)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// check holds a text against the payload or the headers of a message.
func (p *protocol) check(message, part string, text []byte) error {
	schema, err := p.compiler.Compile("asyncapi.json#/components/messages/" + message + "/" + part)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// sent are the names of the messages on the WebSocket that we send, or that we receive.
func (p *protocol) sent(byUs bool) []string {
	names := map[string]bool{}
	for _, o := range p.Operations {
		if o.Channel.name() != "socket" {
			continue
		}
		ours := o.Reply.Messages
		if o.Action == "send" {
			ours = o.Messages
		}
		for _, m := range ours {
			names[m.name()] = byUs
		}
		if o.Action == "receive" {
			for _, m := range o.Messages {
				names[m.name()] = !byUs
			}
		}
	}
	maps.DeleteFunc(names, func(_ string, wanted bool) bool { return !wanted })
	return slices.Sorted(maps.Keys(names))
}

func TestProtocolHasTheMessagesThatClientsMaySay(t *testing.T) {
	p := readProtocol(t)
	if documented, known := p.sent(false), slices.Sorted(maps.Keys(clientTypes)); !slices.Equal(documented, known) {
		t.Errorf("documented %q, known %q", documented, known)
	}
	for name, members := range clientTypes {
		known := slices.Sorted(slices.Values(append([]string{"type", "ref"}, members...)))
		documented := slices.Sorted(maps.Keys(p.Components.Messages[name].Payload.Properties))
		if !slices.Equal(documented, known) {
			t.Errorf("%s: documented %q, known %q", name, documented, known)
		}
		for _, example := range p.Components.Messages[name].Examples {
			misspelt := bytes.Replace(example.Payload, []byte("{"), []byte(`{"Type":1,`), 1)
			if p.check(name, "payload", misspelt) == nil {
				t.Errorf("%s may have members that aren't known", name)
			}
		}
	}
}

func TestProtocolHasTheChannelsThatThereAre(t *testing.T) {
	p := readProtocol(t)
	var routed []string
	for _, r := range newWorld(t).server.routes() {
		routed = append(routed, r.pattern)
	}
	for name, c := range p.Channels {
		if !slices.Contains(routed, "GET "+c.Address) {
			t.Errorf("%s: nothing is at %s", name, c.Address)
		}
	}
	all := append(p.sent(true), p.sent(false)...)
	slices.Sort(all)
	if socket := slices.Sorted(maps.Keys(p.Channels["socket"].Messages)); !slices.Equal(all, socket) {
		t.Errorf("the socket has %q, its operations %q", socket, all)
	}
}

func TestExamplesOfTheProtocolAreAsItSays(t *testing.T) {
	p := readProtocol(t)
	for name, m := range p.Components.Messages {
		if len(m.Examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, example := range m.Examples {
			if err := p.check(name, "payload", example.Payload); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if m.Headers == nil {
				continue
			}
			if err := p.check(name, "headers", example.Headers); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestSocketSaysWhatIsDocumented has a conversation in which every message and every error comes up.
func TestSocketSaysWhatIsDocumented(t *testing.T) {
	p := readProtocol(t)
	w := newWorld(t, func(c *Config) {
		c.Guard, c.Tickets = guardUntil(t, time.Now().Add(reauthLead)), auth.Tickets{Secret: make([]byte, 32)}
	})
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(w.listen(), "http", "ws", 1)+"/v1/ws?ticket="+w.ticket(amasKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := client{t, conn}
	types, codes := map[string]bool{}, map[string]bool{}
	hear := func() heard {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, text, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		var m heard
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		if err := p.check(m.Type, "payload", text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		types[m.Type] = true
		if m.Type == "error" {
			codes[m.Code] = true
		}
		return m
	}
	say := func(text string) { // and hear all that is answered
		c.say(text)
		c.say(`{"type":"ping","ref":"over"}`)
		for hear().Ref != "over" {
		}
	}
	for i := range maxSubscriptions + 1 {
		say(`{"type":"subscribe","ref":"r","transaction":"` + w.acceptFor(ama, fmt.Sprint("more", i)).ID + `"}`)
	}
	pending, settled := w.acceptFor(ama, "pending").ID, w.settled(w.acceptFor(ama, "settled"), verdict.OutcomeFailed).ID
	say(`{"type":"unsubscribe","transaction":"` + w.acceptFor(ama, "more0").ID + `"}`)
	for _, text := range []string{
		`{"type":"subscribe","unconfirmed":true}`, `{"type":"resume","after":0}`, `{"type":"unsubscribe"}`, `{"type":"shout"}`,
		`{"type":"subscribe","transaction":"nobody"}`, `{"type":"subscribe","transaction":"` + settled + `"}`,
		`{"type":"submit","key":"k","payload":{}}`, `{"type":"submit","key":"k","payload":{"a":1}}`,
		`{"type":"ack","transaction":"` + pending + `"}`, `{"type":"ack","transaction":"` + settled + `"}`,
		`{"type":"auth","token":"` + amasKey + `"}`, `{"type":"auth","token":"none"}`,
	} {
		say(text)
	}
	w.store.fail(errors.New("disk i/o error"))
	say(`{"type":"ack","transaction":"` + pending + `"}`)
	var draining sync.WaitGroup
	draining.Go(func() { _ = w.server.Drain(t.Context()) })
	for hear().Type != "retry" {
	}
	conn.Close()
	draining.Wait()
	if heard := slices.Sorted(maps.Keys(types)); !slices.Equal(heard, p.sent(true)) {
		t.Errorf("heard %q, documented %q", heard, p.sent(true))
	}
	var code struct{ Enum []string }
	if err := json.Unmarshal(p.Components.Messages["error"].Payload.Properties["code"], &code); err != nil {
		t.Fatal(err)
	}
	slices.Sort(code.Enum)
	if heard := slices.Sorted(maps.Keys(codes)); !slices.Equal(heard, code.Enum) {
		t.Errorf("heard the codes %q, documented %q", heard, code.Enum)
	}
}

func TestStreamsSayWhatIsDocumented(t *testing.T) {
	p := readProtocol(t)
	w := newWorld(t)
	tr := w.settled(w.accept("k1"), verdict.OutcomeFailed)
	_, blocks := sse(t, w.listen()+"/v1/transactions/"+tr.ID+"/events")
	got, ok := blocks.nextEvent()
	if !ok {
		t.Fatal("no event")
	}
	if err := p.check("sseTransaction", "payload", []byte(got.data)); err != nil {
		t.Error(err)
	}
	if err := p.check("sseTransaction", "headers", mustMarshal(map[string]string{"event": got.event, "id": got.id})); err != nil {
		t.Error(err)
	}
}

// TestTheGuideSpeaksTheProtocol holds docs/push.md against the document: the messages in its tables, where ... stands for
// what the document's example has, and the words for the others.
func TestTheGuideSpeaksTheProtocol(t *testing.T) {
	p := readProtocol(t)
	text, err := os.ReadFile("../docs/push.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, quoted := range regexp.MustCompile("`[^`\n]+`").FindAllString(string(text), -1) {
		quoted = strings.Trim(quoted, "`")
		told[quoted] = true
		var m map[string]json.RawMessage
		if json.Unmarshal([]byte(strings.ReplaceAll(quoted, "{...}", `"..."`)), &m) != nil || m["type"] == nil {
			continue
		}
		name := strings.Trim(string(m["type"]), `"`)
		told[name] = true
		if err := p.check(name, "payload", p.fill(t, name, m)); err != nil {
			t.Errorf("%s: %v", quoted, err)
		}
	}
	for _, name := range append(p.sent(true), p.sent(false)...) {
		if !told[name] {
			t.Errorf("the guide doesn't tell of %s", name)
		}
	}
}

// fill puts what an example of a message has in place of "...".
func (p *protocol) fill(t *testing.T, name string, m map[string]json.RawMessage) []byte {
	t.Helper()
	for _, example := range p.Components.Messages[name].Examples {
		var has map[string]json.RawMessage
		if err := json.Unmarshal(example.Payload, &has); err != nil {
			t.Fatal(err)
		}
		for member, value := range m {
			if string(value) == `"..."` && has[member] != nil {
				m[member] = has[member]
			}
		}
	}
	return mustMarshal(m)
}
