package fsync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"verdict/bench/measure"
)

// ErrMissing says that strace isn't there, or may not trace the process.
var ErrMissing = errors.New("strace can't trace")

// Counter counts a process's fsyncs.
type Counter struct {
	strace *exec.Cmd
	said   *strings.Builder
	out    string
	ended  chan error
}

// Count begins to count, by strace, all calls of fsync, fdatasync, sync_file_range and syncfs that a process makes, by itself
// or through a library. It slows the process down.
func Count(ctx context.Context, p measure.Process) (*Counter, error) {
	out, err := os.CreateTemp("", "strace-")
	if err != nil {
		return nil, err
	}
	out.Close()
	c := &Counter{out: out.Name(), said: &strings.Builder{}, ended: make(chan error, 1)}
	c.strace = exec.Command("strace", "-f", "-c", "-o", c.out, "-e", "trace=fsync,fdatasync,sync_file_range,syncfs", "-p", fmt.Sprint(p))
	c.strace.Stderr = c.said
	c.strace.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if err := c.strace.Start(); err != nil {
		os.Remove(c.out)
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	go func() { c.ended <- c.strace.Wait() }()
	select {
	case err := <-c.ended:
		os.Remove(c.out)
		return nil, fmt.Errorf("%w: %w: %s", ErrMissing, err, c.said)
	case <-time.After(time.Second): // it has attached to all threads
		return c, ctx.Err()
	}
}

// Stop lets go of the process, and returns how many there were.
func (c *Counter) Stop() (int, error) {
	defer os.Remove(c.out)
	if err := c.strace.Process.Signal(syscall.SIGINT); err != nil {
		return 0, err
	}
	<-c.ended // by our signal
	text, err := os.ReadFile(c.out)
	if err != nil {
		return 0, err
	}
	return parseCounts(string(text))
}

// parseCounts adds up the calls in the table that strace -c writes:
//
//	% time     seconds  usecs/call     calls    errors syscall
//	------ ----------- ----------- --------- --------- ----------------
//	100.00    0.012345          12      1000         3 fdatasync
//	------ ----------- ----------- --------- --------- ----------------
//	100.00    0.012345          12      1000         3 total
func parseCounts(table string) (sum int, err error) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.Contains(fields[len(fields)-1], "sync") {
			continue
		}
		calls, err := strconv.Atoi(fields[3])
		if err != nil {
			return 0, fmt.Errorf("strace's table: %q: %w", strings.TrimSpace(line), err)
		}
		sum += calls
	}
	return sum, nil
}
