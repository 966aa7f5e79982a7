package verdict

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Event tells an audience the state of a transaction. The same ID always comes with the same Data.
type Event struct {
	ID          int64           `json:"id"`                // from the store; grows with every change
	Follows     int64           `json:"follows,omitempty"` // the ID of the audience's verdict before this one; 0 if that isn't known, or there is none
	Tenant      string          `json:"tenant"`
	Owner       string          `json:"owner"`
	Transaction string          `json:"transaction"`
	Settled     bool            `json:"settled"`
	SettledAt   time.Time       `json:"settled_at"`      // zero while it isn't
	Data        json.RawMessage `json:"data"`            // the transaction as the app sees it
	Trace       string          `json:"trace,omitempty"` // see Transaction
	Told        bool            `json:"-"`               // an app had been told of it when it was read from the record
}

// View is a transaction as the app sees it.
type View struct {
	ID        string     `json:"id"`
	Operation string     `json:"operation"`
	Key       string     `json:"key"`
	Provider  string     `json:"provider"`
	Status    Status     `json:"status"`
	Stage     Stage      `json:"stage"`
	Reason    string     `json:"reason,omitempty"`
	Version   int64      `json:"version"`
	CreatedAt time.Time  `json:"created_at"`
	SettledAt *time.Time `json:"settled_at,omitempty"`
}

// View returns what the app may see of the transaction.
func (t Transaction) View() View {
	v := View{
		ID: t.ID, Operation: t.Operation, Key: t.Key, Provider: t.Provider, Status: t.Status, Stage: t.Stage,
		Reason: t.Reason, Version: t.Version, CreatedAt: t.CreatedAt.UTC().Truncate(time.Millisecond),
	}
	if t.Settled() {
		at := t.SettledAt.UTC().Truncate(time.Millisecond)
		v.SettledAt = &at
	}
	return v
}

// Event returns what the app is told of the transaction as it stands.
func (t Transaction) Event() Event {
	return Event{
		ID: t.EventID, Follows: t.Follows, Tenant: t.Tenant, Owner: t.Owner, Transaction: t.ID, Settled: t.Settled(), SettledAt: t.SettledAt,
		Data: t.View().appendJSON(make([]byte, 0, 320)), Trace: t.Trace, Told: !t.ToldAt.IsZero(),
	}
}

// appendJSON appends what encoding/json makes of the view, without its reflection: every accepted transaction and every
// verdict is told by it.
func (v View) appendJSON(out []byte) []byte {
	out = appendText(append(out, `{"id":`...), v.ID)
	out = appendText(append(out, `,"operation":`...), v.Operation)
	out = appendText(append(out, `,"key":`...), v.Key)
	out = appendText(append(out, `,"provider":`...), v.Provider)
	out = appendText(append(out, `,"status":`...), string(v.Status))
	out = appendText(append(out, `,"stage":`...), string(v.Stage))
	if v.Reason != "" {
		out = appendText(append(out, `,"reason":`...), v.Reason)
	}
	out = strconv.AppendInt(append(out, `,"version":`...), v.Version, 10)
	out = appendTime(append(out, `,"created_at":`...), v.CreatedAt)
	if v.SettledAt != nil {
		out = appendTime(append(out, `,"settled_at":`...), *v.SettledAt)
	}
	return append(out, '}')
}

// appendText appends a string as encoding/json writes it.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || strings.IndexByte(`"\<>&`, c) >= 0 {
			return append(out, encoded(text)...)
		}
	}
	out = append(out, '"')
	out = append(out, text...)
	return append(out, '"')
}

// appendTime appends a time of this century as encoding/json writes it.
func appendTime(out []byte, at time.Time) []byte {
	return append(at.AppendFormat(append(out, '"'), time.RFC3339Nano), '"')
}

// encoded returns the JSON of strings, numbers and times of this century.
func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // all of them can be encoded
	}
	return text
}
