package web

import (
	"context"
	"errors"

	"github.com/gorilla/websocket"

	"verdict"
	"verdict/web/auth"
)

// talk is a conversation with a WebSocket's client. One goroutine deals with what the client says.
type talk struct {
	*line
	principal     auth.Principal
	following     bool            // all verdicts
	subscriptions []*subscription // to a transaction each; a map would take more memory for the one that is usual
}

// take heeds a message, until the line ends: then the client has only to answer the goodbye.
func (t *talk) take(kind int, text []byte) {
	switch {
	case !t.wait():
	case kind != websocket.TextMessage:
		t.say(errorMessage{Code: codeMessage, Message: "send text, not binary"}.text())
	default:
		t.hear(text)
	}
}

// hear does what a client's message asks, and answers it.
func (t *talk) hear(text []byte) {
	ctx, done := t.during()
	defer done()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m, err := readMessage(text)
	if err == nil {
		err = t.heed(ctx, m)
	}
	if err != nil && !t.hasEnded() {
		t.say(t.errorOf(m, err).text())
	}
}

// heed returns why it did not heed a message: an errorMessage, or what errorOf makes one of.
func (t *talk) heed(ctx context.Context, m clientMessage) error {
	switch m.Type {
	case "ping":
		t.say(answerMessage{Type: "pong", Ref: m.Ref}.text())
		return nil
	case "auth":
		return t.reauthenticate(ctx, m)
	case "ack":
		return t.acknowledge(ctx, m)
	case "submit":
		return t.submit(ctx, m)
	}
	switch {
	case m.Type == "unsubscribe" && m.Transaction == "":
		t.unsubscribeAll()
		t.say(answerMessage{Type: "unsubscribed", Ref: m.Ref}.text())
		return nil
	case m.Type == "unsubscribe":
		t.unsubscribe(m.Transaction)
		t.say(answerMessage{Type: "unsubscribed", Ref: m.Ref, Transaction: m.Transaction}.text())
		return nil
	case m.Transaction == "":
		return t.subscribeAll(ctx, m)
	}
	return t.subscribe(ctx, m.Transaction, func(verdict.Transaction) []byte {
		return answerMessage{Type: "subscribed", Ref: m.Ref, Transaction: m.Transaction}.text()
	})
}

// errorOf words an error for the client, and logs the ones that are ours.
func (t *talk) errorOf(m clientMessage, err error) errorMessage {
	told := errorMessage{Code: codeUnavailable, Message: "the record can't be reached; say it again in a few seconds"}
	p := problemOf(err)
	if !errors.As(err, &told) {
		t.server.requests.refused(p)
	}
	switch {
	case errors.As(err, &told):
	case m.Type == "submit":
		told = errorMessage{Code: codeRefused, Message: p.Detail, Problem: &p}
	case p.Type == authUnavailable.path():
		told = errorMessage{Code: codeUnavailable, Message: p.Detail}
	case p.Type == invalidRequest.path():
		told = errorMessage{Code: codeMessage, Message: p.Detail}
	case p.Type == noTransaction.path():
		told = errorMessage{Code: codeNotFound, Message: "there is no such transaction"}
	case p.Type == notSettled.path():
		told = errorMessage{Code: codeNotSettled, Message: p.Detail}
	case p.Status == unauthenticated.status, p.Status == forbidden.status:
		told = errorMessage{Code: codeUnauthenticated, Message: p.Detail}
	}
	if told.Code == codeUnavailable || told.Problem != nil && p.Type == unavailable.path() {
		about(t.server.log, m.Transaction).Error("message failed", "type", m.Type, "error", err)
	}
	told.Ref, told.Transaction = m.Ref, m.Transaction
	return told
}

// submit is what POST /v1/transactions does, and a subscription to the transaction.
func (t *talk) submit(ctx context.Context, m clientMessage) error {
	if err := t.server.rates.by(t.principal); err != nil {
		return err
	}
	accepted, replayed, err := t.server.accept(ctx, t.principal.Audience, m.Request)
	if err != nil {
		return err
	}
	answer := func(tr verdict.Transaction) []byte {
		return answerMessage{Type: "submitted", Ref: m.Ref, Transaction: tr.Event().Data, Replayed: &replayed}.text()
	}
	if err := t.subscribe(ctx, accepted.ID, answer); err != nil { // it is on record, and its verdict won't be told here
		t.say(answer(accepted))
		t.say(t.errorOf(clientMessage{Type: "subscribe", Ref: m.Ref, Transaction: accepted.ID}, err).text())
	}
	return nil
}

// acknowledge is what POST /v1/transactions/{id}/ack does.
func (t *talk) acknowledge(ctx context.Context, m clientMessage) error {
	c, err := t.server.confirm(ctx, t.principal.Audience, m.Transaction, m.ID)
	if err != nil {
		return err
	}
	t.say(answerMessage{Type: "acknowledged", Ref: m.Ref, Transaction: c.Transaction, ID: c.ID, At: &c.At}.text())
	return nil
}

// reauthenticate takes new credentials of the same user.
func (t *talk) reauthenticate(ctx context.Context, m clientMessage) error {
	p, err := t.server.guard.Token(ctx, m.Token)
	if err != nil {
		return err
	}
	forAnyone := p.Role == auth.Service && t.principal.Role == auth.Service && p.Tenant == t.principal.Tenant
	if p.Audience != t.principal.Audience && !forAnyone {
		return errorMessage{Code: codeUnauthenticated, Message: "these are another user's credentials; open another connection for that user"}
	}
	t.renew(p.Expires)
	answer := answerMessage{Type: "authenticated", Ref: m.Ref}
	if !p.Expires.IsZero() {
		at := p.Expires.UTC()
		answer.ExpiresAt = &at
	}
	t.say(answer.text())
	return nil
}
