package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestTLS plays a transaction over HTTP/1.1 and HTTP/2, is told the verdict by SSE over each and by a WebSocket, and has the
// certificate changed while the instance runs.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir, partner, address, operators := t.TempDir(), freeAddress(t), freeAddress(t), freeAddress(t)
	files := filesIn(dir)
	pool := selfSigned(t, files, 1, time.Now().Add(-time.Hour), time.Now().Add(year))
	launch(t, "third party ready", "thirdparty", "--address", partner, "--speed", worldSpeed, "--ban-after", "-1")
	config := filepath.Join(dir, "verdict.yaml")
	text := "address: " + address + "\nproviders: {djamo: {url: \"http://" + partner + "\"}}\n" +
		"database: sqlite:" + filepath.Join(dir, "verdict.db") + "\nstream: {dir: " + filepath.Join(dir, "jetstream") + "}\n" +
		"tls: {cert: " + files.Cert + ", key: " + files.Key + ", http2: true}\n" +
		"admin: {tls: {cert: " + files.Cert + ", key: " + files.Key + "}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, "msg=ready", "serve", "--config", config, "--admin-address", operators)
	url := "https://" + address

	for protocol, client := range map[string]*http.Client{"HTTP/1.1": newTLSClient(trusting(pool), false), "HTTP/2.0": newTLSClient(trusting(pool), true)} {
		answer, err := client.Post(url+"/transaction", "application/json", strings.NewReader(`{"id":"`+protocol+`","simulate":{"status":"completed","reply":"ok","reply_after":"1s"}}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if answer.Body.Close(); err != nil || answer.Proto != protocol || answer.Header.Get("Strict-Transport-Security") == "" {
			t.Fatalf("%s: %s %v %s", protocol, answer.Proto, err, answer.Header)
		}
		var accepted struct{ TransactionID string }
		if err := json.Unmarshal(body, &accepted); err != nil {
			t.Fatal(err)
		}
		wantVerdictBySSE(t, client, url+"/v1/transactions/"+accepted.TransactionID+"/events")
		wantVerdictBySocket(t, trusting(pool), "wss://"+address+"/v1/ws", accepted.TransactionID)
	}

	old := trusting(pool)
	old.MaxVersion = tls.VersionTLS11
	old.MinVersion = tls.VersionTLS10
	if conn, err := tls.Dial("tcp", address, old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
	if plain, err := http.Get("http://" + address + "/v1/transactions/x"); err == nil {
		plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP is answered %s", plain.Status)
		}
	}
	metrics, err := newTLSClient(trusting(pool), false).Get("https://" + operators + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	scraped, err := io.ReadAll(metrics.Body)
	metrics.Body.Close()
	if err != nil || strings.Count(string(scraped), "verdict_tls_certificate_expiry_timestamp_seconds{") != 2 {
		t.Errorf("of two listeners' certificates the metrics say, with %v:\n%s", err, scraped)
	}

	pool = selfSigned(t, files, 2, time.Now().Add(-time.Hour), time.Now().Add(year))
	deadline := time.Now().Add(4 * lookEvery)
	for _, at := range []string{address, operators} {
		for err = errNotYet; err != nil && time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			var conn *tls.Conn
			if conn, err = tls.Dial("tcp", at, trusting(pool)); err == nil {
				conn.Close()
			}
		}
		if err != nil {
			t.Errorf("%s serves the old certificate: %v", at, err)
		}
	}
}

var errNotYet = context.DeadlineExceeded

func newTLSClient(config *tls.Config, http2 bool) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: http2}}
}

func wantVerdictBySSE(t *testing.T, client *http.Client, url string) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if strings.Contains(lines.Text(), `"status":"succeeded"`) {
			return
		}
	}
	t.Errorf("no verdict over %s", answer.Proto)
}

// wantVerdictBySocket uses a client that offers HTTP/1.1 alone, as browsers do for WebSockets.
func wantVerdictBySocket(t *testing.T, config *tls.Config, url, id string) {
	t.Helper()
	config.NextProtos = []string{"http/1.1"}
	dialer := websocket.Dialer{TLSClientConfig: config, HandshakeTimeout: 10 * time.Second}
	conn, _, err := dialer.DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.WriteJSON(map[string]string{"type": "subscribe", "transaction": id}); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"status":"succeeded"`) {
			return
		}
	}
}
