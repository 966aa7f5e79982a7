package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A churn is a scene whose clients come and go: two instances on one database and one NATS server, and users of several
// tenants who each have some clients.
type churn struct {
	*scene
	book    *churnBook
	config  string // the instances' file
	nats    *server.Server
	address string // of the NATS server
	gates   []gate // of the instances, in turn
	users   []*user
	clients []*client
	alter   []string // what is altered in the instances

	calm    context.Context // when it ends, no client drops its connection any more
	becalm  context.CancelFunc
	present context.Context // ends with the clients
	dismiss context.CancelFunc
}

// A gate is how clients reach an instance: directly, and through a proxy that can be frozen.
type gate struct {
	*instance
	frost *frost
}

func newChurn(t *testing.T, clients int, alter ...string) *churn {
	c := &churn{scene: newScene(t), book: &churnBook{}, address: freeAddress(t), alter: alter}
	c.calm, c.becalm = context.WithCancel(c.ctx)
	c.present, c.dismiss = context.WithCancel(c.ctx)
	t.Cleanup(c.dismiss)
	for n := range (clients + clientsPerUser - 1) / clientsPerUser {
		c.users = append(c.users, newUser(t, n))
	}
	c.config = c.write()
	c.startStream()
	for _, name := range []string{"a", "b"} {
		g := gate{instance: c.newInstance(name)}
		g.frost = newFrost(t, g.address)
		c.gates = append(c.gates, g)
		c.start(g)
	}
	for n := range clients {
		c.clients = append(c.clients, newClient(c, n))
	}
	return c
}

// write writes the instances' configuration: the scene's, and who the users are. Their connections come from one address.
func (c *churn) write() string {
	text, err := os.ReadFile(c.scene.config())
	if err != nil {
		c.t.Fatal(err)
	}
	var lines strings.Builder
	lines.Write(text)
	fmt.Fprintf(&lines, `push: {per_address: 10000, spread: 2s}
auth:
  issuers:
    churn: {issuer: %q, audiences: [verdict], tenant_claim: org, secrets: [%q]}
  keys:
`, churnIssuer, churnSecret)
	for _, u := range c.users {
		lines.WriteString(u.config)
	}
	path := filepath.Join(c.dir, "churn.yaml")
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// start starts an instance: the binary or, if something is to be altered, the test binary, see alteration.
func (c *churn) start(g gate) {
	c.t.Helper()
	program, args := binary, []string{
		"--address", g.address, "--database", "sqlite:" + c.database(), "--stream-dir", "", "--stream-url", "nats://" + c.address,
		"--config", c.config,
	}
	if len(c.alter) > 0 {
		self, err := os.Executable()
		if err != nil {
			c.t.Fatal(err)
		}
		program = self
	} else {
		args = append([]string{"serve"}, args...)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), c.alter...)
	g.process = spawn(c.t, cmd, "msg=ready")
	g.process.await(c.t)
}

// restart ends an instance and starts it again. Meanwhile the other gets the partners' webhooks, as a load balancer would
// have it.
func (c *churn) restart(n int, end func(*process)) {
	c.t.Helper()
	c.webhooks.target.Store(c.gates[1-n].address)
	end(c.gates[n].process)
	c.start(c.gates[n])
}

// startStream starts the NATS server that the instances share. To them it is another process; in this one it needs no
// binary of its own.
func (c *churn) startStream() {
	c.t.Helper()
	at, err := net.ResolveTCPAddr("tcp", c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := server.NewServer(&server.Options{
		Host: at.IP.String(), Port: at.Port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: c.streamFolder(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	go s.Start()
	c.t.Cleanup(func() { stopStream(s) })
	if !s.ReadyForConnections(10 * time.Second) {
		c.t.Fatal("the NATS server isn't ready after 10 s")
	}
	c.nats = s
}

func stopStream(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func (c *churn) streamFolder() string { return filepath.Join(c.dir, "nats") }

// publishing is longer than what is published without a stream is tried for.
const publishing = 7 * time.Second

// loseStream deletes the folder of the stream while the server runs, and stops the server, whose memory goes with it. A
// server without all that takes its place after a while.
func (c *churn) loseStream(away time.Duration) {
	c.t.Helper()
	if err := os.RemoveAll(c.streamFolder()); err != nil {
		c.t.Logf("delete the stream's folder while it is written to: %v", err)
	}
	stopStream(c.nats)
	c.book.streamGone(time.Now())
	c.sleep(away)
	c.book.streamBack(time.Now())
	if err := os.RemoveAll(c.streamFolder()); err != nil {
		c.t.Fatal(err)
	}
	c.startStream()
}
