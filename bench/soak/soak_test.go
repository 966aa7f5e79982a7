package soak

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatIsFlat(t *testing.T) {
	for name, c := range map[string]struct {
		value func(i int) float64
		flat  bool
	}{
		"a saw":          {func(i int) float64 { return 100 + 40*float64(i%7) }, true},
		"a slow leak":    {func(i int) float64 { return 100 + float64(i)/2 + 40*float64(i%7) }, false},
		"what shrinks":   {func(i int) float64 { return 200 - float64(i) }, false},
		"a single spike": {func(i int) float64 { return 100 + 1e6*float64(i/50*(50/max(i, 1))) }, true},
		"nothing at all": {func(int) float64 { return 0 }, true},
	} {
		var series []float64
		for i := range 100 {
			series = append(series, c.value(i))
		}
		if _, change, got := judge(series); got != c.flat {
			t.Errorf("%s: flat %v, changing by %g", name, got, change)
		}
	}
}

func TestAReportLeavesOutTheBeginning(t *testing.T) {
	r := Report{Every: time.Minute, Options: Options{Rate: 10}}
	for i := range 40 {
		s := Sample{Heap: 50 << 20, RSS: int64(100+i) << 20, Database: int64(i) << 20, Goroutines: 500}
		if i < 10 {
			s.Heap = int64(i) << 20
		}
		r.Samples = append(r.Samples, s)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"from sample 11 of 40 on", "heap in use 50.0M 50.0M 50.0M 0.0M flat", "RSS 124.5M 110.0M 139.0M 60.0M NOT FLAT",
		"goroutines 500 500 500 0 flat", "database 24.5M 10.0M 39.0M 60.0M grows",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
}

func TestTheSizeOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]int64{dir: 2000, filepath.Join(dir, "a"): 1000, filepath.Join(dir, "none"): 0} {
		if got, err := folder(path); got != want || err != nil {
			t.Errorf("%s: %d, %v", path, got, err)
		}
	}
}
