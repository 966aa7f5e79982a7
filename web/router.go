package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// handler answers a request, or returns why it didn't.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one operation of an API. The OpenAPI document holds the same ones.
type route struct {
	pattern string // method and path, as http.ServeMux reads them
	handle  handler
}

// router finds the handler of a request, and answers the errors that handlers return.
type router struct {
	mux       *http.ServeMux
	preflight func(allow string) handler // answers a browser that asks whether a page may call; nil: as any wrong method
	refused   func(problem)              // is told of each problem; nil: nobody is
	restored  bool                       // the record is a copy of one that was lost
	newID     func() string              // names an error in our log
	log       *slog.Logger
}

func newRouter(newID func() string, log *slog.Logger) *router {
	return &router{mux: http.NewServeMux(), newID: newID, log: log}
}

func (ro *router) add(routes []route) {
	for _, one := range routes {
		ro.mux.HandleFunc(one.pattern, ro.answer(one.handle))
	}
}

// brief bounds how long a request may take.
func brief(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		return h(w, r.WithContext(ctx))
	}
}

// answer makes a handler one of net/http's.
func (ro *router) answer(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			ro.fail(w, r, err)
		}
	}
}

// ServeHTTP answers a request and logs one line, without the path: a webhook's holds its token.
func (ro *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	rec := &recorder{ResponseWriter: w}
	answerHeaders(rec.Header(), r.TLS != nil)
	h, pattern := ro.mux.Handler(r)
	switch {
	case pattern == "":
		ro.answer(ro.unrouted)(rec, r)
	case strings.Contains(pattern, "{"): // what stands in the path for a name, only the mux can tell the handler
		ro.mux.ServeHTTP(rec, r)
	default:
		r.Pattern = pattern
		h.ServeHTTP(rec, r)
	}
	if ro.log.Enabled(r.Context(), slog.LevelDebug) {
		about(ro.log, r.PathValue("id")).Debug("request", "method", r.Method, "route", r.Pattern, "status", rec.status, "took", time.Since(began))
	}
}

// about is a log that names the transaction which a client does, if it may be one of ours: else it may be anything.
func about(log *slog.Logger, id string) *slog.Logger {
	if len(id) == 36 && uuid.Validate(id) == nil { // of other lengths are other ways to write one
		return log.With("transaction", id)
	}
	return log
}

// unrouted answers what no route matches: a preflight, a wrong method or an unknown path.
func (ro *router) unrouted(w http.ResponseWriter, r *http.Request) error {
	methods := ro.methods(r)
	if len(methods) == 0 {
		return refusal{kind: noPage}
	}
	allow := strings.Join(methods, ", ")
	w.Header().Set("Allow", allow)
	if ro.preflight != nil && r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		return ro.preflight(allow)(w, r)
	}
	return refusal{kind: wrongMethod, detail: "Use " + allow + "."}
}

// methods are those that the path of a request has routes for.
func (ro *router) methods(r *http.Request) []string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		other := *r
		other.Method = method
		if _, pattern := ro.mux.Handler(&other); pattern != "" {
			methods = append(methods, method)
		}
	}
	return methods
}
