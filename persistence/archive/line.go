package archive

import (
	"encoding/base64"
	"encoding/hex"
	"time"
	"unicode/utf8"

	"verdict"
)

// Kinds of lines.
const (
	ofTransaction = "transaction"
	ofWebhook     = "webhook"
)

// Transaction is a line: all that the record held of a transaction. Times are as they were, to the nanosecond.
type Transaction struct {
	Kind        string         `json:"kind"` // transaction
	ID          string         `json:"id"`
	ArchivedAt  time.Time      `json:"archived_at"`
	Tenant      string         `json:"tenant"`
	Owner       string         `json:"owner"`
	Operation   string         `json:"operation"`
	Key         string         `json:"key"`
	Provider    string         `json:"provider"`
	Reference   string         `json:"reference"`
	Fingerprint string         `json:"fingerprint"` // hexadecimal
	Status      verdict.Status `json:"status"`
	Reason      string         `json:"reason,omitempty"`
	Version     int64          `json:"version"`
	EventID     int64          `json:"event_id"`
	Sends       int            `json:"sends"`
	Trace       string         `json:"trace,omitempty"`
	CreatedAt   time.Time      `json:"created_at"`
	SentAt      time.Time      `json:"sent_at,omitzero"`
	SettledAt   time.Time      `json:"settled_at"`
	ToldAt      time.Time      `json:"told_at,omitzero"`
	ConfirmedAt time.Time      `json:"confirmed_at,omitzero"`
	Payload     Bytes          `json:"payload"`
	Evidence    []Evidence     `json:"evidence"` // in the order of storing
}

// Evidence is one thing that was learned of a transaction.
type Evidence struct {
	Source    verdict.Source  `json:"source"`
	Outcome   verdict.Outcome `json:"outcome"`
	Reason    string          `json:"reason,omitempty"`
	Reference string          `json:"reference,omitempty"`
	Asked     time.Time       `json:"asked,omitzero"`
	At        time.Time       `json:"at"`
	WaitMS    int64           `json:"wait_ms,omitempty"`
	Raw       Bytes           `json:"raw,omitzero"`
}

// Webhook is a line: a webhook whose transaction never became known. Those of one transaction may be several.
type Webhook struct {
	Kind       string    `json:"kind"` // webhook
	ID         string    `json:"id"`   // of the transaction that its URL was made for
	ArchivedAt time.Time `json:"archived_at"`
	Provider   string    `json:"provider"`
	At         time.Time `json:"at"`
	Body       Bytes     `json:"body"`
}

// Bytes are bytes as they came: a text, or base64 where they are no UTF-8.
type Bytes struct {
	Text   string `json:"text,omitempty"`
	Base64 string `json:"base64,omitempty"`
}

func newBytes(raw []byte) Bytes {
	if !utf8.Valid(raw) {
		return Bytes{Base64: base64.StdEncoding.EncodeToString(raw)}
	}
	return Bytes{Text: string(raw)}
}

func newTransaction(p verdict.Past, now time.Time) Transaction {
	t := p.Transaction
	line := Transaction{
		Kind: ofTransaction, ID: t.ID, ArchivedAt: now.UTC(), Tenant: t.Tenant, Owner: t.Owner, Operation: t.Operation, Key: t.Key,
		Provider: t.Provider, Reference: t.Reference, Fingerprint: hex.EncodeToString(t.Fingerprint[:]),
		Status: t.Status, Reason: t.Reason, Version: t.Version, EventID: t.EventID, Sends: t.Sends, Trace: t.Trace,
		CreatedAt: t.CreatedAt, SentAt: t.SentAt, SettledAt: t.SettledAt, ToldAt: t.ToldAt, ConfirmedAt: t.ConfirmedAt,
		Payload: newBytes(t.Payload), Evidence: make([]Evidence, len(p.Evidence)),
	}
	for i, e := range p.Evidence {
		line.Evidence[i] = Evidence{
			Source: e.Source, Outcome: e.Outcome, Reason: e.Reason, Reference: e.Reference, Asked: e.Asked, At: e.At,
			WaitMS: e.Wait.Milliseconds(), Raw: newBytes(e.Raw),
		}
	}
	return line
}

func newWebhook(w verdict.Webhook, now time.Time) Webhook {
	return Webhook{
		Kind: ofWebhook, ID: w.Transaction, ArchivedAt: now.UTC(), Provider: w.Provider, At: w.At, Body: newBytes(w.Body),
	}
}
