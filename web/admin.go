package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"verdict"
	"verdict/web/admin"
	"verdict/web/auth"
)

// NewAdmin returns the http.Handler of the operators' listener. Every request needs the API key of an operator whom the
// guard knows; if that is nil, nobody is asked, so the listener must be on loopback. Pages in a browser can't call it.
// newID names errors in the log; metrics is the desk's.
func NewAdmin(d *admin.Desk, metrics http.Handler, guard *auth.Guard, newID func() string, log *slog.Logger) http.Handler {
	o := operators{newRouter(newID, log), guard}
	for _, r := range d.Routes() {
		o.add([]route{{r.Pattern, brief(operation(r))}})
	}
	o.add([]route{
		{"GET /livez", alive},
		{"GET /readyz", ready(d, error.Error)},
		{"GET /openapi.json", file("openapi.json", admin.Document)},
		{"GET /problems/{slug}", explain},
	})
	o.mux.Handle("GET /metrics", metrics)
	return o
}

// NewProbes returns the http.Handler of a listener for supervisors, load balancers and Prometheus, which asks nobody who they
// are: /livez, /readyz and /metrics name no tenant, owner or transaction, and why an instance isn't ready is left to its log.
func NewProbes(d *admin.Desk, metrics http.Handler, newID func() string, log *slog.Logger) http.Handler {
	why := func(err error) string {
		log.Warn("not ready", "error", err)
		return "not ready; see the log"
	}
	probes := newRouter(newID, log)
	probes.add([]route{{"GET /livez", alive}, {"GET /readyz", ready(d, why)}, {"GET /problems/{slug}", explain}})
	probes.mux.Handle("GET /metrics", metrics)
	return probes
}

// operators guards what operators call.
type operators struct {
	*router
	guard *auth.Guard // nil: nobody is asked who they are
}

// ServeHTTP refuses what a browser sends for a page of another origin, and who is no operator.
func (o operators) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := o.admit(r); err != nil {
		o.fail(w, r, err)
		return
	}
	o.router.ServeHTTP(w, r)
}

// admit returns why a request isn't served. A page may have made its own name point to this machine (DNS rebinding), and
// is of our origin then: so where nobody is asked, names other than loopback's are refused as well. Where operators are
// asked, such a page has nothing to show, because browsers add no API key.
func (o operators) admit(r *http.Request) error {
	if o.guard == nil && !admin.Loopback(r.Host) {
		return refusal{kind: wrongHost}
	}
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
		return refusal{foreignOrigin, "Nothing was changed. Pages may not call the operators' listener; use the commands verdict tx and verdict plan."}
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
		switch {
		case errors.Is(err, verdict.ErrStale):
			return refusal{kind: changed}
		case errors.As(err, &unknown):
			return refusal{noPartner, unknown.Error()}
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

// ready takes GET /readyz. why words the reason of an instance that isn't ready.
func ready(d *admin.Desk, why func(error) string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := d.CheckReady(r.Context()); err != nil {
			return writeText(w, http.StatusServiceUnavailable, why(err)+"\n")
		}
		return writeText(w, http.StatusOK, "ok\n")
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
