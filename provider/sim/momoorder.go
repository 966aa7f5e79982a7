package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"verdict"
)

// payment is a request to pay as a client posts it. Its ID is the X-Reference-Id.
type payment struct {
	order
	Amount, Currency, ExternalID string
	Payer                        party
}

type party struct {
	PartyIDType string `json:"partyIdType"`
	PartyID     string `json:"partyId"`
}

// simulatePrefix marks a payerMessage that is for the simulator.
const simulatePrefix = "simulate:"

// maxMessage bounds payerMessage and payeeNote, in characters.
const maxMessage = 160

var (
	version4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	decimal  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	digits   = regexp.MustCompile(`^[0-9]{1,15}$`)
)

// readPayment reads a request to pay. Its errors are for the client.
func readPayment(h http.Header, body []byte) (payment, error) {
	text, err := verdict.Canonical(body)
	if err != nil {
		return payment{}, err
	}
	var told struct {
		Amount, Currency, ExternalID, PayerMessage, PayeeNote string
		Payer                                                 party
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return payment{}, errors.New("send a JSON object with texts, and an object for payer")
	}
	o := payment{Amount: told.Amount, Currency: told.Currency, ExternalID: told.ExternalID, Payer: told.Payer}
	o.ID, o.WebhookURL = h.Get("X-Reference-Id"), h.Get("X-Callback-Url")
	switch {
	case !version4.MatchString(o.ID):
		return payment{}, errors.New("X-Reference-Id: give a version 4 UUID")
	case !decimal.MatchString(o.Amount):
		return payment{}, errors.New(`amount: give digits as a text, such as "100"`)
	case len(o.Currency) != 3:
		return payment{}, errors.New("currency: give three letters, such as XOF")
	case o.Payer.PartyIDType != "MSISDN" || !digits.MatchString(o.Payer.PartyID):
		return payment{}, errors.New("payer: give a partyIdType of MSISDN and a partyId of digits")
	case len([]rune(told.PayerMessage)) > maxMessage || len([]rune(told.PayeeNote)) > maxMessage:
		return payment{}, fmt.Errorf("payerMessage, payeeNote: give at most %d characters", maxMessage)
	}
	if wish, ok := strings.CutPrefix(told.PayerMessage, simulatePrefix); ok {
		o.Simulate, err = readMomoSimulate(wish)
	}
	return o, err
}

// readMomoSimulate reads the override in a payerMessage.
func readMomoSimulate(wish string) (simulate, error) {
	text, err := verdict.Canonical([]byte(wish))
	if err != nil {
		return simulate{}, fmt.Errorf("simulate: %w", err)
	}
	s, err := readSimulate(text, replyOK, replyTimeout, replyLost, replyRefused, replyRejected)
	if err != nil {
		return simulate{}, err
	}
	if without := s.Reply == replyRefused || s.Reply == replyRejected; without && (s.Settles != nil || s.SettlesAfter != nil) {
		return simulate{}, errors.New("simulate: settles and settles_after go with a reply to what was taken")
	}
	return s, nil
}

// over returns an override that holds what s leaves out as other has it.
func (s simulate) over(other simulate) simulate {
	if s.Status == "" {
		s.Status = other.Status
	}
	if s.Reply == "" {
		s.Reply = other.Reply
	}
	if s.Settles == nil {
		s.Settles = other.Settles
	}
	if s.SettlesAfter == nil {
		s.SettlesAfter = other.SettlesAfter
	}
	return s
}

// sandboxPayer is what the partner's sandbox does for a payer of its own.
type sandboxPayer struct {
	simulate
	reason string // of a failure
}

// inSandbox returns what the sandbox does for a payer, if it is one of the sandbox's (46733123...). It takes every request
// and answers 202. See https://momodeveloper.mtn.com/api-documentation/testing.
func inSandbox(payer string) (s sandboxPayer, ok bool) {
	number, ok := strings.CutPrefix(payer, "46733123")
	if !ok {
		return s, false
	}
	s.Reply, s.Status = replyOK, completed
	reason := map[string]string{
		"450": "INTERNAL_PROCESSING_ERROR", "451": "APPROVAL_REJECTED", "452": "EXPIRED", "455": "PAYER_NOT_FOUND",
		"461": "INTERNAL_PROCESSING_ERROR", "462": "SERVICE_UNAVAILABLE",
	}[number]
	switch {
	case reason != "":
		s.Status, s.reason = declined, reason
	case number == "453": // ongoing, for ever
		s.Settles = new(bool)
	case number == "454": // delayed
		later := delay(4 * time.Minute)
		s.SettlesAfter = &later
	}
	return s, true
}
