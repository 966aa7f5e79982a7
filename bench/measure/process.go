// Package measure reads what a process and its machine tell of themselves. It works on Linux, whose /proc it reads.
package measure

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on every Linux that Go runs on (proc(5)).
const tick = 10 * time.Millisecond

// Process is one by its id; Self is our own.
type Process int

// Self is the process that asks.
func Self() Process { return Process(os.Getpid()) }

// CPU returns the processor time that all threads of the process have used, to the 10 ms.
func (p Process) CPU() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
	if err != nil {
		return 0, err
	}
	s, err := parseStat(string(text))
	return s.own, err
}

// RSS returns the bytes of memory that the process has resident. What the kernel holds for its sockets is not among them.
func (p Process) RSS() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, errors.New("/proc/PID/statm is too short")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// Descriptors returns how many files, sockets and the like the process has open.
func (p Process) Descriptors() (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p))
	return len(entries), err
}

// TCPMemory returns the bytes that the kernel holds for all TCP sockets of the machine, both ends of a loopback
// connection included.
func TCPMemory() (int64, error) {
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, err
	}
	return parseTCPMemory(string(text))
}

func parseTCPMemory(sockstat string) (int64, error) {
	for line := range strings.Lines(sockstat) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "TCP:" {
			continue
		}
		for i := 1; i+1 < len(fields); i += 2 {
			if fields[i] == "mem" {
				pages, err := strconv.ParseInt(fields[i+1], 10, 64)
				return pages * int64(os.Getpagesize()), err
			}
		}
	}
	return 0, errors.New("/proc/net/sockstat tells no memory of TCP")
}

// Slab returns the bytes that the kernel holds in small objects of all kinds: sockets, files and what belongs to them, of
// the whole machine.
func Slab() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return parseSlab(string(text))
}

func parseSlab(meminfo string) (int64, error) {
	for line := range strings.Lines(meminfo) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "Slab:" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo tells no slab")
}
