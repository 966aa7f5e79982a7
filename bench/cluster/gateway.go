package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"verdict/bench/daemon"
)

// imageTags finds the build tags in the Dockerfile.
var imageTags = regexp.MustCompile(`go build .*-tags (\S+)`)

// Build builds Verdict from its repository to a path, with the image's tags and more flags of go build.
func Build(ctx context.Context, root, path string, flags ...string) error {
	image, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return fmt.Errorf("build Verdict: %w", err)
	}
	tags := imageTags.FindSubmatch(image)
	if tags == nil {
		return errors.New("build Verdict: the Dockerfile builds without tags")
	}
	build := exec.CommandContext(ctx, "go", append(append([]string{"build", "-tags", string(tags[1])}, flags...), "-o", path, "./cmd/verdict")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build Verdict: %w\n%s", err, out)
	}
	return nil
}

// Metrics is the URL at which the Go runtime of an instance tells of itself.
func (g *Gateway) Metrics() string { return "http://" + g.Admin + "/metrics" }

// Gateway is an instance of Verdict.
type Gateway struct {
	*daemon.Daemon
	Address string
	Admin   string // where it tells of itself: host and port
}

// GatewayConfig says where an instance finds things.
type GatewayConfig struct {
	Binary   string
	Host     string
	Partner  string // its URL
	Database string
	Stream   string // its settings, as YAML: {dir: jetstream}
	KeyHash  string // the digest of an API key that acts for any user, as Verdict's configuration has it
	Calls    int    // submits in flight with the partner at the most; 0 for Verdict's default
	Env      []string
	Alone    bool // see daemon.Command
}

// gatewayConfig leaves all else at its default.
const gatewayConfig = `address: %s
admin: {address: "%s"}
database: "%s"
stream: %s
providers: {djamo: {url: "%s"%s}}
auth: {keys: {bench: {hash: "%s", role: service, tenant: bench}}}
`

// StartGateway starts an instance, whose folder is dir, which must not exist.
func StartGateway(ctx context.Context, dir string, c GatewayConfig) (*Gateway, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	address, err := daemon.FreeAddress(c.Host)
	if err != nil {
		return nil, err
	}
	admin, err := daemon.FreeAddress(c.Host)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "verdict.yaml")
	calls := ""
	if c.Calls > 0 {
		calls = fmt.Sprint(", submits: ", c.Calls)
	}
	text := fmt.Appendf(nil, gatewayConfig, address, admin, c.Database, c.Stream, c.Partner, calls, c.KeyHash)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	d, err := daemon.Start(ctx, daemon.Command{
		Program: c.Binary, Args: []string{"serve", "--config", config}, Env: c.Env, Dir: dir, Alone: c.Alone, Ready: daemon.Answers("http://" + admin + "/readyz"),
	})
	if err != nil {
		return nil, err
	}
	return &Gateway{d, address, admin}, nil
}
