package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"verdict"
	"verdict/provider/providertest"
)

// life is one run of an instance.
type life struct {
	*simInstance
	born    int // which life of the instance it is
	pipe    *providertest.Pipe
	stop    func()
	stopped time.Time       // in good order; guarded by mu
	ending  context.Context // ends when it is stopped, or dies
	dead    chan struct{}   // closed when it dies
	late    sync.WaitGroup  // publishes that come later

	mu       sync.Mutex // guards what follows
	conns    map[net.Conn]struct{}
	accepted int
	resume   chan struct{} // closed when the pause is over; nil unless it is paused
}

// die ends a life as a crash does: connections break, ports do nothing any more. Then the goroutines are swept away.
func (l *life) die(point string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isDead() {
		return
	}
	close(l.dead)
	l.u.note("fault", "%s dies %s", l.name, point)
	l.u.happened.hit("crash " + point)
	l.pipe.Close()
	for conn := range l.conns {
		conn.Close()
	}
	l.stop()
}

func (l *life) isDead() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// pause stops the instance's ports for a while.
func (l *life) pause(point string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.resume != nil || !l.stopped.IsZero() || l.isDead() {
		return
	}
	resume := make(chan struct{})
	l.resume = resume
	l.u.note("fault", "%s pauses %s for %s", l.name, point, d)
	time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.resume = nil
		close(resume)
		if !l.isDead() {
			l.u.note("fault", "%s wakes up", l.name)
			l.u.happened.hit("a paused instance woke up")
		}
	})
}

// stoppedFor reports whether the instance is shutting down in good order, and for how long.
func (l *life) stoppedFor() (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.stopped), !l.stopped.IsZero() && !l.isDead()
}

// shutDown stops the instance in good order. One that is paused, or paused while it stops, would wake up with several
// reasons to go on, and which one a select takes isn't the seed's; so the two exclude each other. It reports whether it
// has.
func (l *life) shutDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.resume != nil || !l.stopped.IsZero() {
		return false
	}
	l.stopped = time.Now()
	l.u.note("fault", "%s is stopped in good order", l.name)
	l.u.happened.hit("a graceful restart")
	l.stop()
	return true
}

// draw returns the choices for the next attempt of an operation in this life.
func (l *life) draw(operation string) *rand.Rand {
	return l.u.draw(fmt.Sprintf("%s.%d %s", l.name, l.born, operation))
}

// moment draws a short time that nothing else takes.
func (l *life) moment(operation string) time.Duration {
	if l.isDead() {
		return 0
	}
	return between(l.draw(operation), 10*time.Microsecond, 3*time.Millisecond)
}

// gone returns an error for a caller that doesn't wait, or whose instance is dead. Whether such a caller still calls is
// up to the scheduler, so nothing is drawn for it.
func (l *life) gone(ctx context.Context) error {
	if l.isDead() {
		return errDead
	}
	return ctx.Err()
}

// awake returns at once while the instance is awake. While it is paused it waits for the end of the pause, and then for a
// while of the caller's own, since all that waited would go on in the same nanosecond. It returns an error once the
// instance is dead.
func (l *life) awake(after time.Duration) error {
	l.mu.Lock()
	resume := l.resume
	l.mu.Unlock()
	if resume != nil {
		select {
		case <-resume:
			return l.reach(context.Background(), after)
		case <-l.dead:
		}
	}
	if l.isDead() {
		return errDead
	}
	return nil
}

// reach takes the time of an operation, and returns an error unless the instance is alive and the caller waits.
func (l *life) reach(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.dead:
		return errDead
	}
	return l.awake(d)
}

// rarePoints are those of which few come while there is chaos, with the crashes in a thousand of them.
var rarePoints = map[string]int{"a push": 80, "the record of a notice": 80, "the archive": 250, "a deletion": 250}

// point is a named moment at which the instance may die or be paused.
func (l *life) point(name, subject string) error {
	if l.isDead() {
		return errDead
	}
	r := l.draw(name + " " + subject)
	after := between(r, 10*time.Microsecond, 3*time.Millisecond)
	if !l.u.chaos.Load() {
		return l.awake(after)
	}
	usual := 20
	for rare, often := range rarePoints {
		if strings.HasSuffix(name, rare) {
			usual = often
		}
	}
	crashing := l.u.variant.crashes(usual)
	switch n := r.IntN(1000); {
	case n < crashing:
		l.die(name)
	case n < crashing+8:
		l.pause(name, between(r, verdict.Lease+time.Second, time.Minute))
	case n < crashing+9:
		l.pause(name, between(r, verdict.MaxClaim+time.Second, verdict.MaxClaim+time.Minute))
	}
	return l.awake(after)
}
