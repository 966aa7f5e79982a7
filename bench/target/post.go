package target

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// publisher holds the connections by which events are caused: as many as are wanted at once, and they are kept.
var publisher = &http.Client{
	Transport: &http.Transport{MaxIdleConnsPerHost: 1000, IdleConnTimeout: time.Minute, DisableCompression: true},
	Timeout:   time.Minute,
}

// CloseIdle closes the connections by which events were caused, so that no server holds memory for them.
func CloseIdle() { publisher.CloseIdleConnections() }

func newJSON(ctx context.Context, url string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// post posts JSON and discards the answer, which must be a success.
func post(ctx context.Context, url string, body []byte) error {
	r, err := newJSON(ctx, url, body)
	if err != nil {
		return err
	}
	return do(r)
}

func do(r *http.Request) error {
	answer, err := publisher.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}
