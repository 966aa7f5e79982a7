package measure

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Go is what the runtime of a Go process tells Prometheus.
type Go struct {
	Heap       int64 // bytes in spans in use
	Stacks     int64 // bytes
	Goroutines int64
	LastGC     float64 // in seconds since 1970
}

var scraper = &http.Client{Timeout: 10 * time.Second}

// Scrape reads the metrics of a Go process at a URL.
func Scrape(ctx context.Context, url string) (Go, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Go{}, err
	}
	answer, err := scraper.Do(r)
	if err != nil {
		return Go{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return Go{}, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return parseGo(answer.Body)
}

func parseGo(text io.Reader) (Go, error) {
	values := map[string]float64{
		"go_memstats_heap_inuse_bytes": -1, "go_memstats_stack_inuse_bytes": -1, "go_goroutines": -1,
		"go_memstats_last_gc_time_seconds": -1,
	}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, number, _ := strings.Cut(lines.Text(), " ")
		if _, wanted := values[name]; !wanted {
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return Go{}, fmt.Errorf("%s: %w", name, err)
		}
		values[name] = value
	}
	for name, value := range values {
		if value < 0 {
			return Go{}, fmt.Errorf("the metrics lack %s", name)
		}
	}
	return Go{
		Heap: int64(values["go_memstats_heap_inuse_bytes"]), Stacks: int64(values["go_memstats_stack_inuse_bytes"]),
		Goroutines: int64(values["go_goroutines"]), LastGC: values["go_memstats_last_gc_time_seconds"],
	}, lines.Err()
}
