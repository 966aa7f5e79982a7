// Package admin is what operators may know and do: what is for review, what contradicts itself, what happened to a
// transaction and what was heard of it word for word, when its partner is asked about it, what backends were told; to ask
// again, to tell again, and to resolve what a partner leaves open.
//
// It answers to whoever calls, for all tenants and owners, so package web serves it on a loopback listener of its own.
package admin

import (
	"context"
	_ "embed"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"verdict"
)

// Document describes the API in OpenAPI 3.1.
//
//go:embed openapi.json
var Document []byte

// Store is what operators see of the record. Its methods are those of verdict.Store.
type Store interface {
	Transaction(ctx context.Context, id string) (verdict.Transaction, error)
	History(ctx context.Context, id string) ([]verdict.Evidence, error)
	InStage(ctx context.Context, stage verdict.Stage, after int64, limit int) ([]verdict.Transaction, error)
	Walk(ctx context.Context, from, below string, limit int) ([]verdict.Transaction, error)
	Settled(ctx context.Context, audience *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error)
	Conflicts(ctx context.Context, after int64, limit int) ([]verdict.Conflict, error)
	Backlog(ctx context.Context, now time.Time) (verdict.Backlog, error)
	LastEventID(ctx context.Context) (int64, error)
	Endpoints(ctx context.Context) ([]verdict.Endpoint, error)
	OpenEndpoint(ctx context.Context, name string) error
	DropEndpoint(ctx context.Context, name string, limit int) (deleted int, err error)
	Notices(ctx context.Context, endpoint string, state verdict.NoticeState, after int64, limit int) ([]verdict.Notice, error)
	NoticesOf(ctx context.Context, transaction string) ([]verdict.Notice, error)
	ReplaceNotice(ctx context.Context, next verdict.Notice) error
}

// Desk is where operators stand.
type Desk struct {
	Store      Store
	Settler    *verdict.Settler
	Configured []string               // names of the endpoints in this instance's configuration
	Concerns   []Concern              // of this instance, besides the record
	Counted    []prometheus.Collector // of what others count
	Log        *slog.Logger

	figures figures
}

// Route is one operation of the API.
type Route struct {
	Pattern string   // method and path, as http.ServeMux reads them
	Members []string // of the JSON object that is the request's body, all strings; none if it needs no body

	// Answer returns what is answered as JSON. Its errors are those of package verdict, *UnknownPartnerError,
	// *UnknownEndpointError and *ConfiguredEndpointError.
	Answer func(r *http.Request, members map[string]string) (any, error)
}

// Routes returns the operations of the API.
func (d *Desk) Routes() []Route {
	return []Route{
		{"GET /v1/transactions", nil, d.list},
		{"GET /v1/search", nil, d.find},
		{"GET /v1/figures", nil, d.tellFigures},
		{"GET /v1/transactions/{id}", nil, d.show},
		{"POST /v1/transactions/{id}/check", nil, d.check},
		{"POST /v1/transactions/{id}/resolve", []string{"status", "reason"}, d.resolve},
		{"POST /v1/transactions/{id}/notify", nil, d.notify},
		{"GET /v1/conflicts", nil, d.conflicts},
		{"GET /v1/partners", nil, d.partners},
		{"GET /v1/partners/{name}", nil, d.prospect},
		{"GET /v1/notices", nil, d.notices},
		{"GET /v1/endpoints", nil, d.endpoints},
		{"POST /v1/endpoints/{name}/enable", nil, d.enable},
		{"POST /v1/endpoints/{name}/drop", nil, d.drop},
	}
}

// Loopback reports whether a host, with or without a port, names this machine's loopback.
func Loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
