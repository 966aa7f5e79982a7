package web

import (
	"context"
	"net/http"
	"time"
)

// webhookTimeout bounds how long a webhook may take to be stored.
const webhookTimeout = 10 * time.Second

// webhook takes POST and PUT /webhooks/{provider}/{token}. It answers 200 once the body is on disk, so that the partner calls
// again if it is not. A partner that hangs up early doesn't stop what it told from being stored: it may not call again.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) error {
	body, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), webhookTimeout)
	defer cancel()
	if err := s.settler.Webhook(ctx, r.PathValue("provider"), r.PathValue("token"), r.Header, body); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}
