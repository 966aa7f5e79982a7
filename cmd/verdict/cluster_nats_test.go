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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsServer builds the server of the module that the product embeds, once, beside the binary under test.
var natsServer = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(filepath.Dir(binary), "nats-server")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build nats-server: %w: %s", err, out)
	}
	return path, nil
})

// A natsNode is one server of a cluster, a process that may die and be started again.
type natsNode struct {
	t                       *testing.T
	name                    string
	dir                     string // its store and its configuration
	client, route, monitors string // where it listens
	process                 *process
}

// newNATS starts a cluster of three, and returns when it has a leader.
func newNATS(t *testing.T) []*natsNode {
	t.Helper()
	var nodes []*natsNode
	var routes []string
	for _, name := range []string{"n1", "n2", "n3"} {
		n := &natsNode{t: t, name: name, dir: t.TempDir(), client: freeAddress(t), route: freeAddress(t), monitors: freeAddress(t)}
		nodes, routes = append(nodes, n), append(routes, `"nats://`+n.route+`"`)
	}
	for _, n := range nodes {
		// no_advertise: instances know only the addresses that they were given, which are those of proxies.
		text := fmt.Sprintf("server_name: %s\nlisten: %q\nhttp: %q\njetstream {store_dir: %q, max_mem: 256MB, max_file: 1GB}\n"+
			"cluster {name: verdict, listen: %q, no_advertise: true, routes: [%s]}\n",
			n.name, n.client, n.monitors, n.store(), n.route, strings.Join(routes, ", "))
		if err := os.WriteFile(n.config(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	startAll(nodes)
	return nodes
}

func (n *natsNode) store() string  { return filepath.Join(n.dir, "store") }
func (n *natsNode) config() string { return filepath.Join(n.dir, "nats.conf") }

func (n *natsNode) start() {
	n.t.Helper()
	program, err := natsServer()
	if err != nil {
		n.t.Fatal(err)
	}
	n.process = spawn(n.t, exec.Command(program, "-c", n.config()), "Server is ready")
	n.process.await(n.t)
}

// startAll starts the nodes that were made or killed, and waits until they can keep streams.
func startAll(nodes []*natsNode) {
	for _, n := range nodes {
		n.t.Helper()
		n.start()
	}
	awaitTrue(nodes[0].t, "JetStream has a leader", func() error {
		return nodes[0].ask(func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.AccountInfo(ctx)
			return err
		})
	})
}

// ask has do speak with JetStream by a node.
func (n *natsNode) ask(do func(context.Context, jetstream.JetStream) error) error {
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Second)
	defer cancel()
	conn, err := nats.Connect("nats://" + n.client)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	return do(ctx, js)
}

// holds returns an error unless there are streams, and all of them were made after a time.
func (n *natsNode) holds(after time.Time) error {
	return n.ask(func(ctx context.Context, js jetstream.JetStream) error {
		streams, found := js.ListStreams(ctx), 0
		for s := range streams.Info() {
			found++
			if s.Created.Before(after) {
				return fmt.Errorf("%s was made at %s", s.Config.Name, s.Created)
			}
		}
		if found < 2 {
			return errors.Join(fmt.Errorf("there are %d streams", found), streams.Err())
		}
		return nil
	})
}

// connections counts the clients of a node, 0 if it isn't there.
func (n *natsNode) connections() int {
	answer, err := http.Get("http://" + n.monitors + "/connz")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	var page struct {
		Count int `json:"num_connections"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
		n.t.Fatal(err)
	}
	return page.Count
}

// connected counts the clients of all nodes: instances have one connection each.
func connected(nodes []*natsNode) (sum int) {
	for _, n := range nodes {
		sum += n.connections()
	}
	return sum
}

// awaitTrue waits until something is so, half a minute at the most. It is asked again as long as it returns an error.
func awaitTrue(t *testing.T, what string, is func() error) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := is()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after half a minute: %v", what, err)
		}
	}
}

// leads counts the streams that a node leads. It waits until each has a leader.
func (n *natsNode) leads() (led int) {
	n.t.Helper()
	awaitTrue(n.t, "the streams have leaders", func() error {
		return n.ask(func(ctx context.Context, js jetstream.JetStream) error {
			led = 0
			streams := js.ListStreams(ctx)
			for s := range streams.Info() {
				switch {
				case s.Cluster == nil || s.Cluster.Leader == "":
					return fmt.Errorf("%s has none", s.Config.Name)
				case s.Cluster.Leader == n.name:
					led++
				}
			}
			return streams.Err()
		})
	})
	return led
}

// wantCount is for awaitTrue.
func wantCount(got, want int) error {
	if got != want {
		return fmt.Errorf("%d, want %d", got, want)
	}
	return nil
}
