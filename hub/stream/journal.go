package stream

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// journal passes the embedded server's log on to ours. It is a server.Logger.
type journal struct {
	log  *slog.Logger
	last atomic.Pointer[string] // what the server gave up with; nil while it hasn't
}

func (j *journal) Noticef(format string, v ...any) { j.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
func (j *journal) Warnf(format string, v ...any)   { j.log.Warn("nats: " + fmt.Sprintf(format, v...)) }
func (j *journal) Errorf(format string, v ...any)  { j.log.Error("nats: " + fmt.Sprintf(format, v...)) }
func (j *journal) Debugf(string, ...any)           {}
func (j *journal) Tracef(string, ...any)           {}

// Fatalf doesn't end the process, as the server's own logger would: whoever started the server will see that it failed.
func (j *journal) Fatalf(format string, v ...any) {
	words := fmt.Sprintf(format, v...)
	j.last.Store(&words)
	j.log.Error("nats: " + words)
}

// troubles tells of a trouble that goes on, or comes again and again, once in a while.
type troubles struct {
	log  *slog.Logger
	told time.Time
}

// tellEvery is how often.
const tellEvery = 10 * time.Second

func newTroubles(log *slog.Logger) *troubles { return &troubles{log: log} }

func (t *troubles) tell(what string, err error) {
	level := slog.LevelDebug
	if now := time.Now(); now.Sub(t.told) >= tellEvery {
		t.told, level = now, slog.LevelWarn
	}
	t.log.Log(context.Background(), level, what, "error", err)
}
