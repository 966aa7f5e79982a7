package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"verdict"
)

// What an instance had in hand when it was killed.
const (
	workSubmit   = "a submit was under way"
	workCheck    = "a check was under way"
	workAnswered = "an answer had come and was not on record"
	workAccepted = "accepted, and not sent"
)

var works = []string{workSubmit, workCheck, workAnswered, workAccepted}

// workLog tells which instance calls the partners about what: each reaches them by witnesses of its own.
type workLog struct {
	c     *cluster
	mu    sync.Mutex // guards calls
	calls []workCall
	kills []kill
}

// A workCall is a call of one instance to a partner.
type workCall struct {
	calling
	by    int
	ended time.Time // when the answer had passed, or the connection was gone
}

// A kill is the death of an instance.
type kill struct {
	log *workLog // of its cluster
	by  int      // the instance
	at  time.Time
}

// A takeover is the continuation of what a killed instance had in hand, by another.
type takeover struct {
	of          kill
	transaction string
	work        string
	after       time.Duration
}

// watchWork puts a witness of its own between each instance, which isn't running yet, and each partner. Checks take
// two seconds there, so that some are under way whenever an instance dies.
func (c *cluster) watchWork() *workLog {
	w := &workLog{c: c}
	for n, g := range c.instances {
		for _, p := range c.partners {
			direct := slowChecks{&http.Transport{DisableKeepAlives: true}}
			calls := newWitness(c.t, p.address, p.network(direct), func(passed passing) {
				if called, ok := p.read(passed); ok {
					note(c.log, &c.log.calls, called)
					w.mu.Lock()
					defer w.mu.Unlock()
					w.calls = append(w.calls, workCall{called, n, time.Now()})
				}
			})
			g.env = append(g.env, "VERDICT_PROVIDERS_"+strings.ToUpper(p.name)+"_URL=http://"+calls.address)
		}
	}
	return w
}

// slowChecks is a network on which checks, which are GETs, take two seconds.
type slowChecks struct{ inner http.RoundTripper }

func (s slowChecks) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		select {
		case <-time.After(2 * time.Second):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return s.inner.RoundTrip(r)
}

func (w *workLog) kill(n int) {
	w.kills = append(w.kills, kill{w, n, time.Now()})
	w.c.interrupted()
	w.c.instances[n].process.kill()
}

// awaitTakenUp waits until all is taken up that the instance of a kill had, or until that has taken too long.
func (w *workLog) awaitTakenUp(k int) {
	for deadline := w.kills[k].at.Add(verdict.Lease + 2*takeoverMargin); time.Now().Before(deadline); w.c.sleep(500 * time.Millisecond) {
		h := w.c.log.history()
		h.disk = w.c.read()
		open := func(u takeover) bool { return u.after == notYet }
		if !slices.ContainsFunc(w.leftBehind(h, k), open) {
			return
		}
	}
}

// takenUp returns when all was taken up that the killed instances had.
func (w *workLog) takenUp(h history) (all []takeover) {
	for k := range w.kills {
		all = append(all, w.leftBehind(h, k)...)
	}
	return all
}

// notYet stands for the time of what nobody has taken up.
const notYet = time.Hour

// leftBehind returns what the instance of a kill had in hand, and when another called the partner about it or settled it.
func (w *workLog) leftBehind(h history, k int) (left []takeover) {
	w.mu.Lock()
	calls := slices.SortedFunc(slices.Values(w.calls), func(x, y workCall) int { return x.at.Compare(y.at) })
	w.mu.Unlock()
	of, rows := w.kills[k], h.byID()
	next := map[string]time.Time{} // of the calls by others
	for _, c := range calls {
		if _, known := next[c.transaction]; !known && c.by != of.by && c.at.After(of.at) {
			next[c.transaction] = c.at
		}
	}
	for id, work := range w.inHand(h, calls, k) {
		after := notYet
		if at, ok := next[id]; ok {
			after = at.Sub(of.at)
		}
		if r := rows[id]; r.stage == "settled" {
			after = min(after, r.settled.Sub(of.at))
		}
		if after > 0 { // else others had ended it
			left = append(left, takeover{of, id, work, after})
		}
	}
	return left
}

// inHand returns what the instance of a kill was doing, by transaction: what came of its calls wasn't on record, or nobody
// had called the partner about what it had accepted.
func (w *workLog) inHand(h history, calls []workCall, k int) map[string]string {
	of, born, evidence := w.kills[k], w.lastKillBefore(k), h.evidenceOf()
	work, called, only := map[string]string{}, map[string]bool{}, h.postedOnlyAt(w.c.instances[of.by].address, of.at)
	for _, c := range calls {
		if c.at.After(of.at) {
			break
		}
		called[c.transaction] = true
		if c.by == of.by && c.at.After(born) && !c.onRecord(evidence[c.transaction], of.at) {
			work[c.transaction] = c.work(of.at)
		}
	}
	for _, r := range h.disk.rows {
		if only[r.key] && r.created.Before(of.at) && !called[r.id] {
			work[r.id] = workAccepted
		}
	}
	return work
}

// lastKillBefore is when the instance of a kill was killed the time before.
func (w *workLog) lastKillBefore(k int) (at time.Time) {
	for _, earlier := range w.kills[:k] {
		if earlier.by == w.kills[k].by {
			at = earlier.at
		}
	}
	return at
}

// onRecord reports whether what came of a call was put on record before a time.
func (c workCall) onRecord(evidence []diskEvidence, before time.Time) bool {
	source := "check"
	if c.submit {
		source = "reply"
	}
	return slices.ContainsFunc(evidence, func(e diskEvidence) bool {
		return e.source == source && !e.asked.After(c.at) && !e.at.Before(c.at) && e.at.Before(before)
	})
}

// work is what an instance was doing that was killed at a time.
func (c workCall) work(killed time.Time) string {
	switch {
	case c.ended.Before(killed):
		return workAnswered
	case c.submit:
		return workSubmit
	}
	return workCheck
}

func (h history) evidenceOf() map[string][]diskEvidence {
	of := map[string][]diskEvidence{}
	for _, e := range h.disk.evidence {
		of[e.transaction] = append(of[e.transaction], e)
	}
	return of
}

// postedOnlyAt returns the keys whose apps had spoken with one instance alone until then.
func (h history) postedOnlyAt(server string, until time.Time) map[string]bool {
	only := map[string]bool{}
	for _, p := range h.posts {
		if before, known := only[p.key]; p.sent.Before(until) {
			only[p.key] = (before || !known) && p.server == server
		}
	}
	return only
}
