package stream

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is a NATS server inside this process. It listens nowhere: the only way in is a net.Pipe. It is used by one
// goroutine at a time.
//
// What nats-server 2.15 does when its store is deleted while it runs (tried on Linux): nothing at first. The files stay
// open without a name, so messages are stored, acked and delivered as ever. A few megabytes later it needs a new file in
// a folder that is gone, logs "critical write error", and from then on never answers a publish to that stream, not even
// with an error, while JetStream counts as enabled and stream, consumer and account infos are well. Only the publisher's
// timeout and the missing folder give it away. It doesn't recover by itself. When the disk is full or may not be
// written, it disables JetStream for good. So we look at the folder, ask whether JetStream is enabled, and store a
// probe after publishes that failed; the cure for all is a new server with an empty store.
type embedded struct {
	dir    string
	log    *slog.Logger
	folder *folder
	nats   *server.Server // nil while none runs
}

const (
	// The server's bounds on what its streams take: enough for ours, whatever the size of the machine.
	maxStore  = 2 * maxCommandBytes
	maxMemory = 2 * maxEventBytes
)

// openEmbedded takes the folder and starts a server with what it finds there, or empty if that doesn't work.
func openEmbedded(dir string, log *slog.Logger) (*embedded, error) {
	folder, err := takeFolder(dir)
	if err != nil {
		return nil, err
	}
	e := &embedded{dir: dir, log: log, folder: folder}
	if err = e.start(); err == nil {
		return e, nil
	}
	log.Warn("the stream's store cannot be opened; starting with an empty one", "error", err)
	if err = e.renew(); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// renew starts a new server with an empty store. It returns ErrInUse, touching nothing, if another process has taken the
// folder meanwhile.
func (e *embedded) renew() (err error) {
	e.close()
	if e.folder, err = takeFolder(e.dir); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(e.dir, server.JetStreamStoreDir)); err != nil {
		return fmt.Errorf("stream.dir: empty the store: %w", err)
	}
	return e.start()
}

// start starts a server in the folder that was taken. After an error it must be closed or renewed.
func (e *embedded) start() error {
	journal := &journal{log: e.log}
	s, err := server.NewServer(&server.Options{
		ServerName: "verdict", DontListen: true, NoSigs: true,
		JetStream: true, StoreDir: e.dir, JetStreamMaxStore: maxStore, JetStreamMaxMemory: maxMemory,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("stream.dir: set up the embedded server: %w", err)
	}
	s.SetLoggerV2(journal, false, false, false)
	e.nats = s
	s.Start()
	if words := journal.last.Load(); words != nil { // Start returns nothing, and JetStream may count as enabled even so
		return fmt.Errorf("stream.dir: start the embedded server: %s", *words)
	}
	return nil
}

// close ends the server and gives the folder back.
func (e *embedded) close() {
	if e.nats != nil {
		e.nats.Shutdown()
		e.nats.WaitForShutdown()
		e.nats = nil
	}
	if e.folder != nil {
		e.folder.leave()
		e.folder = nil
	}
}

// check reports what is plainly wrong with a server whose streams have been declared.
func (e *embedded) check() error {
	if e.nats == nil {
		return errors.New("it isn't running")
	}
	if !e.nats.JetStreamEnabled() {
		return errors.New("JetStream has given up")
	}
	if err := e.folder.check(); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(e.dir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams", commandStream, "msgs"))
	return err
}
