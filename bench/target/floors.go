package target

import (
	"context"
	"fmt"

	"verdict/bench/daemon"
	"verdict/bench/floor"
)

const (
	floorUsual    = floor.GorillaUsual
	floorLean     = floor.GorillaLean
	floorPlain    = floor.NetHTTP
	floorHijacked = floor.Hijacked
)

// payload is an event of the size of Verdict's.
func payload(client int) []byte {
	return fmt.Appendf(nil, `{"id":"01a2010d-0d17-726e-b9c0-%012d","operation":"transaction","key":"order-%d","provider":"djamo",`+
		`"status":"succeeded","stage":"settled","version":4,"created_at":"2026-11-22T02:19:22.263Z","settled_at":"2026-11-22T02:19:22.919Z"}`,
		client, client)
}

// floorTarget is one of package floor, in a process of its own.
type floorTarget struct {
	*daemon.Daemon
	*subscribers
	kind    Kind
	address string
}

// startFloor returns how to start a floor.
func startFloor(kind Kind, name string) func(context.Context, Env) (Target, error) {
	return func(ctx context.Context, env Env) (Target, error) {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		p, err := run(ctx, env.Dir, "http://"+address+"/metrics", nil, env.Self, "floor", name, "--address", address)
		if err != nil {
			return nil, err
		}
		return &floorTarget{p, newSubscribers(env, floor.Ready), kind, address}, nil
	}
}

func (f *floorTarget) Metrics() string { return "http://" + f.address + "/metrics" }

func (f *floorTarget) Prepare(context.Context, []int) error { return nil }

func (f *floorTarget) Watch(ctx context.Context, clients []int) error {
	return each(ctx, clients, func(ctx context.Context, client int) error {
		switch {
		case f.all[client].conn != nil:
			return nil // it watches for ever
		case f.kind == SSE:
			return f.stream(ctx, client, f.address, fmt.Sprint("/sse?id=", client), false)
		}
		if _, err := f.socket(ctx, client, f.address, fmt.Sprint("/ws?id=", client)); err != nil {
			return err
		}
		return f.awaitReady(ctx, client)
	})
}

func (f *floorTarget) Publish(ctx context.Context, client int) error {
	return post(ctx, fmt.Sprintf("http://%s/publish?to=%d", f.address, client), payload(client))
}

func (f *floorTarget) Close() {
	f.subscribers.close()
	f.Daemon.Close()
}
