package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"verdict"
	"verdict/web/admin"
	"verdict/web/auth"
)

// NewAdmin returns the http.Handler of the operators' listener. Every request needs the API key of an operator whom the
// guard knows; if that is nil, nobody is asked, so the listener must be on loopback. Of pages in a browser only its own, the
// console, can call it.
// newID names errors in the log; metrics is the desk's.
func NewAdmin(d *admin.Desk, metrics http.Handler, guard *auth.Guard, newID func() string, log *slog.Logger) http.Handler {
	o := operators{newRouter(newID, log), guard}
	for _, r := range d.Routes() {
		o.add([]route{{r.Pattern, brief(operation(r))}})
	}
	o.add([]route{
		{"GET /livez", alive},
		{"GET /readyz", ready(d, admin.Health.String)},
		{"GET /openapi.json", file("openapi.json", admin.Document)},
		{"GET /problems/{slug}", explain},
	})
	o.mux.Handle("GET /metrics", metrics)
	o.profiles()
	return o
}

// NewProbes returns the http.Handler of a listener for supervisors, load balancers and Prometheus, which asks nobody who they
// are: /livez, /readyz and /metrics name no tenant, owner or transaction, and why an instance isn't ready is left to its log.
func NewProbes(d *admin.Desk, metrics http.Handler, newID func() string, log *slog.Logger) http.Handler {
	p := probes{newRouter(newID, log)}
	problems := func(w http.ResponseWriter, r *http.Request) error {
		err := explain(w, r)
		if errors.As(err, new(refusal)) {
			return noProbe()
		}
		return err
	}
	p.add([]route{{"GET /livez", alive}, {"GET /readyz", ready(d, (&readiness{log: log}).became)}, {"GET /problems/{slug}", problems}})
	p.mux.Handle("GET /metrics", metrics)
	return p
}

// probes says of other paths what there is: it has no OpenAPI document.
type probes struct{ *router }

func (p probes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(p.methods(r)) == 0 {
		answerHeaders(w.Header(), r.TLS != nil)
		p.fail(w, r, noProbe())
		return
	}
	p.router.ServeHTTP(w, r)
}

func noProbe() error {
	return refusal{noPage, "Nothing was stored. There are /livez, /readyz and /metrics."}
}

// readiness logs each change of it once, however often anybody asks.
type readiness struct {
	log *slog.Logger
	not atomic.Bool
}

// became words an answer for anyone.
func (r *readiness) became(h admin.Health) string {
	err := h.Unready()
	if changed := r.not.Swap(err != nil) != (err != nil); changed && err != nil {
		r.log.Warn("not ready", "error", err)
	} else if changed {
		r.log.Info("ready again")
	}
	if err != nil {
		return "not ready; see the log\n"
	}
	return "ready\n"
}

// operators guards what operators call.
type operators struct {
	*router
	guard *auth.Guard // nil: nobody is asked who they are
}

// ServeHTTP serves the console, and refuses what a browser sends for a page of another origin, and who is no operator.
//
// A page may have made its own name point to this machine (DNS rebinding), and is of our origin then: so where nobody is
// asked, names other than loopback's are refused as well. Where operators are asked, such a page has nothing to show, because
// browsers add no API key.
func (o operators) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	answerHeaders(w.Header(), r.TLS != nil)
	if o.guard == nil && !admin.Loopback(r.Host) {
		o.fail(w, r, refusal{kind: wrongHost})
		return
	}
	if serveConsole(w, r) {
		return
	}
	if err := o.admit(r); err != nil {
		o.fail(w, r, err)
		return
	}
	o.router.ServeHTTP(w, r)
}

// admit returns why a request isn't answered.
func (o operators) admit(r *http.Request) error {
	if err := notForeign(r); err != nil || o.guard == nil {
		return err
	}
	return o.guard.Operator(r)
}

func notForeign(r *http.Request) error {
	unsafe := *r
	unsafe.Method = http.MethodPost // what is only read isn't for pages of others either
	var protection http.CrossOriginProtection
	if err := protection.Check(&unsafe); err != nil {
		return refusal{foreignOrigin, "Nothing was changed. Pages of others may not call the operators' listener; open its own, or use the commands verdict tx and verdict plan."}
	}
	return nil
}

// operation serves one of the operators' routes.
func operation(route admin.Route) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		told, err := readMembers(w, r, route.Members)
		if err != nil {
			return err
		}
		answer, err := route.Answer(r, told)
		var unknown *admin.UnknownPartnerError
		var nowhere *admin.UnknownEndpointError
		var inUse *admin.ConfiguredEndpointError
		switch {
		case errors.Is(err, verdict.ErrStale):
			return refusal{kind: changed}
		case errors.As(err, &unknown):
			return refusal{noPartner, unknown.Error()}
		case errors.As(err, &nowhere):
			return refusal{noEndpoint, nowhere.Error()}
		case errors.As(err, &inUse):
			return refusal{endpointInUse, inUse.Error()}
		case err != nil:
			return err
		}
		return writeJSON(w, http.StatusOK, answer)
	}
}

// readMembers reads a body that has these members and no others, all of them strings.
func readMembers(w http.ResponseWriter, r *http.Request, names []string) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	object, err := members(body)
	if err != nil {
		return nil, err
	}
	if err := onlyMembers(object, names...); err != nil {
		return nil, err
	}
	told := map[string]string{}
	for _, name := range names {
		if told[name], err = stringMember(object, name, ""); err != nil {
			return nil, err
		}
	}
	return told, nil
}

// alive takes GET /livez: the process answers.
func alive(w http.ResponseWriter, _ *http.Request) error { return writeText(w, http.StatusOK, "ok\n") }

// ready takes GET /readyz. word words the answer.
func ready(d *admin.Desk, word func(admin.Health) string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		health := d.Health(r.Context())
		status := http.StatusOK
		if health.Unready() != nil {
			status = http.StatusServiceUnavailable
		}
		return writeText(w, status, word(health))
	}
}

func writeText(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if _, err := fmt.Fprint(w, text); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}
