//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A station is a world whose gateway keeps its data on a disk of choice. Its third party has no part in that disk.
type station struct {
	*world
	data    string   // the gateway's folder
	environ []string // of the gateway, besides the test's own
	client  *http.Client
}

// newStation starts the third party. The gateway waits for start.
func newStation(t *testing.T, data string) *station {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	launch(t, "third party ready", "thirdparty", "--address", w.partner, "--speed", worldSpeed, "--ban-after", "-1", "--seed", "42")
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	t.Cleanup(transport.CloseIdleConnections)
	return &station{world: w, data: data, client: &http.Client{Transport: transport, Timeout: 5 * time.Second}}
}

func (s *station) database() string { return filepath.Join(s.data, "verdict.db") }

// start starts the gateway.
func (s *station) start() {
	s.t.Helper()
	cmd := exec.Command(binary, "serve", "--address", s.address, "--database", "sqlite:"+s.database(),
		"--stream-dir", filepath.Join(s.data, "jetstream"), "--config", s.config())
	cmd.Env = append(os.Environ(), s.environ...)
	g := spawn(s.t, cmd, "msg=ready")
	g.await(s.t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway = g
}

// connections is how many apps post at once.
const connections = 32

// An ack is a 2xx answer to a submit.
type ack struct{ key, id, status string }

// accounts are what the apps were told.
type accounts struct {
	mu      sync.Mutex
	acks    []ack
	refused int
	broken  int // connections, and answers that never came
}

// submitWhile has the apps submit until f returns, each with a short pause after every answer. Every fourth time an app
// repeats an earlier request, and so learns its verdict if there is one. The keys begin with prefix.
func (s *station) submitWhile(prefix string, f func()) *accounts {
	ctx, stop := context.WithCancel(s.t.Context())
	all := &accounts{}
	var apps sync.WaitGroup
	for i := range connections {
		apps.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				number := n
				if n%4 == 3 {
					number = max(0, n-15)
				}
				key := fmt.Sprintf("%s, app %d, %d", prefix, i, number)
				v, err := s.post(key, `{"amount":"2500"}`)
				all.note(key, v, err)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	defer apps.Wait()
	defer stop()
	f()
	return all
}

func (a *accounts) note(key string, v view, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var refused *problemError
	switch {
	case err == nil:
		a.acks = append(a.acks, ack{key, v.ID, v.Status})
	case errors.As(err, &refused):
		a.refused++
	default:
		a.broken++
	}
}

func (s *station) post(key, payload string) (view, error) {
	a := &app{server: "http://" + s.address, key: key, http: s.client}
	return a.post(payload)
}

// get reads one JSON document of the gateway.
func (s *station) get(path string, into any) error {
	answer, err := s.client.Get("http://" + s.address + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return readProblem(answer)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// A sending is a line of the third party's ledger with the webhooks that told of it, each with the answer it got.
type sending struct {
	effect
	Webhooks []struct{ Status, Outcome string }
}

func (s *station) sendings() []sending {
	s.t.Helper()
	answer, err := s.client.Get("http://" + s.partner + "/ledger")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var all []sending
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		s.t.Fatal(err)
	}
	return all
}
