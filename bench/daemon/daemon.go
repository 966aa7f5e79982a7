// Package daemon starts servers as processes of their own, and ends them.
package daemon

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"verdict/bench/measure"
)

// startTimeout is how long a server may take until it answers.
const startTimeout = 30 * time.Second

// Command says what to start.
type Command struct {
	Program string
	Args    []string
	Env     []string                       // beside ours
	Dir     string                         // its working directory, which gets its output in the file "log"
	Ready   func(ctx context.Context) bool // whether it answers
	As      *syscall.Credential            // nil: as ourselves
	Kill    syscall.Signal                 // what ends it at once; SIGKILL if zero
	Alone   bool                           // on the first processor, as after Apart
}

// Daemon is a server that is running. It ends with us, however we do.
type Daemon struct {
	cmd  *exec.Cmd
	log  string
	kill syscall.Signal
	took time.Duration // from its start to its first answer
	gone chan struct{} // closed when it has ended
}

// Start starts a server and waits until it answers.
func Start(ctx context.Context, c Command) (*Daemon, error) {
	log, err := os.Create(filepath.Join(c.Dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	kill := cmp.Or(c.Kill, syscall.SIGKILL)
	if c.Alone {
		c.Program, c.Args = "taskset", append([]string{"--cpu-list", "0", c.Program}, c.Args...)
	}
	cmd := exec.Command(c.Program, c.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, log, log
	cmd.Env = append(PlainEnv(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: kill, Credential: c.As}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &Daemon{cmd: cmd, log: log.Name(), kill: kill, gone: make(chan struct{})}
	go func() {
		defer close(d.gone)
		_ = cmd.Wait() // it is killed; what it had to say is in the log
	}()
	if err := d.await(ctx, c.Ready); err != nil {
		d.Close()
		return nil, fmt.Errorf("start %s: %w", filepath.Base(c.Program), err)
	}
	d.took = time.Since(began)
	return d, nil
}

// StartedIn is how long the server took to answer, to the 5 ms.
func (d *Daemon) StartedIn() time.Duration { return d.took }

// PlainEnv is our environment without what would configure a server behind our back.
func PlainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		for _, prefix := range []string{"VERDICT_", "RESTATE_", "CENTRIFUGO_", "MERCURE_", "NATS_", "PG", "GOGC=", "GOMEMLIMIT=", "GODEBUG="} {
			if strings.HasPrefix(variable, prefix) {
				return true
			}
		}
		return false
	})
}

func (d *Daemon) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		if ready(ctx) {
			return nil
		}
		select {
		case <-again.C:
		case <-d.gone:
			return fmt.Errorf("it has ended: %s", tail(d.log))
		case <-ctx.Done():
			return fmt.Errorf("it doesn't answer: %s", tail(d.log))
		}
	}
}

// Answers returns whether a URL is answered with 200.
func Answers(url string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
}

// tail returns the end of a file.
func tail(path string) string {
	text, _ := os.ReadFile(path)
	return string(text[max(0, len(text)-2000):])
}

// Process is the server's.
func (d *Daemon) Process() measure.Process { return measure.Process(d.cmd.Process.Pid) }

// Close ends the server at once: how it stops is not measured here.
func (d *Daemon) Close() {
	_ = d.cmd.Process.Signal(d.kill) // unless it has ended
	<-d.gone
}

// FreeAddress returns an address of a host of this machine where nobody listens at the moment.
func FreeAddress(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
