package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"verdict"
)

// Store returns a store that keeps with each transaction what trace it is in, and tells of its changes.
func (t *Tracer) Store(s verdict.Store) verdict.Store {
	if t == nil {
		return s
	}
	return store{s, t}
}

type store struct {
	verdict.Store
	tracer *Tracer
}

// Create begins a trace where the request has none. A request that was made before is of another trace, which links to the
// transaction's.
func (s store) Create(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	request := trace.SpanFromContext(ctx)
	ctx, span := s.tracer.spans.Start(ctx, "record "+string(t.Stage), trace.WithAttributes(providerName(t.Provider)))
	if !request.SpanContext().IsValid() { // a message on a WebSocket
		request = span
	}
	t.Trace = format(request.SpanContext())
	stored, created, err := s.Store.Create(ctx, t)
	if err == nil {
		for _, about := range []trace.Span{request, span} {
			about.SetAttributes(transactionID(stored.ID))
		}
	}
	if err == nil && !created {
		span.SetAttributes(attribute.Bool("verdict.replayed", true))
		span.AddLink(trace.Link{SpanContext: parse(stored.Trace)})
	}
	end(span, err)
	return stored, created, err
}

func (s store) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	ctx, span := s.start(ctx, "record "+string(next.Stage), next)
	if e != nil {
		span.SetAttributes(attribute.String("verdict.source", string(e.Source)), outcome(e.Outcome))
	}
	stored, err := s.Store.Replace(ctx, next, e)
	end(span, err)
	return stored, err
}

func (s store) Ask(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
	ctx, span := s.start(ctx, "take a turn", next)
	stored, turn, err := s.Store.Ask(ctx, next, b, now)
	end(span, err)
	return stored, turn, err
}

// Transaction is what a call for a partner or a command begins with.
func (s store) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	t, err := s.Store.Transaction(ctx, id)
	if err == nil {
		belongs(ctx, t)
	}
	return t, err
}

// belongs tells the late span of ctx, if there is one, which transaction it is about.
func belongs(ctx context.Context, t verdict.Transaction) {
	if l, ok := lateOf(ctx); ok {
		l.begin(t.Trace, transactionID(t.ID), providerName(t.Provider))
	}
}

func (s store) start(ctx context.Context, name string, next verdict.Transaction) (context.Context, trace.Span) {
	belongs(ctx, next)
	return s.tracer.start(ctx, next.Trace, name, trace.WithAttributes(transactionID(next.ID), providerName(next.Provider),
		attribute.Int64("verdict.version", next.Version)))
}
