package measure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// TreeCPU returns the processor time of a process and of all that descend from it, those included that have ended and
// that their parent has waited for. A server may answer each client by a process of its own.
func (p Process) TreeCPU() (time.Duration, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	all := map[Process]stat{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) { // it has ended meanwhile
			continue
		}
		if err != nil {
			return 0, err
		}
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return 0, err
		}
		if all[Process(id)], err = parseStat(string(text)); err != nil {
			return 0, err
		}
	}
	if _, ok := all[p]; !ok {
		return 0, fmt.Errorf("process %d has ended", p)
	}
	return tree(all, p), nil
}

// tree adds up the times of a process and its descendants.
func tree(all map[Process]stat, p Process) time.Duration {
	sum := all[p].own + all[p].ended
	for child, s := range all {
		if s.parent == p && child != p {
			sum += tree(all, child)
		}
	}
	return sum
}

// stat is what /proc/PID/stat tells.
type stat struct {
	parent Process
	own    time.Duration // of all its threads
	ended  time.Duration // of its children that have ended and were waited for, and of theirs
}

// parseStat reads fields 4 (ppid) and 14 to 17 (utime, stime, cutime, cstime) of proc(5). The name in field 2 may hold
// anything but ends with the last parenthesis.
func parseStat(text string) (s stat, err error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return stat{}, errors.New("/proc/PID/stat is too short")
	}
	number := func(field int) (n int64) {
		if err == nil {
			n, err = strconv.ParseInt(fields[field-3], 10, 64)
		}
		return n
	}
	s = stat{
		parent: Process(number(4)), own: time.Duration(number(14)+number(15)) * tick, ended: time.Duration(number(16)+number(17)) * tick,
	}
	return s, err
}
