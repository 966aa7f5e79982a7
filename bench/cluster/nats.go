package cluster

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

	"verdict/bench/daemon"
)

// NATS is a cluster of NATS servers with JetStream, with their defaults. They don't sync each message: Verdict's streams owe
// nobody anything.
type NATS struct {
	Servers []*daemon.Daemon
	URLs    []string // of clients
	monitor []string
}

// natsServers is how many there are: the least that can lose one.
const natsServers = 3

// StartNATS starts a cluster, whose folders are in dir, which must not exist. hosts are the servers' own.
func StartNATS(ctx context.Context, binary, dir string, host func(server int) string) (*NATS, error) {
	n := &NATS{Servers: make([]*daemon.Daemon, natsServers)}
	commands, err := n.plan(binary, dir, host)
	if err != nil {
		return nil, err
	}
	var starting sync.WaitGroup // at once: alone none is ready
	errs := make([]error, natsServers)
	for i, c := range commands {
		starting.Go(func() { n.Servers[i], errs[i] = daemon.Start(ctx, c) })
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// plan finds addresses and says how the servers are started.
func (n *NATS) plan(binary, dir string, host func(int) string) (commands []daemon.Command, err error) {
	var routes []string
	for i := range natsServers {
		var free [3]string
		for j := range free {
			if free[j], err = daemon.FreeAddress(host(i)); err != nil {
				return nil, err
			}
		}
		client, monitor, route := free[0], free[1], "nats://"+free[2]
		own := filepath.Join(dir, fmt.Sprint("nats-", i+1))
		if err := os.MkdirAll(own, 0o700); err != nil {
			return nil, err
		}
		n.URLs, n.monitor, routes = append(n.URLs, "nats://"+client), append(n.monitor, "http://"+monitor), append(routes, route)
		_, clientPort, _ := strings.Cut(client, ":")
		_, monitorPort, _ := strings.Cut(monitor, ":")
		commands = append(commands, daemon.Command{
			Program: binary, Dir: own, Ready: daemon.Answers("http://" + monitor + "/healthz"),
			Args: []string{
				"--name", fmt.Sprint("n", i+1), "--addr", host(i), "--port", clientPort, "--http_port", monitorPort,
				"--jetstream", "--store_dir", own, "--cluster_name", "bench", "--cluster", route,
			},
		})
	}
	for i := range commands {
		commands[i].Args = append(commands[i].Args, "--routes", strings.Join(routes, ","))
	}
	return commands, nil
}

// InstallNATS builds the NATS server in a folder, of the version that a module requires, and returns its path.
func InstallNATS(ctx context.Context, root, dir string) (string, error) {
	const module = "github.com/nats-io/nats-server/v2"
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", module)
	list.Dir = root
	version, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("find the version of the NATS server: %w", err)
	}
	install := exec.CommandContext(ctx, "go", "install", module+"@"+strings.TrimSpace(string(version)))
	install.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the NATS server: %w\n%s", err, out)
	}
	return filepath.Join(dir, "nats-server"), nil
}

// Traffic is what the servers have received and sent since they started. Theirs among themselves is counted at its receiver.
type Traffic struct {
	FromClients, ToClients, BetweenServers int64 // messages
	Bytes                                  int64 // received by servers or clients
}

// Traffic reads the servers' counters.
func (n *NATS) Traffic(ctx context.Context) (t Traffic, err error) {
	for _, monitor := range n.monitor {
		var v struct {
			InMsgs         int64 `json:"in_msgs"`
			InBytes        int64 `json:"in_bytes"`
			InClientMsgs   int64 `json:"in_client_msgs"`
			OutClientMsgs  int64 `json:"out_client_msgs"`
			OutClientBytes int64 `json:"out_client_bytes"`
		}
		if err := getJSON(ctx, monitor+"/varz", &v); err != nil {
			return t, err
		}
		t.FromClients += v.InClientMsgs
		t.ToClients += v.OutClientMsgs
		t.BetweenServers += v.InMsgs - v.InClientMsgs
		t.Bytes += v.InBytes + v.OutClientBytes
	}
	return t, nil
}

// Replicas returns how many copies each stream has, by its name.
func (n *NATS) Replicas(ctx context.Context) (map[string]int, error) {
	var v struct {
		Accounts []struct {
			Streams []struct {
				Name   string
				Config struct {
					Replicas int `json:"num_replicas"`
				}
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	replicas := map[string]int{}
	for _, monitor := range n.monitor {
		if err := getJSON(ctx, monitor+"/jsz?streams=true&config=true", &v); err != nil {
			return nil, err
		}
		for _, account := range v.Accounts {
			for _, stream := range account.Streams {
				replicas[stream.Name] = stream.Config.Replicas
			}
		}
	}
	return replicas, nil
}

func getJSON(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// Close ends the servers.
func (n *NATS) Close() {
	for _, s := range n.Servers {
		if s != nil {
			s.Close()
		}
	}
}
