package accept

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What was answered with 202 is in the database, once, however many share a commit.
func TestWhatIsAcceptedIsKeptOnce(t *testing.T) {
	for _, name := range []string{Group, Each} {
		t.Run(name, func(t *testing.T) {
			dir, address := t.TempDir(), ""
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			address = l.Addr().String()
			ended := make(chan error, 1)
			go func() { ended <- Serve(context.Background(), name, l, Config{Dir: dir}) }()
			var posting sync.WaitGroup
			for n := range 100 {
				posting.Go(func() { post(t, address, fmt.Sprint("key-", n/2)) }) // each twice
			}
			posting.Wait()
			if got := count(t, filepath.Join(dir, "floor.db")); got != 50 {
				t.Errorf("%d rows of 50 keys", got)
			}
			l.Close()
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("it goes on without its listener")
			}
		})
	}
}

func post(t *testing.T, address, key string) {
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/", strings.NewReader(`{"amount":"2500"}`))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Errorf("%s: %s", key, answer.Status)
	}
}

func count(t *testing.T, path string) (n int) {
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM transactions`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// PostgreSQL refuses the wrong version of a UUID nowhere, so this does.
func TestIDsAreOfTheirTime(t *testing.T) {
	before := time.Now().UnixMilli()
	id := newID()
	var at int64
	for _, b := range id[:6] {
		at = at<<8 | int64(b)
	}
	if at < before || at > time.Now().UnixMilli() || id[6]>>4 != 7 || id[8]>>6 != 2 {
		t.Errorf("%x at %d", id, before)
	}
	if id == newID() {
		t.Error("twice the same")
	}
}
