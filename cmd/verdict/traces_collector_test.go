package main

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// An exported span is one that was exported.
type exported struct {
	*trace.Span
	instance   string
	attributes map[string]string
}

func (s exported) id() string     { return hex.EncodeToString(s.SpanId) }
func (s exported) parent() string { return hex.EncodeToString(s.ParentSpanId) }
func (s exported) trace() string  { return hex.EncodeToString(s.TraceId) }

// A receiver is an OTLP/HTTP collector.
type receiver struct {
	*httptest.Server
	t      *testing.T
	token  string // that it asks for, in Authorization
	mu     sync.Mutex
	spans  []exported
	raw    []byte // all that was exported
	denied int
}

func newReceiver(t *testing.T, token string) *receiver {
	r := &receiver{t: t, token: token}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

// environment makes a gateway export to the receiver, and soon.
func (r *receiver) environment() []string {
	return []string{"VERDICT_TRACES_ENDPOINT=" + r.URL, "VERDICT_TRACES_HEADERS=Authorization=" + r.token, "OTEL_BSP_SCHEDULE_DELAY=50"}
}

func (r *receiver) take(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if request.URL.Path != "/v1/traces" || request.Header.Get("Authorization") != r.token {
		r.denied++
		http.Error(w, request.URL.Path, http.StatusUnauthorized)
		return
	}
	body, err := gzip.NewReader(request.Body)
	if err != nil {
		r.t.Error(err)
		return
	}
	text, err := io.ReadAll(body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &export)
	}
	if err != nil {
		r.t.Error(err)
	}
	r.raw = append(r.raw, text...)
	for _, from := range export.ResourceSpans {
		instance := attributes(from.Resource.Attributes)["service.instance.id"]
		for _, scope := range from.ScopeSpans {
			for _, s := range scope.Spans {
				r.spans = append(r.spans, exported{s, instance, attributes(s.Attributes)})
			}
		}
	}
}

func attributes(all []*common.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, a := range all {
		texts[a.Key] = a.Value.GetStringValue()
		if a.Value.GetIntValue() != 0 {
			texts[a.Key] = a.Value.String()
		}
	}
	return texts
}

// of returns the spans of a transaction, in the order of their beginnings.
func (r *receiver) of(transaction string) []exported {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []exported
	for _, s := range r.spans {
		if s.attributes["verdict.transaction"] == transaction || transaction == "" {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b exported) int { return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano)) })
	return found
}

// has reports whether a transaction has spans of all these names.
func (r *receiver) has(transaction string, names ...string) bool {
	found := r.of(transaction)
	return !slices.ContainsFunc(names, func(name string) bool {
		return !slices.ContainsFunc(found, func(s exported) bool { return s.Name == name })
	})
}

// listen listens on an address of its own.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
