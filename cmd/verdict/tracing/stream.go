package tracing

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"verdict"
)

// A publish is verdict.Stream's method.
type publish = func(context.Context, []verdict.Command, []verdict.Event) error

// HandOver publishes commands and events, with what is handed over in the place of the request that it goes back to.
func (t *Tracer) HandOver(ctx context.Context, commands []verdict.Command, events []verdict.Event, publish publish) error {
	commands, events = slices.Clone(commands), slices.Clone(events)
	var spans []trace.Span
	hand := func(name, transaction string, traceparent *string) {
		if *traceparent == "" {
			return
		}
		_, span := t.start(context.Background(), *traceparent, name,
			trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(transactionID(transaction)))
		spans = append(spans, span)
		*traceparent = format(span.SpanContext())
	}
	for i := range commands {
		hand("hand over "+string(commands[i].Kind), commands[i].Transaction, &commands[i].Trace)
	}
	for i := range events {
		hand("hand over verdict", events[i].Transaction, &events[i].Trace)
	}
	err := publish(ctx, commands, events)
	for _, span := range spans {
		end(span, err)
	}
	return err
}

// A handler carries out commands.
type handler = func(context.Context, verdict.Command) error

// CarryOut returns a handler that tells of what it carries out. A command that comes from the outbox doesn't say of which
// trace it is; the record does.
func (t *Tracer) CarryOut(handle handler) handler {
	return func(ctx context.Context, c verdict.Command) error {
		ctx, span := t.later(ctx, "carry out "+string(c.Kind), trace.WithSpanKind(trace.SpanKindConsumer))
		span.begin(c.Trace, transactionID(c.Transaction), providerName(c.Provider))
		err := handle(ctx, c)
		span.end(err)
		return err
	}
}
