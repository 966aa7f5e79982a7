package web

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"verdict"
)

const (
	// maxQueue is how many messages may wait for a client to read them, and maxQueued how many bytes.
	maxQueue  = 256
	maxQueued = 128 << 10

	// reauthLead is how long before their end a client that can renew its credentials is told to.
	reauthLead = 30 * time.Second
)

// Why a line ends. What is queued is written first, unless the client is gone or too slow.
var (
	errTold    = errors.New("the verdict was told")
	errSlow    = errors.New("too slow")
	errStop    = errors.New("the instance stops")
	errExpired = errors.New("the credentials have expired")
	errRecord  = errors.New("the record can't be reached")
)

// A wire is what a line needs of a transport. A line uses it from one goroutine at a time, but for cut.
type wire interface {
	// event words an event. One of all verdicts moves the position to resume after.
	event(e verdict.Event, ofAll bool) []byte

	// reauth words that credentials end then; nil where a client can't renew them.
	reauth(at time.Time) []byte

	// send writes texts, for which the client has writeTimeout in all.
	send(texts [][]byte) error

	// beat shows that the connection is alive.
	beat() error

	// end tells the client why the line ends, and where to resume, gives it a moment to answer, unless it is gone already,
	// and closes the connection.
	end(why error, resume string, gone <-chan struct{})

	// cut closes the connection: what is being written fails.
	cut()
}

// A line is the way to one client. What is put on it is written in order, by a goroutine that is there only while there is
// something to write; another one, serve's, waits for what the client says or for its end.
type line struct {
	wire    wire
	server  *Server
	seat    *seat
	opened  time.Time
	gone    chan struct{} // closed when the connection has ended
	writing chore
	hungUp  bool // the writer's own

	mu      sync.Mutex // guards what follows; never held while writing or reading
	queue   []piece
	size    int                   // of what is queued, in bytes
	room    sync.Cond             // there is more room in the queue
	why     error                 // why the line ends; nil while it doesn't
	over    bool                  // it has ended
	works   []*context.CancelFunc // end what is being done for the client
	beatDue bool
	journal *reader // nil unless the client follows all its verdicts
	expires time.Time
	beats   *time.Timer
	expiry  *time.Timer // nil if the credentials never end
}

// piece is something to be written.
type piece struct {
	text  []byte
	event verdict.Event        // zero if it isn't one
	state *verdict.Transaction // whose state is to be told instead, as it is when its turn comes
}

// newLine returns a line on a seat, which its serve leaves.
func (s *Server) newLine(w wire, at *seat, expires time.Time) *line {
	l := &line{wire: w, server: s, seat: at, opened: time.Now(), gone: make(chan struct{})}
	l.room.L = &l.mu
	l.writing.work = l.write
	l.mu.Lock()                                                  // a timer may fire at once
	l.beats = time.AfterFunc(1+rand.N(s.heartbeat), l.beatLater) // #nosec G404 -- not in step with ten thousand others; anybody may guess it
	l.expireAt(expires)
	l.mu.Unlock()
	at.hold(l)
	return l
}

// serve runs the line until either side ends it. listen returns when the connection has ended, and release is called when
// nothing is written any more.
func (l *line) serve(listen, release func()) {
	listen()
	close(l.gone)
	l.wire.cut()
	l.end(errGone)
	l.writing.stop()
	l.mu.Lock()
	l.beats.Stop()
	l.expireAt(time.Time{})
	l.mu.Unlock()
	release()
	l.seat.leave()
}

// say queues a message without waiting. A client whose queue is full is cut; it resumes from the record.
func (l *line) say(text []byte) { l.put(piece{text: text}) }

// tell queues an event.
func (l *line) tell(e verdict.Event) { l.put(piece{text: l.wire.event(e, false), event: e}) }

func (l *line) put(p piece) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.why != nil:
		return
	case len(l.queue) == maxQueue || l.size+len(p.text) > maxQueued:
		l.endNow(errSlow)
	default:
		l.queue = append(l.queue, p)
		l.size += len(p.text)
	}
	l.writing.call()
}

// wait waits until half of the queue is free, so that a client which asks much is heard no faster than it listens. It
// returns false if the line ends: what the client says then isn't heeded any more.
func (l *line) wait() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.why == nil && (len(l.queue) > maxQueue/2 || l.size > maxQueued/2) {
		l.room.Wait()
	}
	return l.why == nil
}

// follow has the line tell a journal's verdicts, as fast as the client reads them, after what is queued.
func (l *line) follow(r *reader) {
	l.mu.Lock()
	l.journal = r
	l.mu.Unlock()
	r.attend(l.writing.call)
}

// unfollow ends that, if there is a journal.
func (l *line) unfollow() {
	l.mu.Lock()
	r := l.journal
	l.journal = nil
	l.mu.Unlock()
	if r != nil {
		r.close()
	}
}

// end ends the line for the first reason that is given.
func (l *line) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endNow(why)
	l.writing.call()
}

// endNow is end for who holds mu, and calls the writer.
func (l *line) endNow(why error) {
	if errors.Is(why, errGone) || errors.Is(why, errSlow) {
		l.queue, l.size = nil, 0
		l.abandon()
	}
	if l.why == nil {
		l.why = why
	}
	l.room.Broadcast()
}

// during returns a context for something that is done for the client, and what to call when it is done. It ends with the
// line. A line has none of its own: it would take as much memory again, and nearly all lines do nothing.
func (l *line) during() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		cancel()
		return ctx, cancel
	}
	l.works = append(l.works, &cancel)
	return ctx, func() {
		cancel()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.works = slices.DeleteFunc(l.works, func(other *context.CancelFunc) bool { return other == &cancel })
	}
}

// abandon ends what is being done for the client. l.mu is held.
func (l *line) abandon() {
	l.over = true
	for _, cancel := range l.works {
		(*cancel)()
	}
}

func (l *line) hasEnded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

func (l *line) beatLater() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why == nil {
		l.beatDue = true
		l.beats.Reset(l.server.heartbeat)
		l.writing.call()
	}
}

// renew has the line end later: the client has new credentials.
func (l *line) renew(expires time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expireAt(expires)
}

// expireAt sets when the credentials end; the zero time is never. l.mu is held.
func (l *line) expireAt(at time.Time) {
	if l.expiry != nil {
		l.expiry.Stop()
		l.expiry = nil
	}
	l.expires = at
	if at.IsZero() {
		return
	}
	warning := l.wire.reauth(at)
	if warning == nil {
		l.expiry = time.AfterFunc(time.Until(at), func() { l.expire(at) })
		return
	}
	l.expiry = time.AfterFunc(time.Until(at)-reauthLead, func() {
		l.say(warning)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.why == nil && l.expires.Equal(at) {
			l.expiry = time.AfterFunc(time.Until(at), func() { l.expire(at) })
		}
	})
}

// expire ends the line unless its credentials have been renewed.
func (l *line) expire(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.expires.Equal(at) {
		l.endNow(errExpired)
		l.writing.call()
	}
}
