package partner

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A verdict is posted until it is taken, and told with the time of the first try.
func TestVerdictsArePostedUntilTheyAreTaken(t *testing.T) {
	p := httptest.NewServer(New(time.Millisecond))
	defer p.Close()
	tries := make(chan string, 2)
	refused := false
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !refused { // one try at a time
			refused = true
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		tries <- string(body)
	}))
	defer gateway.Close()
	before := time.Now()
	answer, err := http.Post(p.URL+"/transaction", "application/json",
		strings.NewReader(fmt.Sprintf(`{"id":"a","webhookUrl":%q,"bench":"7"}`, gateway.URL)))
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, answer); got != `{"id":"a","status":"pending"}` {
		t.Errorf("a submit is answered %s", got)
	}
	var after time.Time
	for range 2 {
		if got := <-tries; got != `{"id":"a","status":"completed"}` {
			t.Errorf("the webhook is %s", got)
		}
		if after.IsZero() {
			after = time.Now()
		}
	}
	if answer, err = http.Get(p.URL + "/sent?after=0"); err != nil {
		t.Fatal(err)
	}
	var number, at int64
	if n, err := fmt.Sscan(text(t, answer), &number, &at); n != 2 || err != nil || number != 7 {
		t.Fatalf("%d %v: number %d", n, err, number)
	}
	if sent := time.Unix(0, at); sent.Before(before.Add(time.Millisecond)) || sent.After(after) {
		t.Errorf("it was sent at %s, not between %s and %s", sent, before, after)
	}
	if answer, err = http.Get(p.URL + "/sent?after=1"); err != nil || text(t, answer) != "" {
		t.Errorf("after the first there is another, or %v", err)
	}
}

func TestVerdictsMayComeAtOnce(t *testing.T) {
	p := httptest.NewServer(AtOnce())
	defer p.Close()
	answer, err := http.Post(p.URL+"/transaction", "application/json", strings.NewReader(`{"id":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, answer); got != `{"id":"a","status":"completed"}` {
		t.Errorf("a submit is answered %s", got)
	}
}

func text(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %v: %s", answer.Status, err, body)
	}
	return string(body)
}
