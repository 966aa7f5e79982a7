package sqlite

import (
	"context"
	"fmt"
)

const (
	// checkpointFrames is how long the log grows, in pages of 4096 bytes, before it is copied into the database. It is
	// SQLite's own default.
	checkpointFrames = 1000

	// restartFrames is how long it grows before the writer waits for readers, so that the log can start anew.
	restartFrames = 8 * checkpointFrames

	// measureEvery is after how many operations the log is measured. The largest add some 20 frames each.
	measureEvery = 32

	// readersPatience is how long the writer waits for readers, in milliseconds. Reads take less, and writes wait meanwhile.
	readersPatience = 100
)

// checkpoint bounds the log. SQLite would copy a long log within a commit, before the commit's callers have their answer;
// the writer does it between two commits. Copying never waits for readers, but as long as reads overlap the log can't start
// anew, and would grow without end. So past restartFrames the writer waits for them, for a moment: new reads then find all
// in the database and don't need the log.
//
// It is left to the writer: a connection that copied beside it gained nothing that could be measured. One of some sixty simulated
// power cuts then took the last commits, but the simulation of that time could tell of losses that were none (see crash in
// cmd/verdict/powercut_test.go).
//
// If even that fails, because a backup is being made or a process was stopped in the middle of a read, it is tried again when
// the log is an eighth longer: so that however long it gets, writes have waited a few times. An error leaves the log as it is,
// which loses nothing: the next commit will meet and report it.
func (w *writer) checkpoint(operations int) {
	if w.unmeasured += operations; w.unmeasured < measureEvery {
		return
	}
	w.unmeasured = 0
	switch frames := moveLog(w.kept, "NOOP"); {
	case frames < checkpointFrames:
		w.restartAt = restartFrames
	case frames < w.restartAt:
		moveLog(w.kept, "PASSIVE")
	default:
		w.restartAt = frames + frames/8
		w.restart()
	}
}

func (w *writer) restart() {
	w.setBusyTimeout(readersPatience)
	moveLog(w.kept, "RESTART")
	w.setBusyTimeout(busyTimeout)
}

func (w *writer) setBusyTimeout(milliseconds int) {
	_, _ = list(context.Background(), w.kept, value[int], fmt.Sprintf("PRAGMA busy_timeout = %d", milliseconds))
}

// moveLog takes a checkpoint (https://sqlite.org/pragma.html#pragma_wal_checkpoint) and returns the log's length in
// frames; NOOP only measures it.
func moveLog(on source, mode string) (frames int) {
	frames, _ = first(list(context.Background(), on, scanFrames, "PRAGMA wal_checkpoint("+mode+")"))
	return frames
}

func scanFrames(rows row) (frames int, err error) {
	var busy, moved int
	err = rows.Scan(&busy, &frames, &moved)
	return frames, err
}
