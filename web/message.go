package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"verdict"
)

// clientMessage is what a client may say on a WebSocket.
type clientMessage struct {
	Type        string // subscribe, unsubscribe or ping
	Transaction string // "" for all of the client's
	After       int64  // from which position on, when subscribing to all
	HasAfter    bool
}

// The codes of errorMessage.
const (
	codeMessage       = "bad_message"
	codeNotFound      = "not_found"
	codeSubscriptions = "too_many_subscriptions"
	codeUnavailable   = "unavailable"
)

// errorMessage tells a client why its last message was not heeded. The connection goes on.
type errorMessage struct {
	Code        string `json:"code"`
	Message     string `json:"message"`
	Transaction string `json:"transaction,omitempty"`
}

// answerMessage confirms a message.
type answerMessage struct {
	Type        string `json:"type"` // subscribed, unsubscribed or pong
	Transaction string `json:"transaction,omitempty"`
	After       *int64 `json:"after,omitempty"` // the position that events follow
}

func (m answerMessage) text() []byte { return mustMarshal(m) }

func (m errorMessage) text() []byte {
	return mustMarshal(struct {
		Type string `json:"type"`
		errorMessage
	}{"error", m})
}

func mustMarshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers can be encoded
	}
	return text
}

// eventMessage tells a transaction in the same bytes as server-sent events do.
func eventMessage(e verdict.Event) []byte {
	return fmt.Appendf(nil, `{"type":"event","id":%d,"transaction":%s}`, e.ID, e.Data)
}

// readMessage reads what a client said, or returns an error that says the mend.
func readMessage(message []byte) (clientMessage, error) {
	object, err := members(message)
	if err != nil {
		return clientMessage{}, detailed(err)
	}
	var m clientMessage
	if m.Type, err = stringMember(object, "type", ""); err != nil {
		return m, detailed(err)
	}
	known, ok := map[string][]string{
		"subscribe": {"type", "transaction", "after"}, "unsubscribe": {"type", "transaction"}, "ping": {"type"},
	}[m.Type]
	if !ok {
		return m, errors.New("type: give subscribe, unsubscribe or ping")
	}
	if err := onlyMembers(object, known...); err != nil {
		return m, detailed(err)
	}
	if m.Transaction, err = stringMember(object, "transaction", ""); err != nil {
		return m, detailed(err)
	}
	after, ok := object["after"]
	if !ok {
		return m, nil
	}
	m.HasAfter = true
	if m.Transaction != "" {
		return m, errors.New("after: it is for all transactions; leave it or the transaction out")
	}
	if err := json.Unmarshal(after, &m.After); err != nil || m.After < 0 || bytes.Equal(after, []byte("null")) {
		return m, errors.New("after: give the number of an event, 0 or above")
	}
	return m, nil
}

// detailed turns a refusal into what it says.
func detailed(err error) error {
	return errors.New(problemOf(err).Detail)
}
