package measure

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"
)

// MachineCPU returns the processor time that the machine has used: all that its processors were not idle, what the kernel
// did on nobody's account and what a hypervisor gave to others included.
func MachineCPU() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachineCPU(string(text))
}

// parseMachineCPU adds up user, nice, system, irq, softirq and steal; idle and iowait are fields 4 and 5 of proc(5), and
// guests are counted in user and nice.
func parseMachineCPU(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[:max(0, strings.IndexByte(stat, '\n'))])
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, errors.New("/proc/stat doesn't begin with the times of all processors")
	}
	var sum time.Duration
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}

// LoopbackBytes returns the bytes that were sent over the loopback interface.
func LoopbackBytes() (int64, error) {
	text, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		return 0, err
	}
	return parseLoopbackBytes(string(text))
}

func parseLoopbackBytes(dev string) (int64, error) {
	for line := range strings.Lines(dev) {
		name, counters, _ := strings.Cut(line, ":")
		if fields := strings.Fields(counters); strings.TrimSpace(name) == "lo" && len(fields) > 0 {
			return strconv.ParseInt(fields[0], 10, 64)
		}
	}
	return 0, errors.New("/proc/net/dev tells of no loopback interface")
}
