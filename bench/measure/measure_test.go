package measure

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func TestOurOwnProcess(t *testing.T) {
	before, err := Self().CPU()
	if err != nil {
		t.Fatal(err)
	}
	for now := before; now < before+3*tick; { // until it shows
		if now, err = Self().CPU(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRSSGrowsWithWhatIsTouched(t *testing.T) {
	const size = 64 << 20
	before, err := Self().RSS()
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mapped)
	for i := range mapped {
		mapped[i] = 1
	}
	now, err := Self().RSS()
	if grown := now - before; err != nil || grown < size*9/10 || grown > size*2 {
		t.Errorf("%d bytes were touched, and %d became resident, %v", size, grown, err)
	}
}

func TestParseTCPMemory(t *testing.T) {
	text := "sockets: used 13\nTCP: inuse 1 orphan 0 tw 14 alloc 1 mem 3\nUDP: inuse 0 mem 7\n"
	if got, err := parseTCPMemory(text); err != nil || got != 3*4096 {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := parseTCPMemory("UDP: inuse 0 mem 7\n"); err == nil {
		t.Error("no TCP, and read")
	}
}

func TestParseSlab(t *testing.T) {
	if got, err := parseSlab("MemFree: 9 kB\nSlab:            12 kB\nSReclaimable: 3 kB\n"); err != nil || got != 12<<10 {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := parseSlab("MemFree: 9 kB\n"); err == nil {
		t.Error("no slab, and read")
	}
}

func TestScrape(t *testing.T) {
	server := httptest.NewServer(promhttp.Handler())
	defer server.Close()
	m, err := Scrape(t.Context(), server.URL)
	if err != nil || m.Heap < 1<<16 || m.Stacks < 1<<10 || m.Goroutines < 2 {
		t.Errorf("%+v, %v", m, err)
	}
	lacking := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("go_goroutines 3\n"))
	}))
	defer lacking.Close()
	if _, err := Scrape(t.Context(), lacking.URL); err == nil || !strings.Contains(err.Error(), "lack") {
		t.Errorf("metrics that lack some: %v", err)
	}
}

func TestFsyncTakesTime(t *testing.T) {
	d, err := Fsync(t.TempDir())
	if err != nil || d <= 0 {
		t.Errorf("%s, %v", d, err)
	}
}
