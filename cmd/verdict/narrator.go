package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// narrator is a slog.Handler for people: one readable line an event, with the transaction it speaks of in front.
type narrator struct {
	mu    *sync.Mutex // one line at a time
	out   io.Writer
	pages string // what to open once all is ready
}

func newNarrator(out io.Writer, pages string) narrator {
	return narrator{mu: &sync.Mutex{}, out: out, pages: pages}
}

func (n narrator) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (n narrator) WithAttrs([]slog.Attr) slog.Handler               { return n }
func (n narrator) WithGroup(string) slog.Handler                    { return n }

func (n narrator) Handle(_ context.Context, r slog.Record) error {
	about := "            " // as wide as a short id
	var details []string
	r.Attrs(func(a slog.Attr) bool {
		text := a.Value.String()
		switch {
		case a.Key == "transaction":
			about = shortID(text)
		case text != "":
			details = append(details, detail(a.Key, text))
		}
		return true
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := fmt.Fprintf(n.out, "%s  %s  %-10s %s\n", r.Time.Format("15:04:05.000"), about, r.Message, strings.Join(details, ", "))
	if r.Message == "ready" {
		_, err = fmt.Fprintf(n.out, "\n  Open %s\n  Ctrl-C stops it. Started again, it goes on where it was.\n\n", n.pages)
	}
	return err
}

// detail leaves out the names that the values speak for.
func detail(key, value string) string {
	switch key {
	case "outcome", "status", "detail", "provider", "operation":
		return value
	}
	return key + " " + value
}

// shortID is the end of a UUIDv7: its beginning is the time, alike for neighbours.
func shortID(id string) string { return id[max(0, len(id)-12):] }
