package sim

import (
	"crypto/rand"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	tokenLife = time.Hour // in the partner's time
	maxTokens = 1000      // alive at the same time
)

// giveToken gives an access token. A request without a body gets 411, and one that isn't JSON a page of HTML.
func (m *Momo) giveToken(w http.ResponseWriter, r *http.Request) {
	user, key, _ := r.BasicAuth()
	if user == "" || key == "" || r.Header.Get("Ocp-Apim-Subscription-Key") == "" {
		show(w, http.StatusUnauthorized, map[string]string{"error": "login_failed"})
		return
	}
	if r.ContentLength == 0 {
		w.WriteHeader(http.StatusLengthRequired)
		return
	}
	if content, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || content != "application/json" {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>Sign in</body></html>")
		return
	}
	token, life := m.newToken()
	if token == "" {
		refuse(w, http.StatusTooManyRequests, "", "too many tokens are alive")
		return
	}
	show(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "access_token", "expires_in": max(1, int64(life/time.Second)),
	})
}

// newToken returns a token and how long it will live in real time, or "" if there are too many.
func (m *Momo) newToken() (token string, life time.Duration) {
	life = m.scale(tokenLife)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(m.tokens, func(_ string, until time.Time) bool { return !now.Before(until) })
	if len(m.tokens) >= maxTokens {
		return "", 0
	}
	token = rand.Text()
	m.tokens[token] = now.Add(life)
	m.stats.Tokens++
	return token, life
}

// authorized answers 401 to a request that doesn't carry a token of ours that is alive.
func (m *Momo) authorized(w http.ResponseWriter, r *http.Request) bool {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	m.mu.Lock()
	alive := time.Now().Before(m.tokens[token])
	m.mu.Unlock()
	if !alive || r.Header.Get("Ocp-Apim-Subscription-Key") == "" {
		refuse(w, http.StatusUnauthorized, "", "Access denied due to an invalid or expired token, or a missing subscription key.")
		return false
	}
	return true
}

// pay takes a request to pay and answers when, and as, its plan has it. The request lives on if the client leaves.
func (m *Momo) pay(w http.ResponseWriter, r *http.Request) {
	if !m.authorized(w, r) {
		return
	}
	if code := momoHeaderFault(r.Header); code != "" {
		refuse(w, http.StatusInternalServerError, code, "The request was refused.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, "", err.Error())
		return
	}
	o, err := readPayment(r.Header, body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "", err.Error())
		return
	}
	j, taken, ok := m.begin(o)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	if taken {
		refuse(w, http.StatusConflict, "RESOURCE_ALREADY_EXIST", "Duplicated reference id. Creation of resource failed.")
		return
	}
	if !m.await(r, j) {
		return
	}
	switch j.plan.reply {
	case replyOK:
		w.WriteHeader(http.StatusAccepted)
	case replyTimeout:
		refuse(w, http.StatusInternalServerError, "", "Internal server error")
	case replyRejected:
		refuse(w, http.StatusInternalServerError, "NOT_ALLOWED", "The request was refused.")
	default:
		panic(http.ErrAbortHandler)
	}
}

// momoHeaderFault returns the code with which a request is refused for its header, or "".
func momoHeaderFault(h http.Header) string {
	callback, told := h["X-Callback-Url"]
	switch {
	case h.Get("X-Target-Environment") == "":
		return "NOT_ALLOWED_TARGET_ENVIRONMENT"
	case told && callback[0] == "":
		return "INVALID_CALLBACK_URL_HOST"
	}
	return ""
}

// check answers with what it finds, or 404 and the partner's code for that.
func (m *Momo) check(w http.ResponseWriter, r *http.Request) {
	if !m.authorized(w, r) || !m.admit(w, r) {
		return
	}
	told, found := m.look(r.PathValue("reference"))
	if !found {
		refuse(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
		return
	}
	show(w, http.StatusOK, told)
}
