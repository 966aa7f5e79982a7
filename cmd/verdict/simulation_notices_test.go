package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"verdict"
)

// toldBody is what either backend reads of what it is told: the standard form, and that of a callback.
type toldBody struct {
	Transaction string          `json:"transaction"`
	Status      string          `json:"status"`
	Type        string          `json:"type"`
	Data        json.RawMessage `json:"data"`
}

// backendsTold: each verdict is told to its tenant's backend at least once, in one message that is signed, has the same id
// and bytes in every copy, comes no sooner than the verdict and says the same.
func (c *inspector) backendsTold() {
	first := map[string]noticed{} // by tenant and transaction
	taken := map[string]bool{}
	for _, n := range c.told {
		t, ok := c.about(n)
		about := []string{n.notice, t.ID}
		if !ok {
			continue
		}
		one := n.tenant + " " + t.ID
		if earlier, again := first[one]; !again {
			first[one] = n
		} else if earlier.notice != n.notice || string(earlier.body) != string(n.body) {
			c.report("notice same", about, "%s was told %s %s and %s %s", n.tenant, earlier.notice, earlier.body, n.notice, n.body)
		} else {
			c.u.happened.hit("a backend was told again")
		}
		if !n.signed() {
			c.report("notice signed", about, "%s was told %s with a signature that isn't the gateway's", n.tenant, n.notice)
		}
		if t.Tenant != n.tenant {
			c.report("notice tenant", about, "%s was told of %s, which is of %s", n.tenant, t.ID, t.Tenant)
		}
		if n.status == http.StatusNoContent {
			taken[one] = true
		}
	}
	for id, t := range c.known {
		if t.Settled() && !taken[t.Tenant+" "+id] {
			c.report("notice told", []string{id}, "%s was never told the verdict of %s (%s)", t.Tenant, id, t.Key)
		}
	}
	c.closedDoors()
}

// about returns the transaction that a backend was told of. What it was told must have been on record by then, and just so.
func (c *inspector) about(n noticed) (t verdict.Transaction, ok bool) {
	var b toldBody
	id, version, _ := cutLast(n.notice, "-")
	if err := json.Unmarshal(n.body, &b); err != nil {
		c.report("notice true", []string{n.notice}, "%s was told %s: %v", n.tenant, n.body, err)
		return t, false
	}
	t, ok = c.asOf(id, n.at)
	words := map[verdict.Status]string{verdict.Succeeded: "accepted", verdict.Failed: "declined"}
	said := b.Transaction == id && b.Status == words[t.Status]
	if n.tenant == "north" {
		view, _ := json.Marshal(t.View()) // as GET shows it
		said = b.Type == "transaction."+string(t.Status) && string(b.Data) == string(view)
	}
	if !ok || !t.Settled() || strconv.FormatInt(t.Version, 10) != version || !said {
		c.report("notice true", []string{n.notice, id}, "%s was told %s %s when %s was %s at version %d", n.tenant, n.notice, n.body, id, t.Status, t.Version)
	}
	return t, ok
}

// signed reports whether it is signed by each of the tenant's secrets, by Standard Webhooks 1.0, and not long ago.
func (n noticed) signed() bool {
	seconds, err := strconv.ParseInt(n.stamp, 10, 64)
	var proofs []string
	for _, word := range []string{"old ", "new "} {
		secret, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(whsec(word+n.tenant), "whsec_"))
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%s.%s", n.notice, n.stamp, n.body)
		proofs = append(proofs, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return err == nil && n.at.Sub(time.Unix(seconds, 0)).Abs() < 5*time.Minute && slices.Equal(strings.Fields(n.proof), proofs)
}

// closedDoors: from when an endpoint is disabled until it is enabled, nothing more is taken up to be told there.
func (c *inspector) closedDoors() {
	for _, claim := range c.claims {
		disabled := false
		for _, d := range c.doors {
			if d.endpoint == claim.endpoint && d.at.Before(claim.at) {
				disabled = d.disabled
			}
		}
		if disabled {
			c.report("notice gone", []string{claim.endpoint}, "%s goes on telling %s at %s, which is disabled", claim.by, claim.endpoint, claim.at.Sub(c.u.began))
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
