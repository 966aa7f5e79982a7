package tracing

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"verdict"
)

// header is the one member of a carrier that is read and written. The others, tracestate and baggage, may hold anything.
const header = "traceparent"

// parse returns the span that a traceparent names; one that isn't valid if it names none.
func parse(traceparent string) trace.SpanContext {
	carrier := propagation.MapCarrier{header: traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// format is the traceparent of a span: nothing if it isn't sampled, so that nothing is kept of what isn't traced.
func format(span trace.SpanContext) string {
	if !span.IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	return carrier[header]
}

// start begins a span of a transaction, below the one of ctx or, if that has none, the one that the transaction came by. It
// returns a span that records nothing if there is neither.
func (t *Tracer) start(ctx context.Context, traceparent, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx = within(ctx, traceparent)
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, trace.SpanFromContext(context.Background())
	}
	return t.spans.Start(ctx, name, options...)
}

// within returns ctx with the span that work in it is part of.
func within(ctx context.Context, traceparent string) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	if l, ok := lateOf(ctx); ok {
		if span := l.begin(""); span != nil {
			return trace.ContextWithSpan(ctx, span)
		}
	}
	if parent := parse(traceparent); parent.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	return ctx
}

type lateKey struct{}

// A late span is of work that begins before it is known to which transaction it belongs. It is made when that is known,
// with the time of the beginning, or never. It is of one goroutine.
type late struct {
	tracer  *Tracer
	name    string
	began   time.Time
	options []trace.SpanStartOption

	span  trace.Span // nil until then
	about []attribute.KeyValue
}

func lateOf(ctx context.Context) (l *late, ok bool) {
	l, ok = ctx.Value(lateKey{}).(*late)
	return l, ok
}

// later returns a context in which the first transaction that is read or changed begins the span.
func (t *Tracer) later(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, *late) {
	l := &late{tracer: t, name: name, began: time.Now(), options: options}
	return context.WithValue(ctx, lateKey{}, l), l
}

// begin returns the span, which it makes below that of a traceparent if it isn't made yet; nil if it can't be. about is what
// it and the calls of partners in it are about.
func (l *late) begin(traceparent string, about ...attribute.KeyValue) trace.Span {
	if parent := parse(traceparent); l.span == nil && parent.IsSampled() {
		ctx := trace.ContextWithRemoteSpanContext(context.Background(), parent)
		_, l.span = l.tracer.spans.Start(ctx, l.name, append(l.options, trace.WithTimestamp(l.began), trace.WithAttributes(about...))...)
		l.about = about
	}
	return l.span
}

// end ends the span, if it has begun.
func (l *late) end(err error, attributes ...attribute.KeyValue) {
	if span := l.begin(""); span != nil {
		span.SetAttributes(attributes...)
		end(span, err)
	}
}

// end ends a span with what went wrong, in a word.
func end(span trace.Span, err error) {
	if err != nil {
		kind, trouble := kindOf(err)
		span.SetAttributes(attribute.String("error.type", kind))
		if trouble {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}

// kindOf is what kind of error it is, and whether it is trouble: it is none to be overtaken or told to wait.
func kindOf(err error) (kind string, trouble bool) {
	var paced *verdict.PacedError
	var throttled *verdict.ThrottledError
	switch {
	case errors.Is(err, verdict.ErrStale):
		return "stale", false
	case errors.As(err, &paced):
		return "paced", false
	case errors.As(err, &throttled):
		return "throttled", true
	case errors.Is(err, verdict.ErrNotSent):
		return "not sent", true
	case errors.Is(err, verdict.ErrUncertain):
		return "uncertain", true
	case errors.Is(err, verdict.ErrOverloaded):
		return "overloaded", true
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout", true
	}
	return "other", true
}
