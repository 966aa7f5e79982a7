package web

import (
	"errors"
	"fmt"

	"verdict"
)

// write writes until there is nothing to write.
func (l *line) write() {
	for !l.hungUp {
		queue, beat, journal, why := l.take()
		var err error
		switch {
		case len(queue) > 0:
			err = l.sendAll(queue)
		case why != nil:
			l.hangUp(why)
		case beat:
			err = l.wire.beat()
		case journal != nil:
			queue, err = l.page(journal)
			if err == nil && len(queue) == 0 {
				return
			}
			if err == nil {
				err = l.sendAll(queue)
			}
		default:
			return
		}
		switch {
		case errors.Is(err, errRecord):
			l.end(err)
		case err != nil: // whatever was written of a message, nothing may follow it
			l.end(errGone)
			l.hangUp(errGone)
		}
	}
}

// take returns what is to be done next.
func (l *line) take() (queue []piece, beat bool, journal *reader, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue, beat, journal, why = l.queue, l.beatDue, l.journal, l.why
	l.queue, l.size = nil, 0
	if len(queue) > 0 {
		l.room.Broadcast()
	} else {
		l.beatDue = false
	}
	return queue, beat, journal, why
}

// page returns the verdicts that follow in a journal, none if there are none yet.
func (l *line) page(journal *reader) ([]piece, error) {
	ctx, done := l.during()
	defer done()
	events, err := journal.next(ctx)
	if err != nil {
		if !l.hasEnded() {
			l.server.log.Error("read settled transactions", "error", err)
		}
		return nil, errRecord
	}
	queue := make([]piece, len(events))
	for i, e := range events {
		queue[i] = piece{text: l.wire.event(e, journal.passed(e)), event: e}
	}
	return queue, nil
}

// sendAll writes pieces, and notes the verdicts among them as told.
func (l *line) sendAll(queue []piece) error {
	texts := make([][]byte, len(queue))
	for i, p := range queue {
		if p.state != nil {
			var err error
			if queue[i], err = l.current(*p.state); err != nil {
				return err
			}
		}
		texts[i] = queue[i].text
	}
	if err := l.wire.send(texts); err != nil {
		return errGone
	}
	for _, p := range queue {
		if p.event.Settled {
			l.server.told(p.event, l)
		}
	}
	return nil
}

// current reads a transaction anew. What the journal has told of it before this moment was on record before it, so no
// pending state is told after a verdict.
func (l *line) current(t verdict.Transaction) (piece, error) {
	ctx, done := l.during()
	defer done()
	t, err := l.server.read(ctx, t.Audience(), t.ID)
	if err != nil {
		return piece{}, errRecord
	}
	return piece{text: l.wire.event(t.Event(), false), event: t.Event()}, nil
}

// hangUp ends the connection; serve's goroutine then finds that it has ended.
func (l *line) hangUp(why error) {
	l.hungUp = true
	l.mu.Lock()
	journal := l.journal
	l.mu.Unlock()
	resume := ""
	if journal != nil {
		resume = fmt.Sprintf(", and resume after %d", journal.at)
	}
	l.wire.end(why, resume, l.gone)
	l.mu.Lock()
	l.abandon()
	l.mu.Unlock()
	l.server.metrics.ended.WithLabelValues(l.seat.transport, cause(why)).Inc()
}
