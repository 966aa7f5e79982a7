package daemon

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Apart leaves the first processor to the servers that are started Alone. All else, such as the load client, shares the others.
func Apart() error {
	if n := runtime.NumCPU(); n < 2 {
		return fmt.Errorf("there is %d processor; it takes two", n)
	}
	var others unix.CPUSet
	for n := 1; n < runtime.NumCPU(); n++ {
		others.Set(n)
	}
	threads, err := os.ReadDir("/proc/self/task") // those to come are set as the ones that start them
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &others); err != nil {
			return fmt.Errorf("keep off the first processor: %w", err)
		}
	}
	return nil
}
