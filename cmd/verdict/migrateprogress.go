package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"verdict/persistence/transfer"
)

// How often a person is told how far a move is: on a terminal a line changes, elsewhere lines follow one another.
const (
	onTerminal = 200 * time.Millisecond
	inLog      = 5 * time.Second
)

// A teller tells a person how far a move is.
type teller struct {
	out      io.Writer
	terminal bool

	last  transfer.Progress
	began time.Time // what is being done
	told  time.Time
}

func newTeller(out *os.File) *teller {
	info, err := out.Stat()
	return &teller{out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (t *teller) tell(p transfer.Progress) {
	now := time.Now()
	if p.Doing != t.last.Doing {
		t.end()
		t.began, t.told = now, now
	}
	t.last = p
	pause := inLog
	if t.terminal {
		pause = onTerminal
	}
	if now.Sub(t.told) >= pause {
		t.say(now)
	}
}

// say tells how far it is. \x1b[K clears the rest of the line.
func (t *teller) say(now time.Time) {
	t.told = now
	text := describeProgress(t.last, now.Sub(t.began))
	if t.terminal {
		fmt.Fprintf(t.out, "\r%s\x1b[K", text)
		return
	}
	fmt.Fprintln(t.out, text)
}

// end tells how far it came with what it was doing.
func (t *teller) end() {
	if t.last.Doing == "" {
		return
	}
	t.say(time.Now())
	if t.terminal {
		fmt.Fprintln(t.out)
	}
	t.last = transfer.Progress{}
}

// describeProgress says what was done in so long, how fast, and how long the rest takes at that pace.
func describeProgress(p transfer.Progress, in time.Duration) string {
	text := fmt.Sprintf("%s %s: %d of %d rows", p.Doing, p.Table, p.Done, p.Total)
	if p.Doing == "copying" && p.Copied < p.Done {
		text += fmt.Sprintf(" (%d were there already)", p.Done-p.Copied)
	}
	if seconds := in.Seconds(); seconds > 0 && p.Done > 0 {
		rate := float64(p.Done) / seconds
		text += fmt.Sprintf(", %.0f rows/s", rate)
		if left := float64(p.Total-p.Done) / rate; left > 0 {
			text += fmt.Sprintf(", %s left", time.Duration(left*float64(time.Second)).Round(time.Second))
		}
	}
	return text
}
