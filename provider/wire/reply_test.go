package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"verdict"
)

func TestPauseIsWhatRetryAfterSaysWithinBounds(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		retryAfter string
		want       time.Duration
	}{
		{"", time.Minute},
		{"5", 5 * time.Second},
		{" 5 ", 5 * time.Second},
		{"0", time.Second},
		{"3600", time.Hour},
		{"3601", time.Hour},
		{"99999999999999999999", time.Hour},
		{"-5", time.Minute},
		{"1.5", time.Minute},
		{"soon", time.Minute},
		{now.Add(90 * time.Second).Format(http.TimeFormat), 90 * time.Second},
		{now.Add(-time.Hour).Format(http.TimeFormat), time.Second},
		{now.AddDate(100, 0, 0).Format(http.TimeFormat), time.Hour},
	} {
		if got := pause(tt.retryAfter, now); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.retryAfter, got, tt.want)
		}
	}
}

func TestErrorsArePlain(t *testing.T) {
	at := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{Port: 80}, Err: err}
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{at(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "connection refused"},
		{at(os.NewSyscallError("read", syscall.ECONNRESET)), "connection reset by peer"},
		{at(&net.DNSError{Name: "partner.example", IsNotFound: true}), "the partner's host name can't be resolved"},
		{at(os.ErrDeadlineExceeded), "timed out"},
		{context.DeadlineExceeded, "timed out"},
		{context.Canceled, "the call was cancelled"},
		{errors.New("http: something about https://partner.example"), "the connection failed"},
	} {
		if got := plain(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestThrottledTellsTheWaitAndUndecidedTheStatus(t *testing.T) {
	r := Reply{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"90"}}}
	throttled, ok := errors.AsType[*verdict.ThrottledError](r.Throttled())
	if !ok || throttled.After != 90*time.Second || errors.Is(r.Throttled(), verdict.ErrUncertain) {
		t.Errorf("throttled: got %v", r.Throttled())
	}
	if err := r.Undecided(); !errors.Is(err, verdict.ErrUncertain) || !strings.HasPrefix(err.Error(), "the partner answered 429") {
		t.Errorf("undecided: got %v", err)
	}
}

func TestObjectRefusesWhatParsersCouldDisagreeAbout(t *testing.T) {
	members, err := Object([]byte(` {"n": 10000000000000000001.10, "N": null, "s": "a"} `))
	if err != nil || len(members) != 3 || string(members["n"]) != "10000000000000000001.10" || string(members["N"]) != "null" {
		t.Errorf("got %s, %v", members, err)
	}
	for _, body := range []string{
		"", "null", "[]", `"text"`, "7", "{", "{} {}", `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", "<html>",
		`{"a":"` + strings.Repeat("a", verdict.MaxRaw) + `"}`,
	} {
		if members, err := Object([]byte(body)); members != nil || !errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("%.40q: got %s, %v", body, members, err)
		}
	}
}

func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"status":"SUCCESSFUL","amount":1e400,"reason":{"code":"EXPIRED"}}`))
	f.Add([]byte(`{"a":[{"a":[]}],"\u0061":null}`))
	f.Add([]byte("{\"a\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := Object(bytes.Clone(body))
		if err != nil {
			if members != nil || !errors.Is(err, verdict.ErrUncertain) {
				t.Errorf("got %s beside %v", members, err)
			}
			return
		}
		for name, value := range members {
			if !json.Valid(value) {
				t.Errorf("member %q is %q", name, value)
			}
		}
		if !json.Valid(body) {
			t.Errorf("took %q, which isn't JSON", body)
		}
	})
}
