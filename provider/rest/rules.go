package rest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"verdict"
	"verdict/provider/wire"
)

// throttled is what an answer says that refuses a call because there were too many. It is no outcome of a transaction.
const throttled verdict.Outcome = "throttled"

// rules say what answers mean: the first that fits decides, and what none fits is uncertain.
type rules []rule

// A rule is one kind of answer.
type rule struct {
	statuses   []int
	empty      bool
	conditions []condition
	outcome    verdict.Outcome // "": as the state has it
	state      path            // nil unless the outcome is ""
	states     map[string]verdict.Outcome
	reference  path // nil: the answer needn't name the transaction
	reasons    []path
}

// A condition holds of a body that has one of these values at the path, or nothing if there are none.
type condition struct {
	at   path
	told []string
}

// What rules are for. Each kind of answer may say some things only.
const (
	replies  = "submit"
	checks   = "check"
	webhooks = "webhooks"
)

var sayable = map[string][]verdict.Outcome{
	replies:  {verdict.OutcomeSucceeded, verdict.OutcomeFailed, verdict.OutcomePending, throttled},
	checks:   {verdict.OutcomeSucceeded, verdict.OutcomeFailed, verdict.OutcomePending, verdict.OutcomeNotFound, throttled},
	webhooks: {verdict.OutcomeSucceeded, verdict.OutcomeFailed, verdict.OutcomePending},
}

// compileRules checks the rules for one use. States that such answers can't tell are none of theirs.
func compileRules(use string, from []Rule, states map[string]verdict.Outcome) (rules, error) {
	var made rules
	states = maps.Clone(states)
	maps.DeleteFunc(states, func(_ string, o verdict.Outcome) bool { return !slices.Contains(sayable[use], o) })
	for i, one := range from {
		r, err := one.compile(use, states)
		if err != nil {
			return nil, fmt.Errorf("[%d].%w", i, err)
		}
		made = append(made, r)
	}
	return made, nil
}

func (r Rule) compile(use string, states map[string]verdict.Outcome) (rule, error) {
	made := rule{statuses: r.Status, empty: r.Empty, outcome: verdict.Outcome(r.Outcome), states: states}
	if err := r.validate(use, states); err != nil {
		return made, err
	}
	for _, at := range slices.Sorted(maps.Keys(r.When)) {
		c, err := compileCondition(at, r.When[at])
		if err != nil {
			return made, fmt.Errorf("when.%w", err)
		}
		made.conditions = append(made.conditions, c)
	}
	for _, one := range []struct {
		key  string
		text string
		into *path
	}{{"state", r.State, &made.state}, {"reference", r.Reference, &made.reference}} {
		if one.text == "" {
			continue
		}
		p, err := parsePath(one.text)
		if err != nil {
			return made, fmt.Errorf("%s: %w", one.key, err)
		}
		*one.into = p
	}
	for _, text := range r.Reason {
		p, err := parsePath(text)
		if err != nil {
			return made, fmt.Errorf("reason: %w", err)
		}
		made.reasons = append(made.reasons, p)
	}
	return made, nil
}

// validate refuses rules that would take for the partner's word what something in front of it may say as well.
func (r Rule) validate(use string, states map[string]verdict.Outcome) error {
	switch outcome := verdict.Outcome(r.Outcome); {
	case (r.Outcome == "") == (r.State == ""):
		return errors.New("outcome: give either this, or state: the path of what is looked up in states")
	case r.Outcome != "" && !slices.Contains(sayable[use], outcome):
		return fmt.Errorf("outcome: %q; give one of %s", r.Outcome, list(sayable[use]))
	case r.State != "" && len(states) == 0:
		return errors.New("state: states is empty; say there which state means what, such as states: {paid: succeeded, refused: failed}")
	case use == webhooks && (len(r.Status) > 0 || r.Empty):
		return errors.New("status, empty: they are for answers; leave them out")
	case use != webhooks && len(r.Status) == 0:
		return errors.New("status: give the HTTP status, or a list of them")
	case slices.ContainsFunc(r.Status, func(s int) bool { return s < 200 || s > 599 }):
		return errors.New("status: give HTTP statuses, 200 to 599")
	case r.Empty && (len(r.When) > 0 || r.State != "" || r.Reference != "" || len(r.Reason) > 0):
		return errors.New("empty: nothing can be read from an empty body; leave out empty, or what is to be read")
	case r.State == "" && len(r.When) == 0:
		return r.validateBare(use, outcome)
	}
	return nil
}

// validateBare judges a rule that goes by the status, and perhaps by an empty body.
func (r Rule) validateBare(use string, outcome verdict.Outcome) error {
	const mayBeAnother = "outcome: a proxy in front of the partner may answer so too, and knows nothing of payments; say "
	switch {
	case use == webhooks:
		return errors.New("when: say what such a webhook holds")
	case outcome == verdict.OutcomeSucceeded, outcome == verdict.OutcomeFailed,
		outcome == throttled && use == replies && !r.only(http.StatusTooManyRequests):
		return errors.New(mayBeAnother + "by when what the partner's own answer holds")
	case outcome == verdict.OutcomeNotFound && !r.Empty:
		return errors.New(mayBeAnother + "by when, or by empty: true, what the partner's own answer holds")
	}
	return nil
}

func (r Rule) only(status int) bool {
	return !slices.ContainsFunc(r.Status, func(s int) bool { return s != status })
}

func list(outcomes []verdict.Outcome) string {
	var names []string
	for _, o := range outcomes {
		names = append(names, string(o))
	}
	return strings.Join(names, ", ")
}

func compileCondition(at string, wanted any) (condition, error) {
	p, err := parsePath(at)
	if err != nil {
		return condition{}, err
	}
	c := condition{at: p}
	if wanted == nil {
		return c, nil
	}
	several, isList := wanted.([]any)
	if !isList {
		several = []any{wanted}
	}
	for _, one := range several {
		text, ok := plain(one)
		if !ok {
			return c, fmt.Errorf("%s: give a text, a number, true, false, a list of such, or null where nothing is to be", at)
		}
		c.told = append(c.told, text)
	}
	if len(c.told) == 0 {
		return c, fmt.Errorf("%s: the list is empty; give a value, or null where nothing is to be", at)
	}
	return c, nil
}

func (c condition) holds(v any) bool {
	if c.told == nil {
		return c.at.missing(v)
	}
	at, _ := c.at.find(v)
	text, ok := written(at)
	return ok && slices.Contains(c.told, text)
}

// read says what a reply means for the transaction of a reference, "" if it may be any. Its errors are those of
// verdict.Provider: whatever isn't described is uncertain.
func (rs rules) read(r wire.Reply, reference string) (verdict.Answer, error) {
	unread := verdict.Answer{Raw: r.Body}
	v, bad := wire.Value(r.Body)
	for _, one := range rs {
		if !one.fits(r, v, bad) {
			continue
		}
		if one.outcome == throttled {
			return unread, r.Throttled()
		}
		a, err := one.tell(v, bad)
		if err != nil {
			return unread, err
		}
		if reference != "" && a.Reference != "" && a.Reference != reference {
			return unread, fmt.Errorf("the answer is about another transaction: %w", verdict.ErrUncertain)
		}
		a.Raw = r.Body
		return a, nil
	}
	switch {
	case r.Status != 0:
		return unread, r.Undecided()
	case bad != nil:
		return unread, bad
	}
	return unread, fmt.Errorf("no webhook that is described: %w", verdict.ErrUncertain)
}

// fits reports whether a reply is of the rule's kind. v is its body, unless that is bad.
func (one rule) fits(r wire.Reply, v any, bad error) bool {
	if r.Status != 0 && !slices.Contains(one.statuses, r.Status) || one.empty && len(r.Body) > 0 {
		return false
	}
	for _, c := range one.conditions {
		if bad != nil || !c.holds(v) {
			return false
		}
	}
	return true
}

// tell reads a body of the rule's kind.
func (one rule) tell(v any, bad error) (verdict.Answer, error) {
	a := verdict.Answer{Outcome: one.outcome}
	if bad != nil && (one.state != nil || one.reference != nil) {
		return a, bad
	}
	if one.state != nil {
		state := one.state.text(v)
		if a.Outcome = one.states[state]; a.Outcome == "" {
			return a, fmt.Errorf("unknown state: %w", verdict.ErrUncertain)
		}
	}
	if one.reference != nil {
		if a.Reference = one.reference.text(v); a.Reference == "" {
			return a, fmt.Errorf("it names no transaction: %w", verdict.ErrUncertain)
		}
	}
	if a.Outcome == verdict.OutcomeFailed {
		a.Reason = one.reason(v)
	}
	return a, nil
}

// maxReason is how many characters a reason may have that is passed on, to the app and the support desk.
const maxReason = 160

// noReason stands for the reason of a failure that isn't explained, or not in such a form.
const noReason = "declined by the partner"

func (one rule) reason(v any) string {
	for _, at := range one.reasons {
		if text := at.text(v); text != "" && utf8.RuneCountInString(text) <= maxReason && printable(text) {
			return text
		}
	}
	return noReason
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// mayTell reports whether an answer can mean that.
func (rs rules) mayTell(o verdict.Outcome) bool {
	return slices.ContainsFunc(rs, func(one rule) bool {
		return one.outcome == o || one.state != nil && slices.Contains(slices.Collect(maps.Values(one.states)), o)
	})
}
