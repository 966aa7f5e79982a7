package goclient

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is the gateway's answer that it can't do what a request asks (RFC 9457). Test with errors.As.
type Problem struct {
	Type       string        `json:"type"` // the path of its page, such as /problems/other-content
	Title      string        `json:"title"`
	Status     int           `json:"status"` // of HTTP
	Detail     string        `json:"detail"`
	Instance   string        `json:"instance"`     // names the error in the gateway's log, if it is there
	RetrySafe  bool          `json:"retry_safe"`   // the same request may be sent again as it is, and may then succeed
	NewKeySafe bool          `json:"new_key_safe"` // it was not and will not be carried out: a new key can't make it act twice
	RetryAfter time.Duration `json:"-"`            // how long to wait before; zero: the gateway didn't say
}

func (p *Problem) Error() string {
	text := strconv.Itoa(p.Status) + " " + http.StatusText(p.Status)
	if p.Title != "" {
		text += ": " + p.Title
	}
	if p.Detail != "" {
		text += ". " + p.Detail
	}
	return text
}

// Slug is the kind of problem, as its page is called: "key-unknown" for /problems/key-unknown.
func (p *Problem) Slug() string { return p.Type[strings.LastIndexByte(p.Type, '/')+1:] }

// passes reports whether the same request may be accepted a little later. A transaction that isn't found is none that
// is late: a caller has its id only once it is on record.
func (p *Problem) passes() bool { return p.RetrySafe && p.Status != http.StatusNotFound }

// ReadProblem reads the problem from an answer that is no success. What stands between us and the gateway may answer in
// other words: then the status says whether the same request may be sent again.
func ReadProblem(answer *http.Response) *Problem {
	var p Problem
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil || json.Unmarshal(text, &p) != nil || p.Title == "" {
		p = Problem{RetrySafe: passing(answer.StatusCode)}
	}
	p.Status, p.RetryAfter = answer.StatusCode, retryAfter(answer.Header)
	return &p
}

// passing reports whether a status tells of what passes.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

// retryAfter reads Retry-After: seconds or a date (RFC 9110 section 10.2.3). It is zero if there is none to be read.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// mayPass reports whether a request that failed may be sent again as it is: after anything but a refusal, and what is
// wrong on our side.
func mayPass(err error) bool {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.passes()
	}
	_, final := errors.AsType[finalError](err)
	return !final
}
