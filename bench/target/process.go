package target

import (
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

// process is a server under measurement. Its output is in the file "log" of its folder.
type process struct {
	cmd  *exec.Cmd
	log  string
	gone chan struct{} // closed when it has ended
}

// run starts a program and waits until a URL of it is answered.
func run(ctx context.Context, dir, ready string, env []string, program string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(plainEnv(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log.Name(), gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		_ = cmd.Wait() // it is killed; what it had to say is in the log
	}()
	if err := p.await(ctx, ready); err != nil {
		p.Close()
		return nil, fmt.Errorf("start %s: %w", filepath.Base(program), err)
	}
	return p, nil
}

// plainEnv is our environment without what would configure a server behind our back.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		for _, prefix := range []string{"VERDICT_", "CENTRIFUGO_", "MERCURE_", "GOGC=", "GOMEMLIMIT=", "GODEBUG="} {
			if strings.HasPrefix(variable, prefix) {
				return true
			}
		}
		return false
	})
}

// await waits until the URL is answered with 200.
func (p *process) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if answers(ctx, url) {
			return nil
		}
		select {
		case <-again.C:
		case <-p.gone:
			return fmt.Errorf("it has ended: %s", tail(p.log))
		case <-ctx.Done():
			return fmt.Errorf("%s doesn't answer: %s", url, tail(p.log))
		}
	}
}

func answers(ctx context.Context, url string) bool {
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

// tail returns the end of a file.
func tail(path string) string {
	text, _ := os.ReadFile(path)
	return string(text[max(0, len(text)-2000):])
}

func (p *process) Process() measure.Process { return measure.Process(p.cmd.Process.Pid) }

// Close kills the server: how it stops is not measured here.
func (p *process) Close() {
	p.cmd.Process.Kill()
	<-p.gone
}

// freeAddress returns an address on loopback where nothing listens at the moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
