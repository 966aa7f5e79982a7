package stream

import (
	"fmt"
	"log/slog"
	"sync/atomic"
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
