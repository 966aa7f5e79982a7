package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A scene is the partners, instances of the gateway that share a database, and their apps. All that passes is noted.
type scene struct {
	t        *testing.T
	ctx      context.Context
	dir      string
	partners []*partner
	orders   []order // that the apps of its load place, in turn
	webhooks *witness
	log      *logbook
	http     *http.Client                          // of apps that submit
	record   func(context.Context) (onDisk, error) // reads the database as any other program would
	limits   limits
	patience time.Duration // from the last fault until everything must have its verdict

	apps      sync.WaitGroup
	appsCtx   context.Context // ends the apps that wait in vain
	giveUp    context.CancelFunc
	instances []*instance
}

// healed is how long after the last fault everything must have its verdict: a command of a dead instance waits for a
// lease (15 s), and then the schedule below takes its time (11 s). The rest is for a busy machine.
const healed = 45 * time.Second

func newScene(t *testing.T) *scene {
	s := &scene{
		t: t, ctx: t.Context(), dir: t.TempDir(), orders: orders(), log: &logbook{},
		limits: limits{schedule: campaignSchedule(), manners: map[string]manner{}}, patience: healed,
	}
	s.record = func(ctx context.Context) (onDisk, error) { return readDisk(ctx, s.database()) }
	s.appsCtx, s.giveUp = context.WithCancel(s.ctx)
	t.Cleanup(func() {
		s.giveUp()
		s.apps.Wait()
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Timeout: 5 * time.Second, Transport: noting{transport, s.log}}
	for _, k := range kinds() {
		s.partners = append(s.partners, newPartner(t, k, s.log))
		s.limits.manners[k.name] = k.manner
	}
	s.webhooks = newWitness(t, "", &http.Transport{DisableKeepAlives: true}, s.log.webhook)
	return s
}

// campaignSchedule is when the checks of the schedule in config come, from sending.
func campaignSchedule() []time.Duration {
	return []time.Duration{time.Second, 3 * time.Second, 6 * time.Second, 11 * time.Second, 26 * time.Second}
}

// config is that of a gateway as much faster as the partners are, with a wider margin for a busy machine. In a bad network
// the same may have to be sent more often than three times.
func (s *scene) config() string {
	path := filepath.Join(s.dir, "verdict.yaml")
	text := `
public_url: "http://` + s.webhooks.address + `"
schedule: {mode: backoff, checks: [1s, 2s, 3s, 5s, 15s], send_for: 20s, max_sends: 6}
sweep: 100ms
language: en
providers:
`
	for _, p := range s.partners {
		text += p.config()
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *scene) database() string { return filepath.Join(s.dir, "verdict.db") }

// An instance is a gateway that may die and be started again.
type instance struct {
	*scene
	address string // where it listens
	public  string // where apps reach it
	stream  string // its folder, if it has one
	args    []string
	env     []string
	process *process
}

// newInstance returns one with a stream of its own on the SQLite file of all, that is not running yet.
func (s *scene) newInstance(name string) *instance {
	folder := filepath.Join(s.dir, "jetstream-"+name)
	g := s.addInstance(freeAddress(s.t), "--database", "sqlite:"+s.database(), "--stream-dir", folder)
	g.stream = folder
	return g
}

// addInstance returns one that is not running yet and has those settings. Webhooks go to the first.
func (s *scene) addInstance(address string, args ...string) *instance {
	if len(s.instances) == 0 {
		s.webhooks.target.Store(address)
	}
	g := &instance{scene: s, address: address, public: address, args: args}
	s.instances = append(s.instances, g)
	return g
}

// start starts the binary, or if it is told what to alter the test binary, see alteration.
func (g *instance) start(alter ...string) {
	g.t.Helper()
	g.spawn(alter...)
	g.process.await(g.t)
}

func (g *instance) spawn(alter ...string) {
	g.t.Helper()
	args := append([]string{"--address", g.address, "--config", g.config()}, g.args...)
	cmd := exec.Command(binary, append([]string{"serve"}, args...)...)
	if len(alter) > 0 {
		self, err := os.Executable()
		if err != nil {
			g.t.Fatal(err)
		}
		cmd = exec.Command(self, args...)
	}
	cmd.Env = slices.Concat(os.Environ(), g.env, alter)
	g.process = spawn(g.t, cmd, "msg=ready")
}

// pause stops the instance as a debugger or a busy host would. It avoids the moments of a commit: one that stands still
// in it keeps the database's lock, and nobody could go on, which harms nothing but proves nothing either.
func (g *instance) pause() {
	g.t.Helper()
	for n := range 50 {
		g.signal(syscall.SIGSTOP)
		g.awaitStop()
		if writable(g.ctx, g.database()) {
			g.t.Logf("stopped; before that it was writing %d times", n)
			return
		}
		g.signal(syscall.SIGCONT)
		time.Sleep(20 * time.Millisecond)
	}
	g.t.Fatal("whenever it is stopped it is writing")
}

func (g *instance) resume() { g.signal(syscall.SIGCONT) }

func (g *instance) signal(s syscall.Signal) {
	if err := g.process.cmd.Process.Signal(s); err != nil {
		g.t.Fatal(err)
	}
}

// loseStream deletes the folder of the instance's stream.
func (g *instance) loseStream() {
	if err := os.RemoveAll(g.stream); err != nil {
		g.t.Logf("delete the stream's folder while it is written to: %v", err)
	}
}

// interrupted notes that an instance was killed or paused.
func (s *scene) interrupted() { s.limits.interruptions++ }

// partnersMemory is longer than anything takes that a partner may still do when all is settled: what it answered 504 to,
// 120 s of its time, and webhooks.
const partnersMemory = 2500 * time.Millisecond

// settle waits until all have their verdict and know it, or until that has taken too long. Then a client comes back to
// each instance for each verdict, the instances stop, the partners do what they still may, and the history is whole.
func (s *scene) settle() history {
	s.t.Helper()
	late := time.AfterFunc(s.patience, s.giveUp)
	defer late.Stop()
	s.apps.Wait()
	for s.appsCtx.Err() == nil && s.unsettled() > 0 {
		s.sleep(100 * time.Millisecond)
	}
	s.comeBack(s.read().rows)
	for _, g := range s.instances {
		if code := g.process.terminate(s.t); code != 0 {
			s.t.Errorf("exit code %d after SIGTERM:\n%s", code, g.process.log)
		}
	}
	<-time.After(partnersMemory)
	h := s.log.history()
	h.limits, h.disk = s.limits, s.read()
	h.repeated = map[string]int{}
	for _, p := range s.partners {
		effects, repeated := p.ledger(s.t)
		h.effects, h.repeated[p.name] = append(h.effects, effects...), repeated
	}
	return h
}

func (s *scene) unsettled() (n int) {
	for _, r := range s.read().rows {
		if r.stage != "settled" && r.stage != "review" {
			n++
		}
	}
	return n
}

func (s *scene) read() onDisk {
	s.t.Helper()
	d, err := s.record(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// mustBeRight ends a run, in which both verdicts occurred and with which the checker must be content.
func (s *scene) mustBeRight() history {
	s.t.Helper()
	h := s.settle()
	for _, v := range h.violations() {
		s.t.Errorf("%s\n%s", v, h.trail(v))
	}
	verdicts := h.verdicts()
	if verdicts["succeeded"] == 0 || verdicts["failed"] == 0 {
		s.t.Error("the run did not reach both verdicts")
	}
	s.t.Logf("%v: %d posts, %d subscribers, %d calls, %d effects, %d webhooks, %d pieces of evidence", verdicts,
		len(h.posts), len(h.tellings), len(h.calls), len(h.effects), len(h.webhooks), len(h.disk.evidence))
	return h
}
