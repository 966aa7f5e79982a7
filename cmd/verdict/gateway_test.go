package main

import (
	"os"
	"runtime"
	"testing"
)

func TestOneProcessorIsSharedWithASync(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "1")
	runWhileSyncing()
	if n := runtime.GOMAXPROCS(0); n != 1 {
		t.Errorf("%d where 1 was asked for", n)
	}
	os.Unsetenv("GOMAXPROCS")
	runWhileSyncing()
	if n := runtime.GOMAXPROCS(0); n != 2 {
		t.Errorf("%d on one processor, want 2", n)
	}
}
