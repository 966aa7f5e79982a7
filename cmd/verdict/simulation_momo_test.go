package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"verdict"
	"verdict/provider/momo"
	"verdict/provider/sim"
)

// momoKind is the partner that acts once on a reference, however often it is posted, wants an access token with each call,
// and whose webhooks only pull a check forward.
func momoKind() partnerKind {
	return partnerKind{
		name: "momo", deduplicates: true,
		simulate: func(c sim.Config) (simulator, error) { return sim.NewMomo(c) },
		adapter:  momoAdapter,
		read:     readMomo,
		ours:     fromMomo,
		payload:  momoPayload,
	}
}

// momoAdapter takes "not found" for final before the first check, and sooner than the partner deserves: it hides some of
// what it took for up to 30 seconds. So what it never took is sent again, and now and then what it has.
func momoAdapter(dial dialFunc) (verdict.Provider, error) {
	c := momo.Defaults()
	c.URL, c.TargetEnvironment, c.Currency = "http://momo", "sandbox", "EUR"
	c.SubscriptionKey, c.APIUser, c.APIKey = "subscription", "user", "key"
	c.SubmitTimeout, c.NotFoundFinal, c.Dial = 10*time.Second, 11*time.Second, dial
	return momo.New(c)
}

func readMomo(r *http.Request, body []byte) (kind verdict.Kind, id, key string) {
	if reference, ok := strings.CutPrefix(r.URL.Path, "/collection/v1_0/requesttopay/"); ok {
		return verdict.Check, fromMomo(reference), ""
	}
	if r.URL.Path != "/collection/v1_0/requesttopay" {
		return "", "", "" // for a token
	}
	var posted struct {
		ExternalID string `json:"externalId"`
	}
	_ = json.Unmarshal(body, &posted)
	return verdict.Submit, fromMomo(r.Header.Get("X-Reference-Id")), posted.ExternalID
}

// fromMomo is our reference for one of the partner's, which takes UUIDs of version 4 where ours are of version 7.
func fromMomo(reference string) string { return reference[:14] + "7" + reference[15:] }

// momoPayload draws what a request is to meet with at the partner, in the words of its simulator. Most is left to chance.
func momoPayload(u *universe, key string, amount int) string {
	told := []string{
		`{}`, `{}`, `{}`, `{}`, `{}`, `{"reply_after":"9s","webhook":"early"}`, `{"reply":"lost","webhook":"none"}`,
		`{"reply":"lost"}`, `{"reply":"refused"}`, `{"reply":"rejected"}`, `{"reply":"timeout","settles":true}`, `{"webhook":"twice"}`,
		`{"webhook":"contradict","settles_after":"3s"}`, `{"status":"declined","settles_after":"5s"}`, `{"settles":false}`,
	}
	wish := "simulate:" + told[u.always("misfortune of "+key).IntN(len(told))]
	return fmt.Sprintf(`"externalId":%q,"amount":"%d","payer":"22507010203","payerMessage":%q`, key, amount, wish)
}
