package web

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBodyThatDoesNotArriveIsRefused(t *testing.T) {
	c := newContract(t)
	for _, path := range []string{"/transaction", "/v1/transactions", "/webhooks/djamo/x"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			conn, err := w.listenOnPipes(t).dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			began := time.Now()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: pipe\r\nIdempotency-Key: k1\r\nContent-Length: 100\r\n\r\n{", path)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || time.Since(began) != bodyTimeout {
				t.Fatalf("after %s: %v", time.Since(began), err)
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			recorded := httptest.NewRecorder()
			maps.Copy(recorded.Header(), answer.Header)
			recorded.WriteHeader(answer.StatusCode)
			recorded.Body.Write(body)
			if err := c.check(httptest.NewRequest("POST", path, nil), "", recorded); err != nil {
				t.Error(err)
			}
			wantProblem(t, recorded, slowRequest)
		})
	}
}

func TestClientOfALargeBodyGetsItsAnswer(t *testing.T) {
	url := newWorld(t).listen()
	answer, err := http.Post(url+"/transaction", "", strings.NewReader(`{"id":"`+strings.Repeat("x", 10<<20)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if p := decode[problem](t, answer.Body); answer.StatusCode != http.StatusRequestEntityTooLarge || p.Type != tooLarge.path() {
		t.Errorf("%d %+v", answer.StatusCode, p)
	}
}
