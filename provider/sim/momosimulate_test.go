package sim

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMomoOverridesDoWhatTheySay(t *testing.T) {
	const never = -1
	for _, tt := range []struct {
		wish     string
		code     int // 0: cut
		after    time.Duration
		status   string // at the end; "": not found
		effect   time.Duration
		webhooks []time.Duration
	}{
		{`{"status":"completed","reply":"ok","reply_after":"2s","settles_after":"30s","webhook":"none"}`, 202, 2 * time.Second, "SUCCESSFUL", 30 * time.Second, nil},
		{`{"status":"declined","reply":"ok","reply_after":"0s","settles_after":"30s","webhook":"once","webhook_after":"40s"}`, 202, 0, "FAILED",
			30 * time.Second, []time.Duration{40 * time.Second}},
		{`{"status":"completed","reply":"ok","reply_after":"4s","webhook":"early"}`, 202, 4 * time.Second, "SUCCESSFUL", 2 * time.Second, []time.Duration{2 * time.Second}},
		{`{"status":"completed","reply":"timeout","reply_after":"1s","settles":true,"settles_after":"9s","webhook":"none"}`, 500, time.Second, "SUCCESSFUL", 9 * time.Second, nil},
		{`{"reply":"timeout","reply_after":"1s","settles":false}`, 500, time.Second, "", never, nil},
		{`{"reply":"ok","reply_after":"1s","settles":false}`, 202, time.Second, "PENDING", never, nil},
		{`{"status":"declined","reply":"lost","reply_after":"1s","settles_after":"5s","webhook":"none"}`, 0, time.Second, "FAILED", 5 * time.Second, nil},
		{`{"reply":"refused","reply_after":"1s"}`, 0, time.Second, "", never, nil},
		{`{"reply":"rejected","reply_after":"1s"}`, 500, time.Second, "", never, nil},
	} {
		t.Run(tt.wish, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := openTill(t, Config{})
				a := k.pay(one, somebody, tt.wish)
				if a.code != tt.code {
					t.Errorf("answered %+v", a)
				}
				within(t, "answered", a.took, tt.after)
				time.Sleep(5 * time.Minute)
				if end := k.check(one); end.status != tt.status || (end.code == http.StatusNotFound) != (tt.status == "") {
					t.Errorf("in the end: %+v", end)
				}
				e := k.Ledger()
				if (len(e) == 0) != (tt.effect == never) || len(k.got()) != len(tt.webhooks) {
					t.Fatalf("effects %+v, webhooks %+v", e, k.got())
				}
				if len(e) > 0 {
					within(t, "effect", e[0].At.Sub(epoch), tt.effect)
				}
				for i, l := range k.got() {
					if got := l.at.Sub(epoch); got < tt.webhooks[i] || got > tt.webhooks[i]+20*time.Millisecond || l.told.Status != tt.status {
						t.Errorf("webhook after %s: %+v", got, l)
					}
				}
			})
		})
	}
}

func TestMomoContradictsWhenToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openTill(t, Config{})
		k.pay(one, "46733123454", `{"webhook":"contradict"}`)
		time.Sleep(10 * time.Minute)
		got := k.got()
		if len(got) != 2 || got[0].told.Status != "SUCCESSFUL" || got[1].told.Status != "FAILED" || code(got[1].told.Reason) == "" {
			t.Errorf("got %+v", got)
		}
		if e := k.Ledger(); len(e) != 1 || e[0].Status != completed {
			t.Errorf("ledger %+v", e)
		}
	})
}

func TestMomoSandboxPayers(t *testing.T) {
	for payer, want := range map[string]string{
		"46733123450": "FAILED INTERNAL_PROCESSING_ERROR", "46733123451": "FAILED APPROVAL_REJECTED",
		"46733123452": "FAILED EXPIRED", "46733123453": "PENDING", "46733123454": "PENDING, then SUCCESSFUL",
		"46733123455": "FAILED PAYER_NOT_FOUND", "46733123461": "FAILED INTERNAL_PROCESSING_ERROR",
		"46733123462": "FAILED SERVICE_UNAVAILABLE", "46733123456": "SUCCESSFUL", "46733123999": "SUCCESSFUL",
	} {
		synctest.Test(t, func(t *testing.T) {
			k := openTill(t, Config{BanAfter: -1})
			var clients sync.WaitGroup
			for i := range 50 {
				clients.Go(func() {
					if a := k.pay(numbered(i), payer, ""); a.code != http.StatusAccepted {
						t.Errorf("%s: %+v", payer, a)
					}
				})
			}
			clients.Wait()
			time.Sleep(3*time.Minute + time.Second)
			for i := range 50 {
				if got := k.status(t, numbered(i)); !strings.HasPrefix(want, got) && got != want {
					t.Errorf("%s: %s, want %s", payer, got, want)
				}
			}
			time.Sleep(10 * time.Minute)
			last := strings.TrimPrefix(want, "PENDING, then ")
			for i := range 50 {
				if got := k.status(t, numbered(i)); got != last {
					t.Errorf("%s in the end: %s, want %s", payer, got, last)
				}
			}
		})
	}
}

// status returns a request's status, and the reason if it has one.
func (k *till) status(t *testing.T, reference string) string {
	var told struct {
		Status string
		Reason any
	}
	if err := json.Unmarshal([]byte(k.check(reference).body), &told); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(told.Status + " " + code(told.Reason))
}

// code returns a reason's code, whichever form it has, or "".
func code(reason any) string {
	if object, ok := reason.(map[string]any); ok {
		reason = object["code"]
	}
	text, _ := reason.(string)
	return text
}
