package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"verdict"
)

// How many bytes a client's name for its message may have, and a transaction's id: answers repeat them.
const (
	maxRef = 64
	maxID  = 64
)

// clientTypes are the messages that a client may say on a WebSocket, with their members besides type and ref.
var clientTypes = map[string][]string{
	"subscribe":   {"transaction", "unconfirmed", "after"},
	"resume":      {"after", "unconfirmed"},
	"unsubscribe": {"transaction"},
	"submit":      {"key", "operation", "provider", "payload"},
	"ack":         {"transaction", "id"},
	"auth":        {"token"},
	"ping":        {},
}

// clientMessage is what a client says on a WebSocket.
type clientMessage struct {
	Type        string
	Ref         string // comes back with the answer; may be empty
	Transaction string // "" for all of the client's
	From        position
	ID          int64 // of a verdict's event; 0 if it isn't told
	Token       string
	Request     verdict.Request // without its tenant and owner
}

// The codes of errorMessage.
const (
	codeMessage         = "bad_message"
	codeNotFound        = "not_found"
	codeNotSettled      = "not_settled"
	codeSubscriptions   = "too_many_subscriptions"
	codeUnauthenticated = "unauthenticated"
	codeRefused         = "refused"
	codeUnavailable     = "unavailable"
)

// errorMessage tells a client why its last message was not heeded. The connection goes on.
type errorMessage struct {
	Ref         string   `json:"ref,omitempty"`
	Code        string   `json:"code"`
	Message     string   `json:"message"`
	Transaction string   `json:"transaction,omitempty"`
	Problem     *problem `json:"problem,omitempty"` // of a submit
}

func (m errorMessage) Error() string { return m.Code + ": " + m.Message }

func (m errorMessage) text() []byte {
	return mustMarshal(struct {
		Type string `json:"type"`
		errorMessage
	}{"error", m})
}

// answerMessage confirms a message.
type answerMessage struct {
	Type        string     `json:"type"`
	Ref         string     `json:"ref,omitempty"`
	Transaction any        `json:"transaction,omitempty"` // its id or, in answer to a submit, itself
	Replayed    *bool      `json:"replayed,omitempty"`
	After       *int64     `json:"after,omitempty"` // the position that events follow
	ID          int64      `json:"id,omitempty"`
	At          *time.Time `json:"at,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
}

func (m answerMessage) text() []byte { return mustMarshal(m) }

// reauthMessage asks for new credentials, in place of those that end then.
func reauthMessage(at time.Time) []byte {
	at = at.UTC()
	return answerMessage{Type: "reauth", ExpiresAt: &at}.text()
}

// retryMessage tells a client how long to stay away.
func retryMessage(after time.Duration) []byte {
	return fmt.Appendf(nil, `{"type":"retry","after_ms":%d}`, after.Milliseconds())
}

func mustMarshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and times can be encoded
	}
	return text
}

// readMessage reads what a client said, or returns the refusal. The type and the ref are told as far as they could be read.
func readMessage(message []byte) (m clientMessage, err error) {
	object, err := members(message)
	if err != nil {
		return m, err
	}
	ref, err := stringMember(object, "ref", "")
	if err != nil {
		return m, err
	}
	if len(ref) > maxRef {
		return m, invalid(fmt.Sprintf("ref: give at most %d bytes", maxRef))
	}
	m.Ref = ref
	if m.Type, err = stringMember(object, "type", ""); err != nil {
		return m, err
	}
	known, ok := clientTypes[m.Type]
	if !ok {
		return m, invalid("type: give " + strings.Join(slices.Sorted(maps.Keys(clientTypes)), ", "))
	}
	if err := onlyMembers(object, append([]string{"type", "ref"}, known...)...); err != nil {
		return m, err
	}
	if m.Type == "submit" {
		m.Request, err = readSubmit(object)
		return m, err
	}
	return m, m.read(object)
}

// readSubmit reads what POST /v1/transactions has in its header and its body.
func readSubmit(object map[string]json.RawMessage) (verdict.Request, error) {
	request, err := readRequest(object)
	if err != nil {
		return request, err
	}
	request.Key, err = stringMember(object, "key", "")
	if err == nil && request.Key == "" {
		err = refusal{missingKey, `The member "key" is missing. Send a key of your own that is the same whenever you repeat this request.`}
	}
	return request, err
}

// read reads the members of all but a submit.
func (m *clientMessage) read(object map[string]json.RawMessage) (err error) {
	if m.Transaction, err = stringMember(object, "transaction", ""); err != nil {
		return err
	}
	if _, told := object["transaction"]; told && (m.Transaction == "" || len(m.Transaction) > maxID) {
		m.Transaction = ""
		return invalid(fmt.Sprintf("transaction: give an id of 1 to %d bytes", maxID))
	}
	if m.Token, err = stringMember(object, "token", ""); err != nil {
		return err
	}
	if m.ID, _, err = numberMember(object, "id", 1); err != nil {
		return err
	}
	if m.From.after, m.From.told, err = numberMember(object, "after", 0); err != nil {
		return err
	}
	if raw, ok := object["unconfirmed"]; ok {
		if json.Unmarshal(raw, &m.From.unconfirmed) != nil || bytes.Equal(raw, []byte("null")) {
			return invalid("unconfirmed: give true or false")
		}
	}
	switch {
	case m.Transaction != "" && (m.From.told || m.From.unconfirmed):
		return invalid("after and unconfirmed are for all transactions; leave them or the transaction out")
	case m.Type == "resume" && !m.From.told:
		return invalid("after: give the number of the last event you have")
	case m.Type == "ack" && m.Transaction == "":
		return invalid("transaction: give the one whose verdict you acknowledge")
	}
	return nil
}

// numberMember returns a member that must be an event's number, not below the least, and whether there is one.
func numberMember(from map[string]json.RawMessage, name string, least int64) (n int64, ok bool, err error) {
	raw, ok := from[name]
	if !ok {
		return 0, false, nil
	}
	if json.Unmarshal(raw, &n) != nil || n < least || bytes.Equal(raw, []byte("null")) {
		return 0, false, invalid(fmt.Sprintf("%s: give the number of an event, %d or above", name, least))
	}
	return n, true, nil
}
