package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A kind is what the campaign knows of a partner: its manual, and how to read what passes.
type kind struct {
	name     string
	manner   manner
	settings string                                    // of the gateway for it, besides its URL
	network  func(http.RoundTripper) http.RoundTripper // what lies before it
	read     func(passing) (c calling, ok bool)        // a call to it, if that is about a transaction
	ours     func(reference string) (id string)        // of what it knows a transaction by
}

// kinds are the partners of each row of the design's table: one acts again on what is sent again, one doesn't. The time
// after which silence is final has room for all that the first may still do, 120 s of its time. The second is sent what
// it doesn't know again; there the time has room for 5 s, within which a sender that has its turn may still begin.
func kinds() []kind {
	return []kind{
		{
			name: "djamo", manner: manner{webhookSettles: true, notFoundFinal: 10 * time.Second, checks: 300, window: 10 * time.Second},
			settings: `submit_timeout: 4s, not_found_final: 10s`,
			network:  func(direct http.RoundTripper) http.RoundTripper { return direct },
			read:     readDjamoCall,
			ours:     func(reference string) string { return reference },
		},
		{
			name: "momo", manner: manner{deduplicates: true, notFoundFinal: 5500 * time.Millisecond, checks: 300, window: 10 * time.Second},
			settings: `submit_timeout: 4s, not_found_final: 5500ms, checks: 8, target_environment: sandbox,
    currency: EUR, subscription_key: k, api_user: u, api_key: k`,
			network: newBadWay,
			read:    readMomoCall,
			ours:    oursOfMomo,
		},
	}
}

// A partner is a simulated third party, a process of its own, and the witness before it.
type partner struct {
	kind
	address string
	calls   *witness
	at      string // where the instances call it: at the witness, or at a proxy before that
}

func newPartner(t *testing.T, k kind, log *logbook) *partner {
	p := &partner{kind: k, address: freeAddress(t)}
	launch(t, "third party ready", "thirdparty", "--kind", k.name, "--address", p.address, "--speed", worldSpeed,
		"--ban-after", "-1", "--seed", "42")
	direct := &http.Transport{DisableKeepAlives: true} // so that nothing is sent twice
	p.calls = newWitness(t, p.address, k.network(direct), func(w passing) {
		if c, ok := k.read(w); ok {
			note(log, &log.calls, c)
		}
	})
	p.at = p.calls.address
	return p
}

// config is its line in the gateway's configuration.
func (p *partner) config() string {
	return fmt.Sprintf("  %s: {url: \"http://%s\", check_budget: %d/%s, check_burst: 5, %s}\n", p.name, p.at, p.manner.checks, p.manner.window, p.settings)
}

// ledger returns all that it carried out, under our ids, and how often it was sent what it had been sent before.
func (p *partner) ledger(t *testing.T) (effects []effect, repeated int) {
	t.Helper()
	readPage(t, "http://"+p.address+"/ledger", &effects)
	for i := range effects {
		effects[i].ID, effects[i].partner = p.ours(effects[i].ID), p.name
	}
	var stats struct{ Repeated int }
	readPage(t, "http://"+p.address+"/stats", &stats)
	return effects, stats.Repeated
}

func readDjamoCall(p passing) (calling, bool) {
	c := calling{at: p.at, status: p.status, transaction: lastOf(p.path)}
	if p.method == http.MethodPost {
		var o struct{ ID string }
		_ = json.Unmarshal(p.body, &o) // an order without an id is one of transaction ""
		c.submit, c.transaction = true, o.ID
	}
	return c, true
}

// readMomoCall passes over the calls for access tokens, and those that were turned away for the lack of one.
func readMomoCall(p passing) (calling, bool) {
	if !strings.HasPrefix(p.path, "/collection/v1_0/requesttopay") || p.status == http.StatusUnauthorized {
		return calling{}, false
	}
	c := calling{at: p.at, status: p.status, transaction: oursOfMomo(lastOf(p.path))}
	if p.method == http.MethodPost {
		c.submit, c.transaction = true, oursOfMomo(p.header.Get("X-Reference-Id"))
		var complaint struct{ Code string }
		_ = json.Unmarshal(p.reply, &complaint) // an answer without a code says nothing
		c.refused = p.status == http.StatusInternalServerError && complaint.Code == "NOT_ALLOWED"
	}
	return c, true
}

// oursOfMomo returns our id of a reference. The partner wants UUIDs of version 4 where ours are of version 7, and is told
// ours with another version.
func oursOfMomo(reference string) string {
	const versionAt = 14
	if len(reference) != 36 || reference[versionAt] != '4' {
		return "not ours: " + reference
	}
	return reference[:versionAt] + "7" + reference[versionAt+1:]
}

func lastOf(path string) string { return path[strings.LastIndex(path, "/")+1:] }
