package web

import (
	"encoding/json"
	"net/http"

	"verdict"
)

// appAnswer is what POST /transaction tells: a transaction in the words of the app.
type appAnswer struct {
	ID                    string         `json:"id"` // the app's
	TransactionID         string         `json:"transactionId"`
	Status                verdict.Status `json:"status"`
	TransactionStatus     string         `json:"transactionStatus"`
	TransactionStatusCode int            `json:"transactionStatusCode"`
	Message               []string       `json:"message"`
}

// appSubmit takes POST /transaction: the app's own object, whose id is the idempotency key. The rest is the payload.
func (s *Server) appSubmit(w http.ResponseWriter, r *http.Request) error {
	body, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	id, payload, err := readAppRequest(body)
	if err != nil {
		return s.whereKeysAre(err)
	}
	t, err := s.acceptHTTP(w, r, verdict.Request{
		Scope: verdict.Scope{Operation: defaultOperation, Key: id}, Payload: payload,
	})
	if err != nil {
		return reword(err, map[string]string{"key": "id", "payload": "the members besides id"})
	}
	language := negotiate(r.Header, s.language)
	w.Header().Set("Content-Language", language)
	w.Header().Add("Vary", "Accept-Language")
	return writeState(w, t.Settled(), newAppAnswer(t, language))
}

// readAppRequest splits the app's object into its id and the rest.
func readAppRequest(body []byte) (id string, payload []byte, err error) {
	object, err := members(body)
	if err != nil {
		return "", nil, err
	}
	if _, ok := object["id"]; !ok {
		return "", nil, refusal{missingKey, `The member "id" is missing. Send an id of your own that is the same whenever you repeat this request.`}
	}
	if id, err = stringMember(object, "id", ""); err != nil {
		return "", nil, err
	}
	delete(object, "id")
	payload, err = json.Marshal(object)
	return id, payload, err
}

func newAppAnswer(t verdict.Transaction, language string) appAnswer {
	answer := appAnswer{
		ID: t.Key, TransactionID: t.ID, Status: t.Status, TransactionStatus: "PENDING",
		Message: []string{message(language, t.Status)},
	}
	switch t.Status {
	case verdict.Succeeded:
		answer.TransactionStatus, answer.TransactionStatusCode = "ACCEPTED", 1
	case verdict.Failed:
		answer.TransactionStatus, answer.TransactionStatusCode = "DECLINED", 2
	}
	return answer
}
