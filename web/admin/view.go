package admin

import (
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"

	"verdict"
)

// Transaction is a transaction as operators see it: as its app does, and what else is known.
type Transaction struct {
	verdict.View
	Tenant    string          `json:"tenant"`
	Owner     string          `json:"owner"`
	Reference string          `json:"reference"` // the partner knows it by that
	EventID   int64           `json:"event_id"`
	Sends     int             `json:"sends"`  // how often bytes may have left
	Checks    int             `json:"checks"` // answers to checks since the last send
	Due       time.Time       `json:"due,omitzero"`
	SentAt    time.Time       `json:"sent_at,omitzero"`
	ToldAt    time.Time       `json:"told_at,omitzero"`      // when an app was told of the verdict
	Confirmed time.Time       `json:"confirmed_at,omitzero"` // when an app said that it has shown it
	Payload   json.RawMessage `json:"payload,omitempty"`     // not in lists
}

// Evidence is one thing learned of a transaction, with what the partner sent.
type Evidence struct {
	Source    verdict.Source  `json:"source"`
	Outcome   verdict.Outcome `json:"outcome"`
	Reason    string          `json:"reason,omitempty"`
	Reference string          `json:"reference,omitempty"` // of the transaction it speaks of, if it names one
	Asked     time.Time       `json:"asked,omitzero"`      // when our call began
	At        time.Time       `json:"at"`
	WaitMS    int64           `json:"wait_ms,omitempty"` // how long the partner asked us to stay away
	Conflict  bool            `json:"conflict"`          // it contradicts the verdict
	Raw       string          `json:"raw"`
	Encoding  string          `json:"raw_encoding,omitempty"` // base64 if what came is no UTF-8
}

// Conflict is a piece of evidence against the verdict of a transaction.
type Conflict struct {
	Number      int64       `json:"number"`
	Transaction Transaction `json:"transaction"`
	Evidence    Evidence    `json:"evidence"`
}

func newTransaction(t verdict.Transaction) Transaction {
	return Transaction{
		View: t.View(), Tenant: t.Tenant, Owner: t.Owner, Reference: t.Reference, EventID: t.EventID,
		Sends: t.Sends, Checks: t.Checks, Due: plain(t.Due), SentAt: plain(t.SentAt),
		ToldAt: plain(t.ToldAt), Confirmed: plain(t.ConfirmedAt),
	}
}

func newEvidence(e verdict.Evidence) Evidence {
	told := Evidence{
		Source: e.Source, Outcome: e.Outcome, Reason: e.Reason, Reference: e.Reference,
		Asked: plain(e.Asked), At: plain(e.At), WaitMS: e.Wait.Milliseconds(), Conflict: e.Conflict, Raw: string(e.Raw),
	}
	if !utf8.Valid(e.Raw) {
		told.Raw, told.Encoding = base64.StdEncoding.EncodeToString(e.Raw), "base64"
	}
	return told
}

// plain returns a time in UTC and whole milliseconds, as all times are told.
func plain(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
