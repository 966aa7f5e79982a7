package stream

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// replicas returns how many the servers keep of each stream.
func replicas(t *testing.T, s *Stream) (counts [len(streams)]int) {
	t.Helper()
	for i, cfg := range streams {
		stream, err := s.link.Load().js.Stream(t.Context(), cfg.Name)
		if err != nil {
			t.Fatal(err)
		}
		counts[i] = stream.CachedInfo().Config.Replicas
	}
	return counts
}

func TestAnInstanceThatStartsBringsItsReplicasAndARunningOneLeavesThem(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first := open(t, Config{URL: c.url()})
	for _, step := range []struct{ configured, want int }{{1, 1}, {0, 3}, {1, 1}, {3, 3}, {5, 3}} {
		s := open(t, Config{URL: c.url(), Replicas: step.configured})
		time.Sleep(2 * watchEvery) // while the others look at it
		if got := replicas(t, first); got != [...]int{step.want, step.want} {
			t.Errorf("told %d: %v replicas, want %d of each", step.configured, got, step.want)
		}
		s.Close()
	}
}

// A cluster that isn't complete when we start is used in full once it is.
func TestReplicasAreRaisedWhenServersCome(t *testing.T) {
	t.Parallel()
	c := prepare(t, "")
	c.start(t, c.nodes[0])
	c.start(t, c.nodes[1])
	c.ready(t, 2)
	s := open(t, Config{URL: c.url()})
	if got := replicas(t, s); got != [...]int{1, 1} {
		t.Fatalf("two servers keep %v replicas, want one of each", got)
	}
	c.start(t, c.nodes[2])
	until(t, "there are three of each", healing, func() bool { return c.complete(s) })
}

func TestAServerThatIsAloneKeepsOne(t *testing.T) {
	url := "nats://" + listen(t, -1).Addr().String()
	s := open(t, Config{URL: url})
	if got := replicas(t, s); got != [...]int{1, 1} || s.short {
		t.Errorf("%v replicas, waiting for more: %v; want one and not", got, s.short)
	}
	_, err := Open(context.Background(), Config{URL: url, Replicas: 3, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "stream.replicas: 3") {
		t.Errorf("three replicas on one server: %v, want an error that names stream.replicas", err)
	}
}
