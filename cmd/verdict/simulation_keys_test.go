package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"verdict"
)

// byKey is the transactions of each key.
type byKey map[string][]string

func (b byKey) add(key, id string) {
	if !slices.Contains(b[key], id) {
		b[key] = append(b[key], id)
	}
}

// oneScope: a scope is one transaction on record (I2).
func (c *inspector) oneScope() {
	scopes := byKey{}
	for id, t := range c.known {
		scopes.add(fmt.Sprint(t.Scope), id)
	}
	c.oneEach(scopes, "on record")
}

// acknowledged: what was accepted is there (I1), once (I2), and other content under its key is refused (I2). Which key it was
// accepted under is for the app to say: a record that forgot it must not hide that.
func (c *inspector) acknowledged() {
	accepted := byKey{}
	content := map[string]bool{}
	for _, a := range c.answers {
		id := a.view.ID
		about := []string{a.key, id}
		switch {
		case a.status < 300:
			if c.known[id].Scope != c.u.scopeOf(a.key) {
				c.report("I1", about, "%s was acknowledged as %s, which isn't on record", a.key, id)
			}
			if other, ok := content[id]; ok && other != a.other {
				c.report("I2", about, "%s was accepted with two contents", a.key)
			}
			accepted.add(a.key, id)
			content[id] = a.other
		case a.status < 500 && a.status != 422:
			c.report("I2", about, "%s was answered %d", a.key, a.status)
		}
	}
	c.oneEach(accepted, "acknowledged")
}

// oneEach: each use of a key is one transaction (I2).
func (c *inspector) oneEach(keys byKey, how string) {
	for key, ids := range keys {
		for n, use := range c.uses(ids) {
			if n > 0 {
				c.u.happened.hit("a forgotten key began another transaction")
			}
			if len(use) > 1 {
				c.report("I2", append(use, key), "%s is %s as %s", key, how, strings.Join(use, " and as "))
			}
		}
	}
}

// uses splits the transactions of a key by its uses: a transaction begins another use if the key was forgotten when it was
// accepted.
func (c *inspector) uses(ids []string) (uses [][]string) {
	slices.SortFunc(ids, func(a, b string) int { return c.accepted(a).Compare(c.accepted(b)) })
	for n, id := range ids {
		if n == 0 || c.forgot(ids[n-1], c.accepted(id)) {
			uses = append(uses, nil)
		}
		last := &uses[len(uses)-1]
		*last = append(*last, id)
	}
	return uses
}

// forgot reports whether a transaction's key might be forgotten at a time: a retention was in force, and the verdict had been on
// record for as long as that remembers keys.
func (c *inspector) forgot(id string, at time.Time) bool {
	t := c.known[id]
	return t.Settled() && at.After(t.SettledAt.Add(keysFor)) && !c.u.forgets.IsZero() && at.After(c.u.forgets)
}

// accepted is when a transaction came on record; the zero time if it never did.
func (c *inspector) accepted(id string) time.Time {
	for _, m := range c.commits {
		if m.t.ID == id {
			return m.at
		}
	}
	return time.Time{}
}

func TestSimulationForgivesASecondUseOnlyOfAForgottenKey(t *testing.T) {
	began := time.Now()
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	for _, x := range []struct {
		name            string
		first           verdict.Stage
		settled, second int // after the beginning
		forgets         time.Time
		uses            int
	}{
		{"while the first is open", verdict.StageReview, 0, 400, at(1), 1},
		{"while the key is remembered", verdict.StageSettled, 10, 160, at(1), 1},
		{"once the key is forgotten", verdict.StageSettled, 10, 161, at(1), 2},
		{"before there is a retention", verdict.StageSettled, 10, 161, at(161), 1},
		{"where there is no retention", verdict.StageSettled, 10, 161, time.Time{}, 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			first := verdict.Transaction{ID: "first", Stage: x.first, SettledAt: at(x.settled)}
			second := verdict.Transaction{ID: "second", Stage: verdict.StageAccepted}
			c := &inspector{
				observations: &observations{commits: []commit{{at: at(0), t: first}, {at: at(x.second), t: second}}},
				u:            &universe{forgets: x.forgets},
				known:        map[string]verdict.Transaction{"first": first, "second": second},
			}
			if uses := c.uses([]string{"second", "first"}); len(uses) != x.uses {
				t.Errorf("the uses of the key are %v; want %d", uses, x.uses)
			}
		})
	}
}
