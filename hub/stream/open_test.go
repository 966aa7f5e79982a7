package stream

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"verdict"
)

// sockets lists this process's sockets.
func sockets(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if os.Getenv("VERDICT_TEST_REQUIRE") == "1" {
			t.Fatal("needs /proc: ", err)
		}
		t.Skip("NOT TESTED, needs /proc: ", err)
	}
	found := map[string]bool{}
	for _, entry := range entries {
		to, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err == nil && strings.HasPrefix(to, "socket:") {
			found[to] = true
		}
	}
	return found
}

func TestTheEmbeddedServerOwnsNoSocket(t *testing.T) {
	before := sockets(t)
	s, d := open(t, Config{Dir: t.TempDir()}), &diary{}
	work(t, s, 1, d.handle)
	publish(t, s, commands(1, 1), []verdict.Event{event(1)})
	until(t, "the command is handled", 5*time.Second, func() bool { return len(d.all()) == 1 })
	for socket := range sockets(t) {
		if !before[socket] {
			t.Errorf("%s came with the stream", socket)
		}
	}
}

func TestNoGoroutineIsLeftAfterClose(t *testing.T) {
	dir := t.TempDir()
	before := runtime.NumGoroutine()
	s, d := open(t, Config{Dir: dir}), &diary{}
	stopWork, stopFollow := work(t, s, 4, d.handle), follow(t, s, d.hear)
	publish(t, s, commands(1, 10), nil)
	until(t, "the commands are handled", 5*time.Second, func() bool { return len(d.all()) == 10 })
	if err := errors.Join(stopWork(), stopFollow()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close() // harmless
	until(t, "the goroutines end", 5*time.Second, func() bool { return runtime.NumGoroutine() <= before })
}

func TestAFolderIsForOneProcess(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Config{Dir: dir})
	_, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "stream.dir") {
		t.Fatalf("the second got %v", err)
	}
	publish(t, first, commands(1, 1), nil)
	first.Close()
	open(t, Config{Dir: dir})
}

func TestAConfigThatCannotWorkSaysWhichKeyToMend(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, key string
		cfg       Config
	}{
		{"nothing given", "stream.dir", Config{}},
		{"both given", "stream.url", Config{Dir: t.TempDir(), URL: "nats://127.0.0.1:1"}},
		{"a folder that is a file", "stream.dir", Config{Dir: file}},
		{"no server at the URL", "stream.url", Config{URL: "nats://127.0.0.1:1"}},
		{"a broken URL", "stream.url", Config{URL: "nats://user:secret@127.0.0.1:port"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Log = slog.New(slog.DiscardHandler)
			_, err := Open(t.Context(), c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.key) || strings.Contains(err.Error(), "secret") {
				t.Fatalf("Open: %v, want an error that names %s and no password", err, c.key)
			}
		})
	}
}

func TestCommandsOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Config{Dir: dir})
	publish(t, first, commands(1, 3), nil)
	first.Close()
	d := &diary{}
	work(t, open(t, Config{Dir: dir}), 1, d.handle)
	until(t, "what the first process left is handled", 5*time.Second, func() bool { return len(d.times()) == 3 })
}

// A store that another version left, or that is damaged, is emptied rather than keeping the process from starting.
func TestAStoreOfNoUseIsReplaced(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
	}{
		{"streams that cannot be brought up to date", func(t *testing.T, dir string) {
			leave(t, dir, jetstream.StreamConfig{Name: commandStream, Subjects: []string{"other"}, Retention: jetstream.LimitsPolicy})
		}},
		{"a stream that has our subjects", func(t *testing.T, dir string) {
			leave(t, dir, jetstream.StreamConfig{Name: "OLD", Subjects: []string{commandPrefix + ">"}})
		}},
		{"a file where a folder should be", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, server.JetStreamStoreDir), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, dir string) {
				c.spoil(t, dir)
				s, d := open(t, Config{Dir: dir}), &diary{}
				work(t, s, 1, d.handle)
				publish(t, s, commands(1, 1), nil)
				time.Sleep(time.Second)
				if d.times()["t1"] != 1 {
					t.Fatalf("handled %v", d.times())
				}
			})
		})
	}
}

// leave makes a store with just that stream.
func leave(t *testing.T, dir string, cfg jetstream.StreamConfig) {
	t.Helper()
	e, err := openEmbedded(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	conn, err := nats.Connect("", nats.InProcessServer(e.nats))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
}

func TestAClosedStreamSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		results := make(chan error, 3)
		go func() { results <- s.Work(context.Background(), "djamo", verdict.Submit, 1, d.handle) }()
		go func() { results <- s.Follow(context.Background(), d.hear) }()
		time.Sleep(time.Second)
		s.Close()
		results <- s.Publish(t.Context(), commands(1, 1), nil)
		for range 3 {
			if err := <-results; !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
	})
}
