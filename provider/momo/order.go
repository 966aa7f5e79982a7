package momo

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"verdict"
	"verdict/provider/wire"
)

// request is the body of a request to pay.
type request struct {
	Amount       string `json:"amount"`
	Currency     string `json:"currency"`
	ExternalID   string `json:"externalId"`
	Payer        party  `json:"payer"`
	PayerMessage string `json:"payerMessage,omitempty"`
	PayeeNote    string `json:"payeeNote,omitempty"`
}

type party struct {
	PartyIDType string `json:"partyIdType"`
	PartyID     string `json:"partyId"`
}

const (
	maxAmount = 32  // characters; our choice
	maxText   = 160 // characters of payerMessage and payeeNote
)

var (
	amountForm = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	payerForm  = regexp.MustCompile(`^[0-9]{1,15}$`) // ITU-T E.164 section 6
)

// order returns the body of a submit. Its errors say which member of the payload can't be sent, and the mend.
func order(s verdict.Submission, currency string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(s.Payload, &members); err != nil || members == nil {
		return nil, errors.New("payload: give a JSON object")
	}
	r := request{
		Amount: wire.Written(members["amount"]), Currency: currency, ExternalID: s.Reference,
		Payer: party{PartyIDType: "MSISDN", PartyID: wire.Written(members["payer"])},
	}
	if !amountForm.MatchString(r.Amount) || len(r.Amount) > maxAmount || !strings.ContainsAny(r.Amount, "123456789") {
		return nil, errors.New(`amount: give digits above zero, such as "100" or "99.50"`)
	}
	if !payerForm.MatchString(r.Payer.PartyID) {
		return nil, errors.New(`payer: give the phone number with its country code, digits only, such as "2250701020304"`)
	}
	wanted := currency
	for _, optional := range []struct {
		name string
		into *string
	}{
		{"currency", &wanted}, {"externalId", &r.ExternalID}, {"payerMessage", &r.PayerMessage}, {"payeeNote", &r.PayeeNote},
	} {
		if err := readText(members[optional.name], optional.into); err != nil {
			return nil, fmt.Errorf("%s: %w", optional.name, err)
		}
	}
	if wanted != currency {
		return nil, fmt.Errorf("currency: %.10q can't be paid here; give %s, or leave it out", wanted, currency)
	}
	if utf8.RuneCountInString(r.PayerMessage) > maxText || utf8.RuneCountInString(r.PayeeNote) > maxText {
		return nil, fmt.Errorf("payerMessage, payeeNote: give at most %d characters", maxText)
	}
	return json.Marshal(r)
}

// readText reads an optional member into what stands there if it is missing. Null and the empty text are missing too.
func readText(value json.RawMessage, into *string) error {
	var text string
	if value != nil && json.Unmarshal(value, &text) != nil {
		return errors.New("give a text")
	}
	if text != "" {
		*into = text
	}
	return nil
}
