// Package tracing tells what becomes of transactions in OpenTelemetry traces, exported by OTLP: one trace each, from the
// request that it came by to the push of its verdict. Decorators around the ports make the spans, so that nothing else
// knows of them, and where there are no traces there are no decorators.
//
// What ties the spans together is the traceparent of the accepting request, which is on record with the transaction: so
// whoever takes it up, after a crash or on another instance, goes on with its trace.
//
// Spans hold what the code itself has words for, and transactions' ids. They hold nothing that apps, users or partners
// have written, and no error's text, which may quote them.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"verdict"
)

// Config says where traces go.
type Config struct {
	Endpoint string            // of the collector, such as http://127.0.0.1:4318; spans go to /v1/traces below it
	Headers  map[string]string // of each export, such as Authorization
	Sample   float64           // the part of the transactions that is traced, above 0 and up to 1
	Instance string            // names this process among others
	Log      *slog.Logger      // is told of exports that fail
}

const (
	// exportTimeout bounds one export with its repetitions.
	exportTimeout = 10 * time.Second

	// flushTimeout bounds Close.
	flushTimeout = 3 * time.Second
)

// Validate says which member can't be used, and the mend. It shows no header.
func (c Config) Validate() error {
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("endpoint: give the URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("endpoint: leave out the user, the query and the fragment; what the collector asks for goes into traces.headers")
	case !(c.Sample > 0 && c.Sample <= 1):
		return fmt.Errorf("sample: %g; give a part of the transactions above 0, and 1 for all", c.Sample)
	}
	return nil
}

// A Tracer makes spans and exports them in the background. What the collector doesn't take in time is dropped, and nobody
// waits for it. A nil Tracer traces nothing.
type Tracer struct {
	provider *sdk.TracerProvider
	spans    trace.Tracer
	log      *slog.Logger
}

// Open returns a tracer. It connects to nothing before there is something to export.
func Open(ctx context.Context, c Config) (*Tracer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	to, err := url.JoinPath(c.Endpoint, "v1", "traces")
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(to), otlptracehttp.WithHeaders(c.Headers), otlptracehttp.WithTimeout(exportTimeout),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	t := &Tracer{log: c.Log}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(t.tell))
	t.provider = sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Sample))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "verdict"),
			attribute.String("service.version", version()), attribute.String("service.instance.id", c.Instance))))
	t.spans = t.provider.Tracer("verdict")
	return t, nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

// Close exports what is left, for three seconds at the most.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.tell(err)
	}
}

// tell logs that spans were lost, without the body of the collector's answer.
func (t *Tracer) tell(err error) {
	why, _, _ := strings.Cut(err.Error(), "body: ")
	t.log.Warn("spans are lost; see that the collector at traces.endpoint is well", "error", why)
}

// The attributes of spans.
func transactionID(id string) attribute.KeyValue { return attribute.String("verdict.transaction", id) }
func providerName(name string) attribute.KeyValue {
	return attribute.String("verdict.provider", name)
}
func outcome(o verdict.Outcome) attribute.KeyValue {
	return attribute.String("verdict.outcome", string(o))
}
