package goclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// tries is how often a request is sent at most, over some 15 s.
	tries = 8

	// firstPause is the longest pause after a first failure. It doubles with each one, up to lastPause.
	firstPause = 250 * time.Millisecond
	lastPause  = 10 * time.Second

	// maxTold is the longest pause that the gateway can tell.
	maxTold = time.Minute
)

// call sends a request until it is answered, and reads a success into v: it is sent again after what passes, with the same
// bytes. header is the answer's.
func (c *Client) call(ctx context.Context, r request, v any) (header http.Header, err error) {
	for failures := 1; ; failures++ {
		header, err = c.callOnce(ctx, r, v)
		if err == nil || failures == tries || !mayPass(err) || ctx.Err() != nil {
			return header, err
		}
		if ended := sleep(ctx, pauseAfter(err, failures)); ended != nil {
			return nil, fmt.Errorf("%w; before: %w", ended, err)
		}
	}
}

func (c *Client) callOnce(ctx context.Context, r request, v any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		return nil, ReadProblem(answer)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return answer.Header, nil
}

// pauseAfter is how long to wait after so many failures in a row: what the gateway told at least, and a random time on top,
// so that not all come back at once.
func pauseAfter(err error, failures int) time.Duration {
	atMost := min(firstPause<<min(failures-1, 10), lastPause)
	var told time.Duration
	if p, ok := errors.AsType[*Problem](err); ok {
		told = min(p.RetryAfter, maxTold)
	}
	return told + rand.N(atMost) // #nosec G404 -- it spreads clients in time, and nothing depends on its being unguessable
}

// sleep waits, or returns the error of ctx if that ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
