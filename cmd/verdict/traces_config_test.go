package main

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"verdict/persistence/memory"
)

func TestBadTraceSettingsAreRefusedWithTheMend(t *testing.T) {
	t.Parallel()
	for setting, says := range map[string]string{
		"endpoint: 127.0.0.1:4318":                                        "traces.endpoint: give the URL",
		"endpoint: \"grpc://collector:4317\"":                             "traces.endpoint: give the URL",
		"endpoint: \"http://user:hunter2@collector:4318\"":                "traces.headers",
		"endpoint: \"http://collector:4318\", headers: [hunter2]":         "traces.headers: give NAME=VALUE",
		"endpoint: \"http://collector:4318\", headers: [\"a b=hunter2\"]": "traces.headers: give NAME=VALUE",
		"endpoint: \"http://collector:4318\", sample: 0":                  "traces.sample: 0; give",
		"endpoint: \"http://collector:4318\", sample: 1.5":                "traces.sample: 1.5; give",
		"endpoint: \"http://collector:4318\", sample: .nan":               "traces.sample: NaN; give",
	} {
		_, err := readConfig(t, "traces: {"+setting+"}")
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v", setting, err)
		}
	}
	if _, err := readConfig(t, "traces: {sample: 7}"); err != nil {
		t.Errorf("where nothing is traced: %v", err)
	}
}

func TestTraceHeadersAreMasked(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(binary, "config")
	cmd.Env = append(os.Environ(), "VERDICT_TRACES_ENDPOINT=https://collector:4318", "VERDICT_TRACES_HEADERS=Authorization=Bearer hunter2", "VERDICT_TRACES_SAMPLE=0.25")
	out, err := cmd.CombinedOutput()
	if text := string(out); err != nil || strings.Contains(text, "hunter2") || !strings.Contains(text, `sample: "0.25"`) ||
		!strings.Contains(text, "endpoint: https://collector:4318") || !strings.Contains(text, "headers: '***'") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestWithoutTracesNothingIsDecorated, so they cost nothing.
func TestWithoutTracesNothingIsDecorated(t *testing.T) {
	t.Parallel()
	c := mustReadConfig(t, "")
	tracer, err := c.Traces.open(t.Context(), nil)
	if err != nil || tracer != nil {
		t.Fatalf("by default there is a tracer, error %v", err)
	}
	store := memory.New()
	mux := http.NewServeMux()
	if p := (parts{store: store}).traced(tracer); p.store != store || p.bus != nil || p.traces != nil {
		t.Errorf("the parts are decorated: %+v", p)
	}
	if tracer.Handler(mux) != http.Handler(mux) || tracer.Push() != nil {
		t.Error("web is decorated")
	}
}
