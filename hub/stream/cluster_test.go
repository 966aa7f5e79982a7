package stream

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// serveVariable names the configuration file that makes a process of this test a NATS server. A server that shares the
// test's process can't be killed: its Shutdown hands its leaderships over first.
const serveVariable = "VERDICT_TEST_NATS"

// serveNATS is the whole of such a process. It ends with the test's, whose end closes stdin.
func serveNATS(file string) error {
	options, err := server.ProcessConfigFile(file)
	if err != nil {
		return err
	}
	options.LameDuckGracePeriod, options.LameDuckDuration = 100*time.Millisecond, time.Second // a file allows 30 s at least
	s, err := server.NewServer(options)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	s.Start()
	s.WaitForShutdown()
	return nil
}

// cluster is three NATS servers, each a process with a store of its own.
type cluster struct {
	nodes [3]*node
	more  string // of the configuration file, for all
}

type node struct {
	name, dir     string
	port, between int // for clients, and for the other servers
	process       *exec.Cmd
	stdin         io.Closer
	ended         chan struct{}
}

// newCluster starts a cluster, waits until its servers keep streams together, and stops it when the test ends.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := prepare(t, "")
	for _, n := range c.nodes {
		c.start(t, n)
	}
	c.ready(t, len(c.nodes))
	return c
}

// prepare chooses the ports and folders of a cluster.
func prepare(t testing.TB, more string) *cluster {
	t.Helper()
	c := &cluster{more: more}
	ports := freePorts(t, 6)
	for i := range c.nodes {
		c.nodes[i] = &node{name: fmt.Sprintf("n%d", i), dir: t.TempDir(), port: ports[i], between: ports[3+i]}
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			if n.process == nil {
				continue
			}
			n.kill()
			if t.Failed() {
				log, _ := os.ReadFile(filepath.Join(n.dir, "log"))
				t.Logf("log of %s:\n%s", n.name, log[max(0, len(log)-4000):])
			}
		}
	})
	return c
}

// nextPort is where freePorts goes on to look: below the ports that systems give to connections, and somewhere else in each
// process, for tests that run at the same time.
var nextPort = func() *atomic.Int32 {
	next := &atomic.Int32{}
	next.Store(10_000 + rand.Int32N(10_000))
	return next
}()

// freePorts finds ports that nobody listens at, and gives none twice. Servers of a cluster know each other's before they
// start, and keep theirs when they come back.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for len(ports) < n {
		port := int(nextPort.Add(1))
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	return ports
}

func (c *cluster) start(t testing.TB, n *node) {
	t.Helper()
	var routes []string
	for _, other := range c.nodes {
		if other == n {
			continue // it would count as one more, and as missing
		}
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", other.between))
	}
	text := fmt.Sprintf("server_name: %s\nlisten: 127.0.0.1:%d\nlog_file: %q\njetstream {store_dir: %q}\n"+
		"cluster {name: test, listen: 127.0.0.1:%d, routes: [%s]}\n%s\n",
		n.name, n.port, filepath.Join(n.dir, "log"), n.dir, n.between, strings.Join(routes, ", "), c.more)
	file := filepath.Join(n.dir, "conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n.process = exec.Command(os.Args[0])
	n.process.Env = append(os.Environ(), serveVariable+"="+file)
	n.process.Stderr = os.Stderr
	stdin, err := n.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.stdin = stdin
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
	n.ended = make(chan struct{})
	go func() {
		_ = n.process.Wait()
		close(n.ended)
	}()
}

// kill ends a server as a power cut would.
func (n *node) kill() {
	_ = n.process.Process.Kill() // it may have ended already
	<-n.ended
}

// lameDuck has a server send its clients away, hand its leaderships over, and end.
func (n *node) lameDuck(t testing.TB) {
	t.Helper()
	if err := n.process.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.ended:
	case <-time.After(healing):
		_ = n.process.Process.Signal(syscall.SIGQUIT) // it says on stderr what it waits for
		select {
		case <-n.ended:
		case <-time.After(10 * time.Second):
		}
		t.Fatalf("%s didn't end in lame duck mode", n.name)
	}
}

// empty deletes a server's store, also while it is written to.
func (n *node) empty(t testing.TB) {
	t.Helper()
	until(t, "the store is deleted", healing, func() bool {
		return os.RemoveAll(filepath.Join(n.dir, server.JetStreamStoreDir)) == nil
	})
}

func (c *cluster) url() string {
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, n.url())
	}
	return strings.Join(urls, ",")
}

func (n *node) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.port) }

// ready waits until a stream can be kept by so many servers.
func (c *cluster) ready(t testing.TB, servers int, options ...nats.Option) {
	t.Helper()
	conn, err := nats.Connect(c.url(), append(options,
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the cluster is ready", healing, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "TRIAL", Replicas: servers})
		return err == nil && js.DeleteStream(ctx, "TRIAL") == nil
	})
}

// leader returns the server that leads a stream, once one does.
func (c *cluster) leader(t testing.TB, s *Stream, stream string) (leads *node) {
	t.Helper()
	until(t, stream+" has a leader", healing, func() bool {
		info, err := s.link.Load().js.Stream(t.Context(), stream)
		if err != nil {
			return false
		}
		for _, n := range c.nodes {
			if n.name == info.CachedInfo().Cluster.Leader {
				leads = n
			}
		}
		return leads != nil
	})
	return leads
}

// lead has a server lead the commands and the consumer of those that work asks for.
func (c *cluster) lead(t testing.TB, s *Stream, n *node) {
	t.Helper()
	l := s.link.Load()
	until(t, n.name+" leads", healing, func() bool {
		stream, err := l.js.Stream(t.Context(), commandStream)
		if err != nil {
			return false
		}
		consumer, err := stream.Consumer(t.Context(), "submit-djamo")
		if err != nil {
			return false
		}
		all := true
		for what, leader := range map[string]string{
			"STREAM.LEADER.STEPDOWN." + commandStream:                     stream.CachedInfo().Cluster.Leader,
			"CONSUMER.LEADER.STEPDOWN." + commandStream + ".submit-djamo": consumer.CachedInfo().Cluster.Leader,
		} {
			if leader != n.name {
				all = false
				_, _ = l.conn.Request("$JS.API."+what, []byte(`{"placement": {"preferred": "`+n.name+`"}}`), time.Second) // or again
			}
		}
		return all
	})
}

// connected returns the server that a stream's connection is to.
func (c *cluster) connected(t testing.TB, s *Stream) *node {
	t.Helper()
	name := s.link.Load().conn.ConnectedServerName()
	for _, n := range c.nodes {
		if n.name == name {
			return n
		}
	}
	t.Fatalf("connected to %q", name)
	return nil
}

// restart kills servers at once and starts them again.
func (c *cluster) restart(t testing.TB, nodes []*node, empty bool) {
	t.Helper()
	for _, n := range nodes {
		n.kill()
		if empty {
			n.empty(t)
		}
	}
	for _, n := range nodes {
		c.start(t, n)
	}
}

// complete reports whether all servers have all that is in the streams.
func (c *cluster) complete(s *Stream) bool {
	for _, cfg := range streams {
		stream, err := s.link.Load().js.Stream(context.Background(), cfg.Name)
		if err != nil {
			return false
		}
		cluster := stream.CachedInfo().Cluster
		if cluster.Leader == "" || len(cluster.Replicas) != len(c.nodes)-1 {
			return false
		}
		for _, r := range cluster.Replicas {
			if r.Offline || !r.Current {
				return false
			}
		}
	}
	return true
}
