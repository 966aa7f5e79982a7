package tracing

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"verdict"
)

// Handler returns a handler that tells of the requests that transactions come by, in the trace of the app that makes them if
// it sends a traceparent, and of partners' webhooks, in the trace of their transaction.
//
// It isn't otelhttp's, whose spans hold addresses and paths: of users, and with the token of a webhook.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case r.Method == http.MethodPost && (path == "/transaction" || path == "/v1/transactions"):
			t.submit(w, r, next)
		case strings.HasPrefix(path, "/webhooks/"):
			t.webhook(w, r, next)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (t *Tracer) submit(w http.ResponseWriter, r *http.Request, next http.Handler) {
	ctx := r.Context()
	if parent := parse(r.Header.Get(header)); parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	ctx, span := t.spans.Start(ctx, "POST "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", "POST"), attribute.String("http.route", r.URL.Path)))
	defer span.End()
	answer := &answer{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(answer, r.WithContext(ctx))
	span.SetAttributes(answer.attribute())
	if answer.status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// webhook makes no span for a token that opens no transaction.
func (t *Tracer) webhook(w http.ResponseWriter, r *http.Request, next http.Handler) {
	ctx, span := t.later(r.Context(), "webhook", trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.route", "/webhooks/{provider}/{token}")))
	answer := &answer{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(answer, r.WithContext(ctx))
	span.end(nil, answer.attribute())
}

// answer remembers how a request was answered.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) attribute() attribute.KeyValue {
	return attribute.Int("http.response.status_code", a.status)
}

// Push returns a web.Pushed that tells of pushes; nil if nothing is traced.
func (t *Tracer) Push() func(e verdict.Event, since time.Time, transport string) {
	if t == nil {
		return nil
	}
	return func(e verdict.Event, since time.Time, transport string) {
		_, span := t.start(context.Background(), e.Trace, "push", trace.WithTimestamp(since),
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(transactionID(e.Transaction), attribute.String("verdict.transport", transport)))
		span.End()
	}
}
