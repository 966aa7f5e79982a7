package target

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"verdict/bench/daemon"
)

// mercure is a hub that others wrote: https://mercure.rocks.
type mercure struct {
	*daemon.Daemon
	*subscribers
	address string
}

var mercurePeer = &Peer{
	"mercure", "github.com/dunglas/mercure", ".",
	"its hub on net/http, without history; its releases put it into Caddy",
}

const mercureKey = "a key of the bench that is long enough for HS256"

func startMercure(ctx context.Context, env Env) (Target, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := run(ctx, env.Dir, "http://"+address+"/metrics", nil, env.Peer, "--address", address, "--key", mercureKey)
	if err != nil {
		return nil, err
	}
	return &mercure{p, newSubscribers(env, ""), address}, nil
}

func (m *mercure) Metrics() string { return "http://" + m.address + "/metrics" }

func (m *mercure) Prepare(context.Context, []int) error { return nil }

// Watch subscribes. The hub says nothing before the first event but the head of its answer, which it sends when the
// client is subscribed.
func (m *mercure) Watch(ctx context.Context, clients []int) error {
	return each(ctx, clients, func(ctx context.Context, client int) error {
		if m.all[client].conn != nil {
			return nil // it watches for ever
		}
		return m.stream(ctx, client, m.address, "/.well-known/mercure?topic="+url.QueryEscape(mercureTopic(client)), false)
	})
}

func mercureTopic(client int) string { return fmt.Sprintf("https://bench.example/%d", client) }

func (m *mercure) Publish(ctx context.Context, client int) error {
	form := url.Values{"topic": {mercureTopic(client)}, "data": {string(payload(client))}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+m.address+"/.well-known/mercure", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+mercureToken())
	return do(r)
}

// mercureToken allows to publish on all topics.
func mercureToken() string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(`{"mercure":{"publish":["*"]}}`))
	mac := hmac.New(sha256.New, []byte(mercureKey))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

func (m *mercure) Close() {
	m.subscribers.close()
	m.Daemon.Close()
}
