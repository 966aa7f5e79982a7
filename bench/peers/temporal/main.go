// Command temporal is Temporal for bench/submit: its server, and a handler that starts a workflow for each request, as an app's
// backend would, through Temporal's SDK and the frontend's gRPC on loopback.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// queue is the task queue of all workflows.
const queue = "transactions"

// startTimeout is how long the frontend may take until it answers: longer than the SDK's 5 s, for a busy machine.
const startTimeout = 20 * time.Second

// transaction is the workflow, whose work is done at once.
func transaction(workflow.Context, json.RawMessage) error { return nil }

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	work := flag.Bool("work", false, "carry workflows out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, *work); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string, work bool) error {
	listener, err := net.Listen("tcp", address) // before a connection of Temporal's can take the port
	if err != nil {
		return err
	}
	server, frontend, err := startServer("temporal.db")
	if err != nil {
		return err
	}
	if err := serve(ctx, listener, frontend, work); err != nil {
		return err
	}
	return server.Stop()
}

// serve answers apps until ctx ends; what is under way then is cut.
func serve(ctx context.Context, listener net.Listener, frontend string, work bool) error {
	c, err := client.DialContext(ctx, client.Options{
		HostPort: frontend, Namespace: namespace, ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: startTimeout},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	if work {
		w := worker.New(c, queue, worker.Options{})
		w.RegisterWorkflow(transaction)
		if err := w.Start(); err != nil {
			return err
		}
		defer w.Stop()
	}
	front := http.Server{Handler: handler{c}}
	defer context.AfterFunc(ctx, func() { front.Close() })()
	if err := front.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type handler struct{ client client.Client }

// ServeHTTP starts a workflow whose id is the key. A key that is known starts none, and is answered alike.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return // we are ready
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || !json.Valid(body) {
		http.Error(w, "send JSON", http.StatusBadRequest)
		return
	}
	options := client.StartWorkflowOptions{
		ID: r.Header.Get("Idempotency-Key"), TaskQueue: queue, WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}
	if _, err := h.client.ExecuteWorkflow(r.Context(), options, transaction, json.RawMessage(body)); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(body)
}
