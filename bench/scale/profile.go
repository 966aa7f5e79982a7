package scale

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Profile writes to a folder, for each setup, where the machine's processor time goes at Options.Rate, by program and by function,
// as perf samples it. It returns the paths.
func Profile(ctx context.Context, o Options, root, to string) (paths []string, err error) {
	perf, err := exec.LookPath("perf")
	if err != nil {
		return nil, errors.New("perf is missing: apt-get install linux-perf")
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return nil, err
	}
	dir, p, err := prepare(ctx, o, root)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, s := range o.setups() {
		path := filepath.Join(to, strings.ReplaceAll(s.Name, " ", "-")+".txt")
		if err := profile(ctx, o, s, p, dir, perf, path); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// profile samples one setup. The programs must still be there when the samples are read, to name their functions.
func profile(ctx context.Context, o Options, s setup, p programs, dir, perf, path string) error {
	r, end, err := begin(ctx, o, s, p, filepath.Join(dir, "round"))
	if err != nil {
		return err
	}
	defer end()
	if _, err := r.point(ctx, o.Rate, warmUp); err != nil {
		return err
	}
	samples := filepath.Join(dir, "samples")
	record := exec.CommandContext(ctx, perf, "record", "--all-cpus", "--freq", "499", "--output", samples,
		"--", "sleep", strconv.FormatFloat(o.For.Seconds(), 'f', 3, 64))
	var said strings.Builder
	record.Stdout, record.Stderr = &said, &said
	if err := record.Start(); err != nil {
		return err
	}
	_, err = r.point(ctx, o.Rate, o.For)
	if waited := record.Wait(); waited != nil {
		return errors.Join(err, fmt.Errorf("perf record: %w\n%s", waited, said.String()))
	}
	if err != nil {
		return err
	}
	var text []byte
	for _, fields := range []string{"overhead,comm,dso", "overhead,comm,dso,symbol"} {
		part, err := exec.CommandContext(ctx, perf, "report", "--input", samples, "--stdio", "--fields", fields).Output()
		if err != nil {
			return fmt.Errorf("perf report: %w", err)
		}
		text = append(text, part...)
	}
	return os.WriteFile(path, text, 0o644)
}
