package sim

import (
	"cmp"
	"net/http"
	"time"
)

// Momo is a partner that speaks MTN MoMo Collections and misbehaves in other ways: it takes a request at once and decides
// it seconds to minutes later, answers 500 to some that it took, doesn't find some for a while, and tells of the outcome
// not at all, once or twice. But it deduplicates: a reference that it has taken is answered 409 and never acts again.
// It serves
//
//	POST /collection/token/
//	POST /collection/v1_0/requesttopay
//	GET  /collection/v1_0/requesttopay/{reference}
//	GET  /ledger, /ledger?id= the effects, as a JSON array of Effect; an id is the X-Reference-Id
//	GET  /stats               Stats
//
// and is safe for concurrent use. Any credentials will do. The odds are our choice.
type Momo struct {
	*core
	requests map[string]*request  // taken, by reference; core.mu guards it
	tokens   map[string]time.Time // given and when they expire; core.mu guards it
}

// request is a request to pay that was taken.
type request struct {
	payment
	draws momoDraws
	found time.Time // from when on a check finds it
}

// NewMomo starts a partner that speaks MTN MoMo Collections. It allows 10 checks in a second, as the partner's manual
// says, unless c says otherwise. It returns an error if the configuration makes no sense or the ledger can't be read.
func NewMomo(c Config) (*Momo, error) {
	c.BanAfter = cmp.Or(c.BanAfter, 10)
	c.BanWindow = cmp.Or(c.BanWindow, time.Second)
	shared, err := newCore(c)
	if err != nil {
		return nil, err
	}
	m := &Momo{core: shared, requests: map[string]*request{}, tokens: map[string]time.Time{}}
	m.mux.HandleFunc("POST /collection/token/{$}", m.giveToken)
	m.mux.HandleFunc("POST /collection/v1_0/requesttopay", m.pay)
	m.mux.HandleFunc("GET /collection/v1_0/requesttopay/{reference}", m.check)
	return m, nil
}

// begin takes a payment, unless the reference was taken before or the partner is closed.
func (m *Momo) begin(o payment) (j *job, taken, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, false, false
	}
	t := m.register(o.order)
	if m.requests[o.ID] != nil || t.status != "" {
		return nil, true, true
	}
	r := &request{payment: o, draws: drawMomo(m.config.Seed, o.ID, t.posts)}
	told := o.Simulate
	if s, sandbox := inSandbox(o.Payer.PartyID); sandbox {
		told, r.draws.reason = told.over(s.simulate), cmp.Or(s.reason, r.draws.reason)
	}
	j = &job{order: o.order, n: t.posts, replied: make(chan struct{}), plan: r.draws.plan(told)}
	j.tell = func(status string) (string, any) { return r.draws.method, r.tell(status, r.draws.names) }
	if j.plan.shows {
		r.found = time.Now().Add(m.scale(r.draws.hidden))
		m.requests[o.ID] = r
	}
	m.start(j)
	return j, false, true
}

// look returns what a check finds under a reference.
func (m *Momo) look(reference string) (told result, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, r := m.transactions[reference], m.requests[reference]
	switch {
	case r != nil && !time.Now().Before(r.found):
		return r.tell(cmp.Or(t.status, pending), false), true
	case r == nil && t != nil && t.status != "": // from before a restart: the rest is forgotten
		return result{Status: momoStatus(t.status)}, true
	}
	return result{}, false
}

// result is a request to pay as the partner tells it.
type result struct {
	ReferenceID            string `json:"referenceId,omitempty"`
	FinancialTransactionID string `json:"financialTransactionId,omitempty"`
	ExternalID             string `json:"externalId,omitempty"`
	Amount                 string `json:"amount,omitempty"`
	Currency               string `json:"currency,omitempty"`
	Payer                  *party `json:"payer,omitempty"`
	Status                 string `json:"status"`
	Reason                 any    `json:"reason,omitempty"`
}

// tell returns a request as the partner tells it at that status; names says whether with its reference.
func (r *request) tell(status string, names bool) result {
	told := result{
		ExternalID: r.ExternalID, Amount: r.Amount, Currency: r.Currency, Payer: &r.Payer, Status: momoStatus(status),
	}
	if names {
		told.ReferenceID = r.ID
	}
	switch status {
	case completed:
		told.FinancialTransactionID = r.draws.number
	case declined:
		told.Reason = r.draws.reason
		if !r.draws.bare {
			told.Reason = complaint{r.draws.reason, "It wasn't paid."}
		}
	}
	return told
}

// momoStatus is the partner's word for a status.
func momoStatus(status string) string {
	return map[string]string{completed: "SUCCESSFUL", declined: "FAILED", pending: "PENDING"}[status]
}

// complaint is an error, or the reason of a failure.
type complaint struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	show(w, status, complaint{code, message})
}
