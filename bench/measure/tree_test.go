package measure

import (
	"os/exec"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	text := "42 (a (b) c) S 7 42 42 0 -1 4194560 100 0 0 0 123 45 6 8 20 0 9 0 100 200 300"
	want := stat{parent: 7, own: 1680 * time.Millisecond, ended: 140 * time.Millisecond}
	if got, err := parseStat(text); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, broken := range []string{"42 (x) S 1", "42 (a) S 7 42 42 0 -1 4194560 100 0 0 0 123 45 x 8 20"} {
		if _, err := parseStat(broken); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}

// A process that has ended counts with its parent, and one that runs by itself; strangers don't count.
func TestATreeIsAProcessAndItsDescendants(t *testing.T) {
	all := map[Process]stat{
		1: {parent: 0, own: 1000}, 5: {parent: 1, own: 1, ended: 10}, 6: {parent: 5, own: 100},
		7: {parent: 6, ended: 1000}, 8: {parent: 1, own: 10_000},
	}
	if got := tree(all, 5); got != 1111 {
		t.Errorf("%d, want 1111", got)
	}
}

// What a child of ours uses shows while it runs, and stays when it has ended.
func TestTheTimeOfChildrenStays(t *testing.T) {
	before, err := Self().TreeCPU()
	if err != nil {
		t.Fatal(err)
	}
	own, err := Self().CPU()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("sh", "-c", "while :; do :; done")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ticks := func() time.Duration { // that children have used, to within a few: the two times aren't read at once
		now, err := Self().TreeCPU()
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Self().CPU()
		if err != nil {
			t.Fatal(err)
		}
		return (now - before - (ours - own)) / tick
	}
	for ticks() < 20 {
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	if n := ticks(); n < 10 {
		t.Errorf("the time of a child is gone with it, but for %d ticks of 20", n)
	}
}

func TestATreeThatHasEndedIsAnError(t *testing.T) {
	if got, err := Process(1 << 30).TreeCPU(); err == nil {
		t.Errorf("it used %s", got)
	}
}

func TestParseMachineCPU(t *testing.T) {
	text := "cpu  1 20 300 1000000 2000000 4000 50000 600000 7000000 8000000\ncpu0 9 9 9 9 9 9 9 9 9 9\n"
	if got, err := parseMachineCPU(text); err != nil || got != 654321*tick {
		t.Errorf("%s, %v", got, err)
	}
	for _, broken := range []string{"", "cpu0 1 2 3 4 5 6 7 8 9\n", "cpu 1 2 3\n"} {
		if _, err := parseMachineCPU(broken); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}

func TestParseLoopbackBytes(t *testing.T) {
	text := "Inter-|   Receive\n face |bytes    packets\n  eth0: 55 1 0\n    lo: 1234 5 0 0 0 0 0 0 1234 5\n"
	if got, err := parseLoopbackBytes(text); err != nil || got != 1234 {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := parseLoopbackBytes("eth0: 55 1 0\n"); err == nil {
		t.Error("there is none, and it was read")
	}
}
