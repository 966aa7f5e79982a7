package check

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// A stage is the cluster of compose.cluster.yaml as processes: with its commands, environments, files and ports, and with a
// loopback address in place of each service's name.
type stage struct {
	t       *testing.T
	dir     string
	network string // of the addresses, such as 127.81.3.
	project *types.Project
	hosts   map[string]string
	running map[string]*process
}

const partnerHost, partnerPort = "250", "5010"

func newStage(t *testing.T) *stage {
	dir, err := os.MkdirTemp("", "verdict-stage-") // t.TempDir's is closed to the other users who work in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, dir: dir, hosts: map[string]string{}, running: map[string]*process{}}
	s.network = fmt.Sprintf("127.%d.%d.", 1+rand.IntN(250), rand.IntN(256))
	filled := secrets()
	filled["PUBLIC_URL"] = "https://" + s.network + "1:8443"
	filled["DJAMO_URL"] = "http://" + s.network + partnerHost + ":" + partnerPort
	s.project = cluster(t, filled)
	for i, name := range s.project.ServiceNames() {
		s.hosts[name] = s.network + strconv.Itoa(i+10)
	}
	s.hosts["loadbalancer"] = s.network + "1"
	return s
}

// resolve puts addresses in place of names, where a port follows.
func (s *stage) resolve(text string) string {
	for name, host := range s.hosts {
		text = regexp.MustCompile(`\b`+name+`:(\d)`).ReplaceAllString(text, host+":$1")
	}
	return text
}

// file writes a file of deploy/, its names resolved and other parts replaced, each of which must be there.
func (s *stage) file(name string, replace ...string) string {
	s.t.Helper()
	text := s.resolve(read(s.t, "../"+name))
	for i := 0; i < len(replace); i += 2 {
		needs(s.t, text, replace[i])
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	at := filepath.Join(s.dir, strings.ReplaceAll(replace[1], "/", "-")+name)
	s.write(at, text)
	return at
}

func (s *stage) write(file, text string) {
	s.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) folder(name string) string {
	s.t.Helper()
	at := filepath.Join(s.dir, name)
	if err := os.MkdirAll(at, 0o755); err != nil {
		s.t.Fatal(err)
	}
	return at
}

// environ is a service's, its names resolved.
func (s *stage) environ(service string) (list []string) {
	for _, v := range environ(s.project.Services[service]) {
		list = append(list, s.resolve(v))
	}
	return list
}

// A process is a service that runs. It ends with the test, however that ends.
type process struct {
	*exec.Cmd
	done chan struct{} // closed when it has ended
}

func (s *stage) start(name string, c *exec.Cmd) *process {
	s.t.Helper()
	log, err := os.OpenFile(s.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	end := syscall.SIGKILL
	if name == "postgres" {
		end = syscall.SIGQUIT // at once as well, and with its children
	}
	c.SysProcAttr.Pdeathsig = end
	if err := c.Start(); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	p := &process{c, make(chan struct{})}
	go func() {
		_ = c.Wait() // told by c.ProcessState
		close(p.done)
	}()
	s.running[name] = p
	s.t.Cleanup(func() {
		_ = c.Process.Signal(end)
		<-p.done
	})
	return p
}

func (s *stage) log(name string) string { return filepath.Join(s.dir, name+".log") }

// signal sends a signal to a service and waits for its end, which it returns with the time that took.
func (s *stage) signal(name string, by syscall.Signal) (*os.ProcessState, time.Duration) {
	s.t.Helper()
	p, began := s.running[name], time.Now()
	if err := p.Process.Signal(by); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	<-p.done
	return p.ProcessState, time.Since(began)
}

// until waits for a condition.
func (s *stage) until(what string, within time.Duration, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %s; the logs end with\n%s", what, within, s.logs())
		}
	}
}

func (s *stage) logs() string {
	var all strings.Builder
	for name := range s.running {
		text, _ := os.ReadFile(s.log(name))
		fmt.Fprintf(&all, "%s: %s\n", name, text[max(0, len(text)-1000):])
	}
	return all.String()
}

// as has a command run as another user, where root runs the test.
func as(c *exec.Cmd, uid, gid uint32) *exec.Cmd {
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return c
}

// ids are those of a user.
func (s *stage) ids(name string) (uid, gid uint32) {
	s.t.Helper()
	who, err := user.Lookup(name)
	if err != nil {
		s.t.Fatal(err)
	}
	u, _ := strconv.ParseUint(who.Uid, 10, 32)
	g, _ := strconv.ParseUint(who.Gid, 10, 32)
	return uint32(u), uint32(g)
}
