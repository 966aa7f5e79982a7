package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"verdict"
	"verdict/cmd/verdict/tracing"
)

// tracesConfig says where traces go.
type tracesConfig struct {
	Endpoint string   `koanf:"endpoint"`
	Headers  []string `koanf:"headers"`
	Sample   float64  `koanf:"sample"`
}

var headerLine = regexp.MustCompile(`^([!#$%&'*+.^_|~0-9A-Za-z-]+)=([ -~]*)$`) // a name as RFC 9110 section 5.6.2 has it

// at is where to send traces. An error shows no header.
func (c tracesConfig) at(log *slog.Logger) (tracing.Config, error) {
	headers := map[string]string{}
	for _, line := range c.Headers {
		parts := headerLine.FindStringSubmatch(line)
		if parts == nil {
			return tracing.Config{}, fmt.Errorf("headers: give NAME=VALUE, such as Authorization=Bearer TOKEN, with commas between several")
		}
		headers[parts[1]] = strings.TrimSpace(parts[2])
	}
	return tracing.Config{
		Endpoint: c.Endpoint, Headers: headers, Sample: c.Sample, Instance: newID(), Log: log,
	}, nil
}

func (c tracesConfig) validate() error {
	if c.Endpoint == "" {
		return nil
	}
	to, err := c.at(nil)
	if err != nil {
		return err
	}
	return to.Validate()
}

// open returns nil if nothing is to be traced.
func (c tracesConfig) open(ctx context.Context, log *slog.Logger) (*tracing.Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	to, err := c.at(log)
	if err != nil {
		return nil, err
	}
	return tracing.Open(ctx, to)
}

// traced returns parts that tell of what goes through them.
func (p parts) traced(t *tracing.Tracer) parts {
	if t == nil {
		return p
	}
	providers := map[string]verdict.Provider{}
	for name, adapter := range p.providers {
		providers[name] = t.Provider(name, adapter)
	}
	p.store, p.bus, p.providers, p.traces = t.Store(p.store), tracedBus{p.bus, t}, providers, t
	return p
}

// tracedBus is a bus that tells of what it carries.
type tracedBus struct {
	bus
	tracer *tracing.Tracer
}

func (b tracedBus) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	return b.tracer.HandOver(ctx, commands, events, b.bus.Publish)
}

func (b tracedBus) Work(ctx context.Context, provider string, kind verdict.Kind, limit int, handle func(context.Context, verdict.Command) error) error {
	return b.bus.Work(ctx, provider, kind, limit, b.tracer.CarryOut(handle))
}
