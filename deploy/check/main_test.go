package check

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// binary is the gateway, linked as the Dockerfile does, so that it runs in a root folder that holds nothing else.
var binary string

// shopKey is the API key of the app's backend.
var shopKey string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "verdict-deploy-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "verdict")
	tags, err := imageTags()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("go", "build", "-tags", tags,
		"-ldflags", `-linkmode external -extldflags "-static"`, "-o", binary, "./cmd/verdict")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	out, err := exec.Command(binary, "apikey", "shop", "--role", "service", "--tenant", "shop").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "verdict apikey:", err, stderr(err))
		return 1
	}
	shopKey = strings.TrimSpace(string(out))
	return m.Run()
}

// hash is what is configured of an API key.
func hash(key string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(key))) }

// need returns the path of a program. Without it the test is skipped, and says so; where everything must be there it fails.
func need(t *testing.T, program, pattern, install string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	if found, _ := filepath.Glob(pattern); len(found) > 0 {
		return found[len(found)-1]
	}
	if os.Getenv("VERDICT_TEST_REQUIRE") == "1" {
		t.Fatalf("%s is missing: %s", program, install)
	}
	t.Skipf("NOT TESTED: %s is missing: %s", program, install)
	return ""
}

// settings are what `verdict config` makes of a file and an environment.
type settings struct {
	Address string
	Admin   struct{ Address, Probes string }
	Stream  struct{ URL string }
	Push    struct {
		Connections int
		Spread      string
	}
	Proxies   []string
	Providers map[string]struct {
		SubmitTimeout string `yaml:"submit_timeout"`
	}
}

// config has the gateway read its settings, which it refuses if one of them isn't there or can't be used.
func config(t *testing.T, file string, environ []string) settings {
	t.Helper()
	out, err := configCommand(file, environ).Output()
	if err != nil {
		t.Fatalf("verdict config --config %s: %v%s", file, err, stderr(err))
	}
	var s settings
	if err := yaml.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func configCommand(file string, environ []string) *exec.Cmd {
	c := exec.Command(binary, "config", "--config", file)
	c.Env = environ
	return c
}

// commandsReach sees to it that operators' commands, run beside a gateway as they are, ask its operators' listener.
func commandsReach(t *testing.T, operators string) {
	t.Helper()
	help, err := exec.Command(binary, "tx", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	needs(t, string(help), `"http://`+operators+`"`)
}

func stderr(err error) string {
	if failed, ok := err.(*exec.ExitError); ok {
		return "\n" + string(failed.Stderr)
	}
	return ""
}

// port is that of an address of ours.
func port(t *testing.T, address string) string {
	t.Helper()
	_, number, ok := strings.Cut(address, ":")
	if !ok {
		t.Fatalf("%q has no port", address)
	}
	return number
}

// answers reports whether a URL is answered 200.
func answers(url string) bool {
	client := &http.Client{Timeout: 3 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// fetch returns what a URL is answered.
func fetch(t *testing.T, url string) []byte {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, answer.Status, err, text)
	}
	return text
}
