package target

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"verdict/bench/daemon"
)

// verdictTarget is the product, with its defaults but for what README.md names.
type verdictTarget struct {
	*daemon.Daemon
	*subscribers
	partner *partner
	kind    Kind
	address string
	admin   string

	names   atomic.Int64 // of transactions
	watched []watch      // by client
}

// watch is the transaction that a client watches, or will.
type watch struct {
	id    string
	order *order
}

// verdictReady: a client has the state of its transaction, so nothing can fall between (docs/push.md).
const verdictReady = `"status":"pending"`

func startVerdictSockets(ctx context.Context, env Env) (Target, error) {
	return startVerdict(ctx, env, WebSocket)
}

func startVerdictStreams(ctx context.Context, env Env) (Target, error) {
	return startVerdict(ctx, env, SSE)
}

func startVerdict(ctx context.Context, env Env, kind Kind) (Target, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := openPartner()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(env.Dir, "verdict.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, verdictConfig, address, admin, p.url()), 0o600); err != nil {
		return nil, err
	}
	args := append([]string{"serve", "--config", config}, limits(env.Verdict, env.Clients)...)
	d, err := run(ctx, env.Dir, "http://"+admin+"/readyz", env.VerdictEnv, env.Verdict, args...)
	if err != nil {
		p.close()
		return nil, err
	}
	return &verdictTarget{
		Daemon: d, subscribers: newSubscribers(env, verdictReady), partner: p, kind: kind,
		address: address, admin: admin, watched: make([]watch, env.Clients),
	}, nil
}

// verdictConfig leaves no check to be made while we measure.
const verdictConfig = `address: %s
admin: {address: "%s"}
database: sqlite:verdict.db
stream: {dir: jetstream}
providers: {djamo: {url: "%s"}}
schedule: {mode: backoff, checks: [24h]}
`

// limits are the flags that let so many clients in: those of the limits that this version of Verdict has.
func limits(binary string, clients int) (flags []string) {
	room := strconv.Itoa(clients + 1000)
	for _, flag := range []string{"--push-connections=" + room, "--push-per-address=" + room, "--push-handshakes=100000"} {
		cmd := exec.Command(binary, "config", flag)
		cmd.Env = daemon.PlainEnv()
		if cmd.Run() == nil {
			flags = append(flags, flag)
		}
	}
	return flags
}

func (v *verdictTarget) Metrics() string { return "http://" + v.admin + "/metrics" }

// Prepare submits a transaction for each client, and returns once the partner has them all.
func (v *verdictTarget) Prepare(ctx context.Context, clients []int) error {
	return each(ctx, clients, func(ctx context.Context, client int) error {
		name := strconv.FormatInt(v.names.Add(1), 10)
		o := v.partner.expect(name)
		id, err := submit(ctx, v.address, name, o)
		v.watched[client] = watch{id, o}
		return err
	})
}

func (v *verdictTarget) Watch(ctx context.Context, clients []int) error {
	return each(ctx, clients, func(ctx context.Context, client int) error {
		id := v.watched[client].id
		if v.kind == SSE {
			return v.stream(ctx, client, v.address, "/v1/transactions/"+url.PathEscape(id)+"/events", true)
		}
		ws, err := v.socket(ctx, client, v.address, "/v1/ws", "verdict.v1")
		if err != nil {
			return err
		}
		if err := ws.Say(fmt.Sprintf(`{"type":"subscribe","transaction":%q}`, id)); err != nil {
			return err
		}
		return v.awaitReady(ctx, client)
	})
}

func (v *verdictTarget) Publish(ctx context.Context, client int) error {
	return v.watched[client].order.settle(ctx)
}

func (v *verdictTarget) Close() {
	v.subscribers.close()
	v.Daemon.Close()
	v.partner.close()
}
