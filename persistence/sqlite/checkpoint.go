package sqlite

import (
	"context"
	"fmt"
)

const (
	// checkpointCommits and checkpointOperations are after how many of either the log is copied into the database. An operation
	// adds some 3 to 20 frames to it, pages of 4096 bytes.
	checkpointCommits    = 16
	checkpointOperations = 512

	// restartFrames is how long the log grows before the writer waits for readers, so that it can start anew.
	restartFrames = 8000

	// readersPatience is how long the writer waits for readers, in milliseconds. Reads take less, and writes wait meanwhile.
	readersPatience = 100
)

// checkpoint bounds the log. SQLite would copy a long log within a commit, before the commit's callers have their answer;
// the writer does it between two commits, a little at a time: what comes meanwhile waits, and with ten million transactions on
// record, whose pages are all over the file, the 1000 frames that are SQLite's default take 5 ms. Nor is it done at each turn, as
// it syncs the log and the database. It goes by commits, because those are larger where the disk is slow, or much comes at once.
// docs/performance.md, "What was gained", has what it gives.
//
// Copying never waits for readers, but as long as reads overlap the log can't start anew, and would grow without end. So past
// restartFrames the writer waits for them, for a moment: new reads then find all in the database and don't need the log.
// If even that fails, because a backup is being made or a process was stopped in the middle of a read, it is tried again when
// the log is an eighth longer: so that however long it gets, writes have waited a few times. An error leaves the log as it is,
// which loses nothing: the next commit will meet and report it.
//
// It is left to the writer: with a connection that copied beside it commits shared the disk with that, and the tail was longer.
func (w *writer) checkpoint(operations int) {
	w.commitsLogged++
	w.operationsLogged += operations
	if w.commitsLogged < checkpointCommits && w.operationsLogged < checkpointOperations {
		return
	}
	w.commitsLogged, w.operationsLogged = 0, 0
	switch frames := moveLog(w.kept, "PASSIVE"); {
	case frames < restartFrames:
		w.restartAt = restartFrames
	case frames >= w.restartAt:
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
// frames.
func moveLog(on source, mode string) (frames int) {
	frames, _ = first(list(context.Background(), on, scanFrames, "PRAGMA wal_checkpoint("+mode+")"))
	return frames
}

func scanFrames(rows row) (frames int, err error) {
	var busy, moved int
	err = rows.Scan(&busy, &frames, &moved)
	return frames, err
}
