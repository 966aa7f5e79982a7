package sim

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Effect is one thing that the partner has carried out. Money has moved, or was refused.
type Effect struct {
	Seq      int       `json:"seq"` // 1, 2, ...
	ID       string    `json:"id"`
	Status   string    `json:"status"` // completed or declined
	Post     int       `json:"post"`   // which post of this id it is from: 1, 2, ...
	At       time.Time `json:"at"`
	Webhooks []Call    `json:"webhooks,omitempty"` // ended by now, in that order; not kept across restarts
}

// Call is a webhook and what came of it.
type Call struct {
	Status  string    `json:"status"`  // what it told
	At      time.Time `json:"at"`      // when it was due
	Outcome string    `json:"outcome"` // the status of the answer, such as 204, or why there is none
}

// ledger is the list of effects. It only grows. Its owner sees to locking.
type ledger struct {
	effects []Effect
	file    *os.File // nil: in memory only
}

// openLedger reads the ledger in a file, new if need be, and appends to it from then on. There is no file for "".
func openLedger(path string) (*ledger, error) {
	l := &ledger{}
	if path == "" {
		return l, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l.file = file
	if err := l.read(file); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return l, nil
}

func (l *ledger) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var e Effect
		n := len(l.effects) + 1
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Seq != n {
			return fmt.Errorf("line %d isn't effect %d; mend or remove it", n, n)
		}
		l.effects = append(l.effects, e)
	}
	return lines.Err()
}

// enter adds an effect and returns its number. It is in the list also if the file can't be written.
func (l *ledger) enter(e Effect) (seq int, err error) {
	e.Seq = len(l.effects) + 1
	l.effects = append(l.effects, e)
	if l.file == nil {
		return e.Seq, nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return e.Seq, err
	}
	_, err = l.file.Write(append(line, '\n')) // one write, so that a crash leaves whole lines
	return e.Seq, err
}

// note adds a webhook to an effect.
func (l *ledger) note(seq int, c Call) {
	e := &l.effects[seq-1]
	e.Webhooks = append(e.Webhooks, c)
}

// copy returns the effects of an id, or all for "". It is never nil.
func (l *ledger) copy(id string) []Effect {
	effects := make([]Effect, 0, len(l.effects))
	for _, e := range l.effects {
		if id == "" || e.ID == id {
			e.Webhooks = slices.Clone(e.Webhooks)
			effects = append(effects, e)
		}
	}
	return effects
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	file := l.file
	l.file = nil
	return file.Close()
}
