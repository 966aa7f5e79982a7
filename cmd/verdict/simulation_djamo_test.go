package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"

	"verdict"
	"verdict/provider/djamo"
	"verdict/provider/sim"
)

// djamoKind is the partner that acts again on a reference that is posted again, and whose webhooks settle.
func djamoKind() partnerKind {
	return partnerKind{
		name: "djamo", byDefault: true, webhookSettles: true,
		simulate: func(c sim.Config) (simulator, error) { return sim.New(c) },
		adapter: func(dial dialFunc) (verdict.Provider, error) {
			c := djamo.Defaults()
			c.URL, c.Dial = "http://djamo", dial
			return djamo.New(c)
		},
		read:    readDjamo,
		ours:    func(id string) string { return id },
		payload: djamoPayload,
	}
}

func readDjamo(r *http.Request, body []byte) (kind verdict.Kind, id, key string) {
	if r.Method != http.MethodPost {
		return verdict.Check, path.Base(r.URL.Path), ""
	}
	var posted struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	}
	_ = json.Unmarshal(body, &posted)
	return verdict.Submit, posted.ID, posted.Key
}

// djamoPayload draws what a request is to meet with at the partner, in the partner's words.
func djamoPayload(u *universe, key string, amount int) string {
	told := []string{
		`{}`, `{}`, `{}`, `{"reply_after":"9s","webhook":"early"}`, `{"reply":"lost","webhook":"none"}`, `{"reply":"lost","webhook":"once"}`,
		`{"reply":"refused"}`, `{"reply":"timeout","settles":true,"settles_after":"118s"}`, `{"reply":"timeout","settles":false}`,
		`{"webhook":"twice"}`, `{"webhook":"contradict","reply_after":"3s"}`, `{"status":"declined","reply_after":"1s"}`,
		`{"reply_after":"2s","webhook":"none"}`,
	}
	wish := told[u.always("misfortune of "+key).IntN(len(told))]
	return fmt.Sprintf(`"key":%q,"amount":"%d","simulate":%s`, key, amount, wish)
}
