// Package stream carries commands to the workers and events to the hubs, of all instances, by NATS JetStream: on a
// server inside this process, or on servers that are shared by several.
//
// The database is the record and the stream is speed. What the stream holds is in the database as well, and comes again
// from there: commands by the sweeper, events by the hubs' comparison. So nothing here is trusted to last. The store may
// be deleted at any moment, and the streams in it; a Stream notices within seconds and makes them anew, empty.
package stream

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrClosed: the stream was closed under its user.
var ErrClosed = errors.New("the stream is closed")

// Stream is a verdict.Stream, and the way for workers and hubs to hear from it. It is safe for concurrent use.
type Stream struct {
	log    *slog.Logger
	server *embedded // nil if the server is another process
	link   atomic.Pointer[link]
	closed atomic.Bool

	name      string      // of this Stream, among all that share the server
	from      nats.Header // says so
	followers followers
	bundles   sync.Map // from subject to how many commands of it share a message

	doubted  atomic.Bool // a publish failed, so the store needs a closer look
	replicas int         // how many we want of each stream
	told     bool        // and that was in the settings
	short    bool        // the servers keep fewer of a stream that we made; of Open, then of the watching goroutine only
	asked    time.Time   // when they were last asked for more; as above

	denied   atomic.Pointer[denial] // the servers' last word on what our user may not do; nil if there was none
	unusable atomic.Bool            // by the last look at it

	ill        int       // how many checks in a row found the stream unusable; of the watching goroutine only
	wellAt     time.Time // when it was last usable, made anew, or its cluster away; of the watching goroutine only
	soundedAt  time.Time // when it last sent what all Follows hear; as above
	answeredAt time.Time // when its cluster last answered, or we moved to another server; as above
	stop       context.CancelFunc
	watcher    sync.WaitGroup
}

// link is a connection. To another process it is one for life, which mends itself; to the embedded server there is a new
// one for each new server.
type link struct {
	conn *nats.Conn
	js   jetstream.JetStream
	gone chan struct{} // closed when the connection is, and nothing more will come by it
	end  func()        // closes both; may be called again
}

const (
	// maxPending is how many publishes wait for their acks at the most; more are refused.
	maxPending = 4096

	// reconnectBuffer is how many bytes wait for a server that is away; more are refused.
	reconnectBuffer = 1 << 20

	// reconnectWait is the pause before a server that couldn't be reached is tried again; the others are tried at once.
	reconnectWait = 500 * time.Millisecond

	// pingEvery is how often the server is asked for a sign of life. The third time without an answer ends the connection,
	// so a machine that vanished is left for another one after six seconds. A process that ended is noticed at once.
	pingEvery = 2 * time.Second

	// callTimeout bounds one call of the server's API.
	callTimeout = 2 * time.Second
)

// Open starts the embedded server, or connects to one at the URL, and declares the streams. It returns ErrInUse if another
// process has the folder. If no server can be reached now, or none lets us in, that is an error, so that a wrong address is
// noticed; a connection that breaks later is made again, to any of the servers, for as long as it takes. Servers that are
// electing a leader are waited for, about fifteen seconds.
func Open(ctx context.Context, cfg Config) (*Stream, error) {
	name := rand.Text()
	s := &Stream{log: cfg.Log, stop: func() {}, replicas: 1, name: name, from: nats.Header{fromHeader: {name}}}
	if cfg.URL != "" {
		s.replicas, s.told = cmp.Or(cfg.Replicas, usualReplicas), cfg.Replicas != 0
	}
	if err := s.open(ctx, cfg); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stream) open(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if cfg.URL != "" {
		if err := s.connect(cfg.URL, cfg.options()...); err != nil {
			return fmt.Errorf("stream.url: %w; %s", err, cfg.mend(err))
		}
	} else {
		server, err := openEmbedded(cfg.Dir, cfg.Log)
		if err != nil {
			return err
		}
		s.server = server
		if err := s.connectInside(); err != nil {
			return err
		}
	}
	if err := s.declareFirst(ctx); err != nil {
		return err
	}
	s.begin()
	return nil
}

// connectInside connects to the embedded server.
func (s *Stream) connectInside() error { return s.connect("", nats.InProcessServer(s.server.nats)) }

func (s *Stream) connect(address string, options ...nats.Option) error {
	conn, err := nats.Connect(address, append(options,
		nats.Name("verdict"),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(reconnectBuffer),
		nats.PingInterval(pingEvery),
		nats.ErrorHandler(s.onError),
		nats.DisconnectErrHandler(s.onDisconnect))...)
	if err != nil {
		return fmt.Errorf("connect to the NATS server: %w", err)
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(maxPending), jetstream.WithPublishAsyncTimeout(publishTimeout))
	if err != nil {
		conn.Close()
		return fmt.Errorf("use JetStream: %w", err)
	}
	gone := make(chan struct{})
	s.link.Store(&link{conn, js, gone, sync.OnceFunc(func() {
		time.Sleep(time.Millisecond) // the first publish begins a goroutine, which never ends if it isn't waiting yet when the connection does
		conn.Close()
		close(gone)
	})})
	return nil
}

// begin starts to watch over the stream.
func (s *Stream) begin() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.wellAt, s.answeredAt = stop, time.Now(), time.Now()
	s.watcher.Go(func() { s.watch(ctx) })
}

// Close ends the connection and the embedded server. Work and Follow should have returned before; those that have not
// will return ErrClosed, and Close doesn't wait for them.
func (s *Stream) Close() {
	s.closed.Store(true)
	s.stop()
	s.watcher.Wait()
	if l := s.link.Load(); l != nil {
		l.end()
	}
	if s.server != nil {
		s.server.close()
	}
}

// denial is what the servers don't let our user do, and when they said so.
type denial struct {
	err error
	at  time.Time
}

// Usable reports whether commands and events could be handed over when it was last looked at, at most a few seconds ago.
func (s *Stream) Usable() bool { return !s.unusable.Load() }

func (s *Stream) onError(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		s.denied.Store(&denial{err, time.Now()})
	}
	s.log.Warn("stream connection", "error", err)
}

func (s *Stream) onDisconnect(_ *nats.Conn, err error) {
	if err != nil { // nil: closed by ourselves
		s.log.Warn("stream connection lost; connecting again", "error", err)
	}
}

// pause waits, or returns early when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
