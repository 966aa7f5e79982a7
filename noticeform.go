package verdict

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Form words what a backend is told of a settled transaction. The zero Form is that of Standard Webhooks 1.0.
type Form struct {
	text  string
	words map[Status]string
}

// A standardBody is the payload that Standard Webhooks 1.0 has. Everything in it follows from the verdict, so it has the
// same bytes however often it is sent.
type standardBody struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the verdict
	Data      View      `json:"data"`
}

// formFields are what a form may name, each with what stands in its place.
var formFields = map[string]func(Form, Transaction) string{
	"id":          func(_ Form, t Transaction) string { return t.Key }, // the app's own
	"transaction": func(_ Form, t Transaction) string { return t.ID },
	"status":      func(f Form, t Transaction) string { return f.words[t.Status] },
	"reason":      func(_ Form, t Transaction) string { return t.Reason },
	"operation":   func(_ Form, t Transaction) string { return t.Operation },
	"owner":       func(_ Form, t Transaction) string { return t.Owner },
	"settled_at":  func(_ Form, t Transaction) string { return t.View().SettledAt.Format(time.RFC3339Nano) },
}

var formField = regexp.MustCompile(`\{[A-Za-z_]+\}`)

// NewForm returns the form of a JSON text in whose strings fields may stand, such as {"id":"{id}","status":"{status}"}.
// {id} is the app's own, its idempotency key; the status is told in the words given. An error says the mend.
func NewForm(text, succeeded, failed string) (Form, error) {
	if succeeded == "" || failed == "" || succeeded == failed {
		return Form{}, errors.New("give two words, such as succeeded: accepted and failed: declined")
	}
	for _, field := range formField.FindAllString(text, -1) {
		if _, ok := formFields[strings.Trim(field, "{}")]; !ok {
			return Form{}, fmt.Errorf("%s is no field; there are %s", field, strings.Join(slices.Sorted(maps.Keys(formFields)), ", "))
		}
	}
	f := Form{text, map[Status]string{Succeeded: succeeded, Failed: failed}}
	sample := Transaction{Stage: StageSettled, Status: Failed, Scope: Scope{Key: "1"}}
	if body, err := Canonical(f.Body(sample)); err != nil || text == "" || body[0] != '{' {
		return Form{}, errors.New(`it makes no JSON object; write fields within strings, such as {"id":"{id}","status":"{status}"}`)
	}
	sample.Key = `"` // a field outside of a string would be one by itself
	if _, err := Canonical(f.Body(sample)); err != nil {
		return Form{}, errors.New(`a field stands outside of a string; write {"id":"{id}"}`)
	}
	return f, nil
}

// Body returns what a backend is told of a settled transaction.
func (f Form) Body(t Transaction) []byte {
	if f.text == "" {
		v := t.View()
		return encoded(standardBody{"transaction." + string(t.Status), *v.SettledAt, v})
	}
	return formField.ReplaceAllFunc([]byte(f.text), func(field []byte) []byte {
		quoted := encoded(formFields[string(field[1:len(field)-1])](f, t))
		return quoted[1 : len(quoted)-1]
	})
}
