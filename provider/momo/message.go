package momo

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"verdict"
	"verdict/provider/wire"
)

// codeNotFound is the code of a 404 that speaks of a transaction.
const codeNotFound = "RESOURCE_NOT_FOUND"

// noReason stands for the reason of a failure that the partner doesn't explain.
const noReason = "failed at the partner, which gave no reason"

// reasonForm is what is passed on of a reason, to the app and into the log.
var reasonForm = regexp.MustCompile(`^[ -~]{1,160}$`)

// refuses reports whether an error's code says that the request was refused as it stands, so that it had no effect.
// INTERNAL_PROCESSING_ERROR and SERVICE_UNAVAILABLE say no such thing, and what we don't know decides nothing.
func refuses(code string) bool {
	return slices.Contains([]string{
		"INVALID_CALLBACK_URL_HOST", "INVALID_CURRENCY", "NOT_ALLOWED", "NOT_ALLOWED_TARGET_ENVIRONMENT",
		"NOT_ENOUGH_FUNDS", "PAYEE_NOT_ALLOWED_TO_RECEIVE", "PAYEE_NOT_FOUND", "PAYER_LIMIT_REACHED", "PAYER_NOT_FOUND",
	}, code)
}

// errorCode returns the code of an error, {"code", "message"}, or "" if there is none.
func errorCode(body []byte) string {
	members, err := wire.Object(body)
	if err != nil {
		return ""
	}
	return wire.Written(members["code"])
}

// readAbout reads an answer that, if it names a transaction, must be about the one of that reference.
func readAbout(reference string, body []byte) (verdict.Answer, error) {
	a, err := read(body)
	if err == nil && a.Reference != "" && a.Reference != reference {
		return verdict.Answer{Raw: body}, fmt.Errorf("the answer is about another transaction: %w", verdict.ErrUncertain)
	}
	return a, err
}

// read reads a request to pay as the partner tells it: {"status", "reason"}, and members that don't matter here. Some of
// them are numbers or texts as the country has it, so they aren't looked at. externalId isn't either: it may be the app's.
// What parsers could disagree about is refused, and so is a status that isn't known: every error is ErrUncertain.
func read(body []byte) (verdict.Answer, error) {
	a := verdict.Answer{Raw: body}
	members, err := wire.Object(body)
	if err != nil {
		return a, err
	}
	switch status := wire.Written(members["status"]); status {
	case "SUCCESSFUL":
		a.Outcome = verdict.OutcomeSucceeded
	case "FAILED":
		a.Outcome, a.Reason = verdict.OutcomeFailed, reason(members["reason"])
	case "PENDING":
		a.Outcome = verdict.OutcomePending
	default:
		return a, fmt.Errorf("unknown status: %w", verdict.ErrUncertain)
	}
	a.Reference = ourReference(wire.Written(members["referenceId"]))
	return a, nil
}

// reason returns why something failed: a text, or the member "code" of an object. Both are in use.
func reason(value json.RawMessage) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) == nil && object != nil {
		value = object["code"]
	}
	if text := wire.Written(value); reasonForm.MatchString(text) {
		return text
	}
	return noReason
}
