//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestAFailingDiskIsSurvived(t *testing.T) {
	t.Parallel()
	f := newFsyncs(t)
	s := newStation(t, t.TempDir())
	s.environ = f.environ()
	s.start()
	s.survive(outage{
		begin: func() { f.be(t, failing) },
		end:   func() { f.be(t, honest) },
		says:  "disk I/O error",
	})
}

func TestAFailingDiskIsSurvivedByACrash(t *testing.T) {
	t.Parallel()
	f := newFsyncs(t)
	s := newStation(t, t.TempDir())
	s.environ = f.environ()
	s.start()
	s.survive(outage{
		begin: func() { f.be(t, failing) },
		end: func() {
			s.gateway.kill()
			f.be(t, honest)
			s.start()
		},
	})
}

func TestAFullDiskIsSurvived(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 64)
	s := newStation(t, filepath.Join(d.dir, "data"))
	s.start()
	filler := filepath.Join(d.dir, "filler")
	s.survive(outage{
		begin: func() { fill(t, filler) },
		end: func() {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
		says: "disk is full",
	})
}

// fill writes to a file until nothing more fits on its disk.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// An outage is a time in which nothing can be stored.
type outage struct {
	begin, end func()
	says       string // what the gateway's log must say of it
}

// survive takes the gateway through an outage. While it lasts submits are refused clearly, or else accepted in earnest,
// and what is known can be read. Afterwards the same keys are accepted, and everything ends in the true verdict: also
// what was under way when the outage began.
func (s *station) survive(o outage) {
	t := s.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	known, err := s.post("known", `{"simulate":{"reply":"timeout","settles":true,"settles_after":"110s"}}`)
	if err != nil {
		t.Fatal(err)
	}
	all := &plays{}
	all.begin(ctx, s, "before")
	o.begin()
	refused := s.refuses(ctx)
	all.begin(ctx, s, "during")
	told := s.submitWhile("during", func() { s.stays(known, refused, time.Second) })
	o.end()
	soon, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	again, err := s.app(refused).submit(soon, `{"amount":"2500"}`)
	if err != nil {
		t.Fatalf("the key that was refused, after the outage: %v", err)
	}
	told.acks = append(told.acks, ack{refused, again.ID, again.Status}, ack{"known", known.ID, known.Status})
	records := all.wait()
	audit(t, records, s.ledger())
	s.compare(told.acks)
	first := s.gateway
	if code := first.terminate(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if !strings.Contains(first.log.String(), o.says) {
		t.Errorf("the log never says %q", o.says)
	}
	s.start()
	s.compare(told.acks)
	t.Logf("during the outage %d acknowledged, %d refused, %d broken off", len(told.acks)-2, told.refused, told.broken)
	if told.refused < 100 {
		t.Error("so few refusals prove nothing")
	}
}

func (s *station) compare(acks []ack) {
	s.t.Helper()
	c := newChecker(s)
	c.check(acks)
	c.fail()
}

// refuses submits with ever new keys until one is refused, checks how, and returns its key. A full disk has room for a
// few more transactions in what SQLite has taken already.
func (s *station) refuses(ctx context.Context) (key string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for n := 0; ; n++ {
		key := fmt.Sprint("refused ", n)
		_, err := s.post(key, `{"amount":"2500"}`)
		if ctx.Err() != nil {
			s.t.Fatalf("%d submits, and none was refused; last: %v", n, err)
		}
		if err != nil {
			s.t.Logf("refused after %d more: %v", n, err)
			s.refusesClearly(key)
			return key
		}
	}
}

// refusesClearly checks that a refusal tells an app all it needs to know.
func (s *station) refusesClearly(key string) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/v1/transactions", strings.NewReader(`{"payload":{"amount":"2500"}}`))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", strconv.Quote(key))
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var p struct {
		Type, Title, Detail string
		Status              int
		RetrySafe           bool `json:"retry_safe"`
		NewKeySafe          bool `json:"new_key_safe"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
		s.t.Fatal(err)
	}
	after, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if answer.StatusCode != http.StatusServiceUnavailable || p.Status != answer.StatusCode || !p.RetrySafe || p.NewKeySafe ||
		err != nil || after < 1 || !strings.Contains(p.Detail, "same key") {
		s.t.Errorf("answered %s, Retry-After %q, %+v", answer.Status, answer.Header.Get("Retry-After"), p)
	}
}

// stays checks for that long that the gateway lives, that what is known can be read, and that nothing is made up.
func (s *station) stays(known view, refused string, howLong time.Duration) {
	s.t.Helper()
	for end := time.Now().Add(howLong); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var before, uncertain view
		if err := s.get("/v1/transactions/"+known.ID, &before); err != nil || s.invented(before) {
			s.t.Errorf("what was known before is %+v, %v", before, err)
		}
		var missing *problemError
		err := s.get("/v1/transactions?key="+url.QueryEscape(refused), &uncertain)
		if errors.As(err, &missing) && missing.Status == http.StatusNotFound {
			continue
		}
		if err != nil || s.invented(uncertain) {
			s.t.Errorf("what was refused is %+v, %v", uncertain, err)
		}
	}
	select {
	case <-s.gateway.done:
		s.t.Errorf("the gateway has ended:\n%s", s.gateway.log)
	default:
	}
}

// invented reports whether a verdict has no effect at the third party to go by.
func (s *station) invented(v view) bool {
	if v.Status == "pending" {
		return false
	}
	effects := s.ledger()[v.ID]
	return len(effects) != 1 || outcomes[effects[0].Status] != v.Status
}

// plays are apps that insist, in the background.
type plays struct {
	apps    sync.WaitGroup
	mu      sync.Mutex
	records []record
}

// begin has one app for each misfortune submit and follow its transaction.
func (p *plays) begin(ctx context.Context, s *station, when string) {
	for i, name := range slices.Sorted(maps.Keys(misfortunes)) {
		p.apps.Go(func() {
			r := s.play(ctx, name, fmt.Sprint(when, ", ", name), misfortunes[name], 1+i%2)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.records = append(p.records, r)
		})
	}
}

func (p *plays) wait() []record {
	p.apps.Wait()
	return p.records
}
