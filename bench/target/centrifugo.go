package target

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"

	"verdict/bench/daemon"
)

// Centrifugo is the name of a hub that others wrote: https://centrifugal.dev.
const Centrifugo = "Centrifugo"

const centrifugoModule = "github.com/centrifugal/centrifugo/v6"

var centrifugoPeer = &Peer{
	"centrifugo", centrifugoModule, centrifugoModule,
	"its own program and defaults, in memory; its bidirectional protocol on WebSockets, its unidirectional one on event streams",
}

type centrifugo struct {
	*daemon.Daemon
	*subscribers
	kind    Kind
	address string
}

// A client of the bidirectional protocol is subscribed when its second command is answered; one of the unidirectional
// event stream when it is connected, with the subscriptions it asked for.
const (
	centrifugoSubscribed = `"subscribe":`
	centrifugoConnected  = `"connect":`
)

const centrifugoKey = "bench"

func startCentrifugoSockets(ctx context.Context, env Env) (Target, error) {
	return startCentrifugo(ctx, env, WebSocket, centrifugoSubscribed)
}

func startCentrifugoStreams(ctx context.Context, env Env) (Target, error) {
	return startCentrifugo(ctx, env, SSE, centrifugoConnected)
}

func startCentrifugo(ctx context.Context, env Env, kind Kind, ready string) (Target, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"http_server": map[string]any{"address": at.Addr().String(), "port": at.Port()},
		"client":      map[string]any{"insecure": true, "allowed_origins": []string{"*"}},
		"http_api":    map[string]any{"key": centrifugoKey},
		"prometheus":  map[string]any{"enabled": true},
		"uni_sse":     map[string]any{"enabled": true},
		"log":         map[string]any{"level": "error"},
	})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(env.Dir, "config.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return nil, err
	}
	p, err := run(ctx, env.Dir, "http://"+address+"/metrics", nil, env.Peer, "--config", path)
	if err != nil {
		return nil, err
	}
	s := newSubscribers(env, ready)
	s.ping = "{}" // and so is the answer
	return &centrifugo{p, s, kind, address}, nil
}

func (c *centrifugo) Metrics() string { return "http://" + c.address + "/metrics" }

func (c *centrifugo) Prepare(context.Context, []int) error { return nil }

func (c *centrifugo) Watch(ctx context.Context, clients []int) error {
	return each(ctx, clients, func(ctx context.Context, client int) error {
		if c.all[client].conn != nil {
			return nil // it watches for ever
		}
		if c.kind == SSE {
			connect := fmt.Sprintf(`{"subs":{"c%d":{}}}`, client)
			return c.stream(ctx, client, c.address, "/connection/uni_sse?cf_connect="+url.QueryEscape(connect), false)
		}
		ws, err := c.socket(ctx, client, c.address, "/connection/websocket")
		if err != nil {
			return err
		}
		if err := ws.Say(fmt.Sprintf(`{"id":1,"connect":{}}`+"\n"+`{"id":2,"subscribe":{"channel":"c%d"}}`, client)); err != nil {
			return err
		}
		return c.awaitReady(ctx, client)
	})
}

func (c *centrifugo) Publish(ctx context.Context, client int) error {
	body := fmt.Appendf(nil, `{"channel":"c%d","data":%s}`, client, payload(client))
	r, err := newJSON(ctx, "http://"+c.address+"/api/publish", body)
	if err != nil {
		return err
	}
	r.Header.Set("X-API-Key", centrifugoKey)
	return do(r)
}

func (c *centrifugo) Close() {
	c.subscribers.close()
	c.Daemon.Close()
}
