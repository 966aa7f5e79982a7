package tracing

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"verdict"
)

// Provider returns a partner's adapter that tells of its calls. The partner is told nothing of the trace: it is a third party.
func (t *Tracer) Provider(name string, p verdict.Provider) verdict.Provider {
	if t == nil {
		return p
	}
	return provider{p, name, t}
}

type provider struct {
	verdict.Provider
	name   string
	tracer *Tracer
}

func (p provider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	ctx, span := p.start(ctx, "submit to "+p.name)
	a, err := p.Provider.Submit(ctx, s)
	endCall(span, a, err)
	return a, err
}

func (p provider) Check(ctx context.Context, q verdict.Question) (verdict.Answer, error) {
	ctx, span := p.start(ctx, "check with "+p.name)
	a, err := p.Provider.Check(ctx, q)
	endCall(span, a, err)
	return a, err
}

func (p provider) start(ctx context.Context, name string) (context.Context, trace.Span) {
	ctx, span := p.tracer.start(ctx, "", name, trace.WithSpanKind(trace.SpanKindClient))
	if l, ok := lateOf(ctx); ok {
		span.SetAttributes(l.about...)
	}
	return ctx, span
}

func endCall(span trace.Span, a verdict.Answer, err error) {
	if err == nil {
		span.SetAttributes(outcome(a.Outcome))
	}
	end(span, err)
}
