package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/valyala/fasthttp"

	"verdict/bench/daemon"
)

// A contender is a server that may be measured.
type contender struct {
	name     string
	slowOnly bool // left out unless fsyncs are slow, or it is asked for
	slowed   bool // its fsyncs can be slowed down, being made through the C library
	prepare  func(ctx context.Context, e *env) (program, error)
	start    func(ctx context.Context, e *env, p program) (*server, error)
}

// program is what a contender needs to be started, and how it is called.
type program struct {
	path    string
	version string // and its settings, as they are printed
}

const verdictName = "verdict"

// contenders are Verdict, the floors, and the peers.
var contenders = []contender{
	{verdictName, false, true, buildVerdict, startVerdict},
	{"verdict-each", true, true, buildVerdictEach, startVerdict},
	{"echo", false, false, floor("net/http, keeps nothing"), startFloor("echo")},
	{"group", false, true, floor("net/http and SQLite, WAL, synchronous=FULL, one lean row, one commit for all who wait"), startFloor("group")},
	{"each", true, true, floor("as group, with a commit for each request"), startFloor("each")},
	{"pgx", false, true, findPostgres("net/http, pgx, the two rows of a new transaction, a commit for each request, 32 connections"), startPgx},
	{"river", false, true, buildRiver, startRiver},
	{"restate", false, false, installRestate("24 partitions, as by default"), startRestate()},
	{"restate-tuned", false, false, installRestate("2 partitions"), startRestate("RESTATE_DEFAULT_NUM_PARTITIONS=2")},
	{"pocketbase", false, false, buildPocketBase, startPocketBase},
	{"temporal", false, false, buildTemporal, startTemporal},
}

// env is what contenders are given.
type env struct {
	dir     string // of its own, on the disk that is measured
	bin     string // where programs are built
	root    string // of Verdict's repository
	self    string // this program
	partner string // Held or Quick
	slow    []string
}

// A server is a contender that is running.
type server struct {
	address   string
	fill      func(r *fasthttp.Request, number int64) // makes a request of the transaction of a number
	processes []*daemon.Daemon                        // ended in the opposite order
	close     func()                                  // what else there is to end; may be nil
}

// run starts one more process of a server, in the contender's folder.
func (s *server) run(ctx context.Context, c daemon.Command) error {
	dir := filepath.Join(c.Dir, fmt.Sprint("process-", len(s.processes)))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	c.Dir = dir
	d, err := daemon.Start(ctx, c)
	if err == nil {
		s.processes = append(s.processes, d)
	}
	return err
}

func (s *server) end() {
	for i := len(s.processes) - 1; i >= 0; i-- {
		s.processes[i].Close()
	}
	if s.close != nil {
		s.close()
	}
}

// cpu is the processor time that all of its processes have taken.
func (s *server) cpu() (sum time.Duration, err error) {
	var errs []error
	for _, d := range s.processes {
		one, err := d.Process().TreeCPU()
		sum += one
		errs = append(errs, err)
	}
	return sum, errors.Join(errs...)
}

const (
	restEvery = 200 * time.Millisecond
	restFor   = 5 // looks
	restShare = 0.15
	restWait  = 30 * time.Second
)

// rest waits until the server does nothing (below 15 % of a processor for a second), for half a minute at the most.
func (s *server) rest(ctx context.Context) error {
	before, err := s.cpu()
	giveUp := time.Now().Add(restWait)
	for calm := 0; err == nil && calm < restFor && time.Now().Before(giveUp); {
		select {
		case <-time.After(restEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
		var now time.Duration
		now, err = s.cpu()
		calm++
		if float64(now-before) > restShare*float64(restEvery) {
			calm = 0
		}
		before = now
	}
	return err
}

// body is the JSON that all are sent, whatever each makes of it.
func body(number int64) []byte {
	return fmt.Appendf(nil, `{"payload":{"amount":"2500","currency":"XOF","bench":"%d"}}`, number)
}

// usual makes the requests of a server of ours.
func usual(r *fasthttp.Request, number int64) {
	r.SetRequestURI("/v1/transactions")
	r.Header.Set("Idempotency-Key", fmt.Sprint("bench-", number))
	r.SetBodyRaw(body(number))
}
