package web

import (
	"errors"
	"net/http"
	"time"

	"verdict"
)

// keyAnswer is what POST /v1/idempotency-keys tells.
type keyAnswer struct {
	Key       string    `json:"key"`
	Operation string    `json:"operation"`
	ExpiresAt time.Time `json:"expires_at"` // until its first use
}

// issueKey takes POST /v1/idempotency-keys. Without a body the key is for the default operation.
func (s *Server) issueKey(w http.ResponseWriter, r *http.Request) error {
	body, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	operation, err := readPurpose(body)
	if err != nil {
		return err
	}
	key, expires, err := s.intake.IssueKey(caller(r), operation)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, keyAnswer{Key: key, Operation: operation, ExpiresAt: expires.UTC()})
}

func readPurpose(body []byte) (operation string, err error) {
	if len(body) == 0 {
		return defaultOperation, nil
	}
	object, err := members(body)
	if err != nil {
		return "", err
	}
	if err := onlyMembers(object, "operation"); err != nil {
		return "", err
	}
	return stringMember(object, "operation", defaultOperation)
}

// whereKeysAre tells a client whose request has no key where to fetch one, if it can't make its own.
func (s *Server) whereKeysAre(err error) error {
	var refused refusal
	if s.intake.Mode != verdict.ServerKeys || !errors.As(err, &refused) || refused.kind != missingKey {
		return err
	}
	return refusal{missingKey, `Nothing was stored. Keys are issued here: fetch one with POST /v1/idempotency-keys {"operation":"..."}, keep it, and send it whenever you send this request.`}
}
