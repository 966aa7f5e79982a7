package check

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

const composeFile = "../compose.cluster.yaml"

// secrets are what somebody fills in.
func secrets() map[string]string {
	return map[string]string{
		"POSTGRES_PASSWORD": "record1", "NATS_PASSWORD": "12k", // which NATS reads as 12,000 unless it is quoted
		"PUBLIC_URL": "https://pay.example", "CERTIFICATE_FILE": "verdict.pem", "DJAMO_URL": "https://partner.example",
		"SHOP_KEY_HASH": hash(shopKey),
	}
}

// compose reads a compose file by the specification's own library, with an environment.
func compose(t *testing.T, file string, environ map[string]string) (*types.Project, error) {
	t.Helper()
	var list []string
	for name, value := range environ {
		list = append(list, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(list))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(t.Context())
}

func cluster(t *testing.T, environ map[string]string) *types.Project {
	t.Helper()
	p, err := compose(t, composeFile, environ)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func environ(s types.ServiceConfig) []string {
	var list []string
	for name, value := range s.Environment {
		list = append(list, name+"="+*value)
	}
	return list
}

func TestNothingThatIsSecretHasADefault(t *testing.T) {
	example, err := os.ReadFile("../cluster.env.example")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, line := range regexp.MustCompile(`(?m)^([A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(example), -1) {
		if named = append(named, line[1]); line[2] != "" {
			t.Errorf("cluster.env.example gives %s a value", line[1])
		}
	}
	for name := range secrets() {
		if !slices.Contains(named, name) {
			t.Errorf("cluster.env.example doesn't name %s", name)
		}
		without := secrets()
		without[name] = ""
		if _, err := compose(t, composeFile, without); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if len(named) != len(secrets()) {
		t.Errorf("cluster.env.example names %v", named)
	}
	cluster(t, secrets())
}

func TestTheComposedGatewaysHaveSettingsThatThereAre(t *testing.T) {
	p := cluster(t, secrets())
	for _, name := range []string{"gateway-1", "gateway-2", "gateway-3"} {
		gateway := p.Services[name]
		if want := []string{"serve", "--config", gateway.Volumes[0].Target}; !slices.Equal(gateway.Command, want) {
			t.Errorf("%s is told %v, want %v", name, gateway.Command, want)
		}
		s := config(t, gateway.Volumes[0].Source, environ(gateway))
		if s.Stream.URL == "" {
			t.Errorf("%s keeps its stream itself", name)
		}
		commandsReach(t, s.Admin.Address)
		if balancer := p.Services["loadbalancer"].Networks["apps"].Ipv4Address; !slices.Equal(s.Proxies, []string{balancer}) {
			t.Errorf("%s believes %v, and the load balancer is %s", name, s.Proxies, balancer)
		}
		if streams := s.Push.Connections; gateway.Ulimits["nofile"].Single < 2*streams {
			t.Errorf("%s may open %d files, for %d streams", name, gateway.Ulimits["nofile"].Single, streams)
		}
	}
}

// TestTheImagesHealthCheckIsAGateways: where the image runs something else it is off, and where it is on it asks the right listener.
func TestTheImagesHealthCheckIsAGateways(t *testing.T) {
	single, err := compose(t, "../../compose.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*types.Project{single, cluster(t, secrets())} {
		for name, service := range p.Services {
			serves := len(service.Command) == 0 || service.Command[0] == "serve"
			off := service.HealthCheck != nil && service.HealthCheck.Disable
			switch {
			case service.Image != "verdict":
			case serves == off:
				t.Errorf("%s serves: %t, and its health check is off: %t", name, serves, off)
			case serves && slices.ContainsFunc(environ(service), func(s string) bool { return strings.HasPrefix(s, "VERDICT_ADMIN_ADDRESS=") }):
				t.Errorf("%s has its operators' listener elsewhere than its health check asks", name)
			}
		}
	}
}

func TestNATSHasTheVersionThatTheGatewayEmbeds(t *testing.T) {
	embedded := regexp.MustCompile(`nats-server/v2 v(\d+\.\d+)\.`).FindStringSubmatch(read(t, "../../go.mod"))
	if image := cluster(t, secrets()).Services["nats-1"].Image; image != "nats:"+embedded[1]+"-alpine" {
		t.Errorf("%s runs, and the gateway embeds %s", image, embedded[1])
	}
}

func TestTheLoadBalancerKnowsTheGateways(t *testing.T) {
	p := cluster(t, secrets())
	s := config(t, "../verdict.yaml", environ(p.Services["gateway-1"]))
	balancer := read(t, "../haproxy.cfg")
	for name, service := range p.Services {
		if service.Image == "verdict" {
			needs(t, balancer, "\n    server "+name+" "+name+":"+port(t, s.Address)+"\n")
		}
	}
	needs(t, balancer, "check port "+port(t, s.Admin.Probes)+" ")
	service := p.Services["loadbalancer"]
	needs(t, balancer, "bind :"+itoa(service.Ports[0].Target)+" ssl crt /run/secrets/"+service.Secrets[0].Target+" ")
}

func TestTheLoadBalancerMayOpenItsConnections(t *testing.T) {
	given := cluster(t, secrets()).Services["loadbalancer"].Ulimits["nofile"].Single
	told := regexp.MustCompile(`(?m)^    maxconn (\d+)`).FindStringSubmatch(read(t, "../haproxy.cfg"))
	if connections, err := strconv.Atoi(told[1]); err != nil || given < 2*connections+1000 {
		t.Errorf("%d files for %s connections", given, told[1])
	}
}

func TestAllIsGivenTheTimeItTakesToStop(t *testing.T) {
	p := cluster(t, secrets())
	gateway := p.Services["gateway-1"]
	enough(t, "a composed gateway", time.Duration(*gateway.StopGracePeriod), drain(t, config(t, "../verdict.yaml", environ(gateway))))
	lameDuck := regexp.MustCompile(`lame_duck_duration: (\S+)`).FindStringSubmatch(read(t, "../nats.conf"))
	enough(t, "NATS", time.Duration(*p.Services["nats-1"].StopGracePeriod), duration(t, lameDuck[1]))
	hardStop := regexp.MustCompile(`hard-stop-after (\S+)`).FindStringSubmatch(read(t, "../haproxy.cfg"))
	enough(t, "the load balancer", time.Duration(*p.Services["loadbalancer"].StopGracePeriod), duration(t, hardStop[1]))

	single, err := compose(t, "../../compose.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	none := t.TempDir() + "/none.yaml"
	if err := os.WriteFile(none, []byte("providers: {djamo: {submit_timeout: 35s}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway = single.Services["gateway"]
	enough(t, "the gateway of compose.yaml", time.Duration(*gateway.StopGracePeriod), drain(t, config(t, none, environ(gateway))))
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(text, []byte("\r"), nil))
}

func needs(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("nowhere stands %q", part)
	}
}
