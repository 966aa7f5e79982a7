package djamo

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"verdict"
	"verdict/provider/wire"
)

// order returns the body of a submit: the app's members, which the partner needs, with our id and webhookUrl in place of
// any of the app's. The app's go in any spelling, because some parsers ignore case.
func order(s verdict.Submission) ([]byte, error) {
	var members map[string]json.RawMessage // raw, so that no amount is rounded
	if err := json.Unmarshal(s.Payload, &members); err != nil || members == nil {
		return nil, errors.New("the payload is no JSON object")
	}
	for _, ours := range []struct{ name, text string }{{"id", s.Reference}, {"webhookUrl", s.WebhookURL}} {
		maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool { return strings.EqualFold(name, ours.name) })
		text, err := json.Marshal(ours.text)
		if err != nil {
			return nil, err
		}
		members[ours.name] = text
	}
	return json.Marshal(members)
}

// readAbout reads an answer that must be about the transaction of that reference.
func readAbout(reference string, body []byte) (verdict.Answer, error) {
	a, err := read(body)
	if err == nil && a.Reference != reference {
		return verdict.Answer{Raw: body}, fmt.Errorf("the answer is about another transaction: %w", verdict.ErrUncertain)
	}
	return a, err
}

// read reads a transaction as the partner tells it: {"id", "status"}, and members that don't matter here. What parsers
// could disagree about is refused, and so is a status that isn't known: every error is ErrUncertain.
func read(body []byte) (verdict.Answer, error) {
	a := verdict.Answer{Raw: body}
	members, err := wire.Object(body)
	if err != nil {
		return a, err
	}
	id, status := word(members["id"]), word(members["status"])
	if id == "" {
		return a, fmt.Errorf("no id: %w", verdict.ErrUncertain)
	}
	a.Reference = id
	switch status {
	case "completed":
		a.Outcome = verdict.OutcomeSucceeded
	case "declined":
		a.Outcome, a.Reason = verdict.OutcomeFailed, "declined by the partner"
	case "pending":
		a.Outcome = verdict.OutcomePending
	default:
		return a, fmt.Errorf("unknown status: %w", verdict.ErrUncertain)
	}
	return a, nil
}

// word returns a JSON string's text, or "" for anything else.
func word(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}
