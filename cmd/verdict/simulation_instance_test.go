package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"verdict/hub/stream"
	"verdict/persistence"
	"verdict/provider/providertest"
	"verdict/web/auth"
)

// errDead is what the ports of an instance return that has died.
var errDead = errors.New("the instance is dead")

// instance is a place where the gateway runs, dies, and is started again on the same files.
type simInstance struct {
	u     *universe
	name  string
	lives int // so far

	mu   sync.Mutex // guards what follows
	life *life      // nil while it is down
}

// shutdownSlot is what a shutdown in good order takes a multiple of: how long net/http takes isn't the seed's.
const shutdownSlot = 7 * time.Second

// run keeps the instance going until ctx ends.
func (i *simInstance) run(ctx context.Context) {
	for ctx.Err() == nil {
		down := between(i.u.draw(i.name+" down"), 50*time.Millisecond, 10*time.Second)
		living, cancel := context.WithCancel(ctx)
		stopped := time.Now()
		stop := sync.OnceFunc(func() {
			stopped = time.Now()
			cancel()
		})
		err := i.live(living, stop)
		cancel()
		if !errors.Is(err, errDead) {
			down += (time.Since(stopped) + 100*time.Millisecond).Truncate(shutdownSlot) + shutdownSlot
		}
		_ = sleep(ctx, time.Until(stopped.Add(down)))
	}
}

// live runs the gateway as runGateway does, with ports that fail as the seed has it. When the instance dies its files are
// free at once; what its goroutines still do they do with dead ports.
func (i *simInstance) live(ctx context.Context, stop func()) error {
	i.lives++
	l := &life{
		simInstance: i, born: i.lives, pipe: providertest.NewPipe(), stop: stop, ending: ctx,
		dead: make(chan struct{}), conns: map[net.Conn]struct{}{},
	}
	log := slog.New(simLog{i.u, i.name})
	c, err := i.u.config()
	if err != nil {
		return err
	}
	p, closeAll, err := i.openParts(l, c, log)
	if err != nil {
		return err
	}
	defer closeAll()
	g, err := newGateway(ctx, c, log, i.u.variant.wrap(l, p))
	if err != nil {
		return err
	}
	i.u.note(i.name, "up")
	i.set(l)
	defer i.set(nil)
	ended := make(chan error, 1)
	i.u.running.Go(func() { ended <- g.run(ctx, listener{l}) })
	select {
	case err := <-ended:
		l.late.Wait()
		return err
	case <-l.dead:
		return errDead
	}
}

// openParts opens the real parts, on the files of the instance, and puts the failing ones around them.
func (i *simInstance) openParts(l *life, c config, log *slog.Logger) (p parts, closeAll func(), err error) {
	store, err := persistence.Open(context.Background(), i.u.database())
	if err != nil {
		return parts{}, nil, err
	}
	js, err := stream.Open(context.Background(), stream.Config{Dir: i.streamDir(), Log: log})
	if err != nil {
		return parts{}, nil, errors.Join(err, store.Close())
	}
	closeAll = func() {
		js.Close()
		if err := store.Close(); err != nil {
			i.u.note(i.name, "close the store: %v", err)
		}
	}
	kept := &simStore{life: l, Store: store}
	p = parts{store: kept, bus: &simBus{life: l, bus: js}}
	p.providers, err = i.u.adapters(l)
	if err == nil {
		p.endpoints, err = i.u.endpoints(l, c)
	}
	if err == nil {
		p.archives, err = i.u.archives(kept, c, log)
	}
	if err != nil {
		closeAll()
		return parts{}, nil, err
	}
	return p, closeAll, nil
}

func (i *simInstance) streamDir() string { return filepath.Join(i.u.dir, "stream-"+i.name) }

func (i *simInstance) set(l *life) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.life = l
}

// current returns the life under way, nil while the instance is down.
func (i *simInstance) current() *life {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.life
}

// config is the gateway's configuration: the defaults, on a shorter schedule.
func (u *universe) config() (config, error) {
	k := defaultSettings()
	set(k, "public_url", "http://gateway")
	for _, tenant := range simTenants {
		set(k, "auth.keys."+tenant, map[string]any{"hash": auth.Hash(simAPIKey(tenant)), "role": "app", "tenant": tenant, "subject": "app"})
	}
	set(k, "limits.per_user", 0) // an instance that wakes up has minutes of one user's requests before it
	u.notify(k)
	u.retention(k)
	set(k, "sweep", "1s")                         // virtual time costs a little too
	set(k, "push.spread", "0s")                   // moments that are drawn can't be replayed
	set(k, "providers.djamo.url", "http://djamo") // the adapters over a pipe take the place of this one
	c, err := decodeConfig(k)
	c.Schedule = u.schedule()
	return c, err
}

// listener takes what apps and the partners' webhooks dial.
type listener struct{ *life }

func (n listener) Accept() (net.Conn, error) {
	conn, err := n.pipe.Accept()
	if n.isDead() {
		return nil, errDead
	}
	if err != nil {
		return nil, err
	}
	return n.keep(conn), nil
}

func (n listener) Close() error   { return n.pipe.Close() }
func (n listener) Addr() net.Addr { return n.pipe.Addr() }

// dial connects to the instance.
func (i *simInstance) dial(ctx context.Context) (net.Conn, error) {
	l := i.current()
	if l == nil || l.isDead() {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}
	}
	return l.pipe.Dial(ctx, "", "")
}

// dialAny connects to an instance that is up, as a load balancer would.
func (u *universe) dialAny(ctx context.Context, _ string) (net.Conn, error) {
	first := u.draw("balance").IntN(len(u.instances))
	var conn net.Conn
	var err error
	for n := range u.instances {
		conn, err = u.instances[(first+n)%len(u.instances)].dial(ctx)
		if err == nil {
			break
		}
	}
	return conn, err
}

// dialNamed connects to the instance of that name.
func (u *universe) dialNamed(ctx context.Context, address string) (net.Conn, error) {
	name, _, _ := net.SplitHostPort(address)
	for _, i := range u.instances {
		if i.name == name {
			return i.dial(ctx)
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.EHOSTUNREACH}
}

// simLog is the log of an instance, in the history.
type simLog struct {
	u   *universe
	who string
}

func (s simLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (s simLog) WithAttrs([]slog.Attr) slog.Handler               { return s }
func (s simLog) WithGroup(string) slog.Handler                    { return s }

func (s simLog) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	s.u.add(line{at: time.Since(s.u.began), who: s.who, text: "log: " + text, log: true})
	return nil
}
