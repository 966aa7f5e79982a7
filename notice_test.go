package verdict

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWhatFollowsFromAnAttempt(t *testing.T) {
	now := time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)
	fresh := Notice{Endpoint: "shop", Transaction: "t", Version: 1, Due: now}
	last := fresh
	last.Attempts = len(noticePauses)
	told := fresh.After(Receipt{At: now, Taken: true})
	for name, tt := range map[string]struct {
		before   Notice
		receipt  Receipt
		state    NoticeState
		attempts int
		wait     time.Duration // at least, from now; 0: nothing is due
		closes   time.Time
	}{
		"taken":                         {fresh, Receipt{Taken: true}, NoticeTold, 1, 0, time.Time{}},
		"taken at last":                 {last, Receipt{Taken: true}, NoticeTold, 10, 0, time.Time{}},
		"taken, with a wait":            {fresh, Receipt{Taken: true, Wait: time.Hour}, NoticeTold, 1, 0, time.Time{}},
		"failed":                        {fresh, Receipt{}, NoticePending, 1, 5 * time.Second, time.Time{}},
		"failed, with a wait":           {fresh, Receipt{Wait: time.Hour}, NoticePending, 1, time.Hour, now.Add(time.Hour)},
		"failed, with a short wait":     {fresh, Receipt{Wait: time.Second}, NoticePending, 1, 5 * time.Second, now.Add(time.Second)},
		"failed, with an absurd wait":   {fresh, Receipt{Wait: 1000 * time.Hour}, NoticePending, 1, 24 * time.Hour, now.Add(24 * time.Hour)},
		"failed at last":                {last, Receipt{}, NoticeGivenUp, 10, 0, time.Time{}},
		"failed at last, with a wait":   {last, Receipt{Wait: time.Hour}, NoticeGivenUp, 10, 0, now.Add(time.Hour)},
		"gone at last":                  {last, Receipt{Gone: true}, NoticePending, 10, 1, UntilOpened},
		"in vain":                       {fresh, Receipt{Vain: true}, NoticeGivenUp, 1, 0, time.Time{}},
		"failed when replayed":          {told.Replay(now), Receipt{}, NoticePending, 1, 5 * time.Second, time.Time{}},
		"taken when replayed once more": {told.Replay(now.Add(-time.Hour)), Receipt{Taken: true}, NoticeTold, 1, 0, time.Time{}},
	} {
		tt.receipt.At = now
		got := tt.before.After(tt.receipt)
		if got.State() != tt.state || got.Attempts != tt.attempts || got.Version != tt.before.Version+1 {
			t.Errorf("%s: %s after %d attempts, version %d", name, got.State(), got.Attempts, got.Version)
		}
		if tt.wait > 1 && (got.Due.Before(now.Add(tt.wait)) || got.Due.After(now.Add(tt.wait+tt.wait/10))) || tt.wait == 1 && !got.Due.Equal(now) {
			t.Errorf("%s: due after %s, want %s", name, got.Due.Sub(now), tt.wait)
		}
		if closes := tt.receipt.Closes(); !closes.Equal(tt.closes) {
			t.Errorf("%s: closes until %s, want %s", name, closes, tt.closes)
		}
	}
	again := told.Replay(now.Add(time.Hour)).After(Receipt{At: now.Add(time.Hour), Taken: true})
	if !again.ToldAt.Equal(now) {
		t.Errorf("told at first at %s, want %s", again.ToldAt, now)
	}
}

func TestThoseThatFailTogetherAreNotTriedTogether(t *testing.T) {
	times := map[time.Time]bool{}
	for _, id := range []string{"a", "b", "c", "d"} {
		for _, endpoint := range []string{"x", "y"} {
			times[Notice{Endpoint: endpoint, Transaction: id}.After(Receipt{}).Due] = true
		}
	}
	if len(times) != 8 {
		t.Errorf("%d times of 8", len(times))
	}
}

// settled is a transaction with a verdict.
func settledTransaction() Transaction {
	at := time.Date(2026, 1, 15, 10, 0, 0, 123_456_789, time.UTC)
	return Transaction{
		ID: "01a2010d-0b54", Scope: Scope{Tenant: "shop", Owner: "ama", Operation: "transfer", Key: `152399-"536694"`}, Provider: "djamo",
		Status: Failed, Stage: StageSettled, Reason: "declined\n<b>", Version: 3, CreatedAt: at.Add(-time.Second), SettledAt: at,
	}
}

func TestTheStandardForm(t *testing.T) {
	tx := settledTransaction()
	want := `{"type":"transaction.failed","timestamp":"2026-01-15T10:00:00.123Z","data":` + string(tx.Event().Data) + `}`
	if got := string(Form{}.Body(tx)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if id := tx.NoticeID(); id != "01a2010d-0b54-3" || strings.Contains(id, ".") {
		t.Errorf("id %s", id)
	}
}

func TestFormsOfABackendsOwn(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"{id}","status":"{status}"}`:            `{"id":"152399-\"536694\"","status":"declined"}`,
		`{"status":{"id":"{id}","status":"{status}"}}`: `{"status":{"id":"152399-\"536694\"","status":"declined"}}`,
		`{"text":"{operation} of {owner} ({transaction}): {reason} at {settled_at}","more":{},"list":[1, {}]}`: `{"text":"transfer of ama (01a2010d-0b54): ` +
			`declined\n\u003cb\u003e at 2026-01-15T10:00:00.123Z","more":{},"list":[1, {}]}`,
		`{}`: `{}`,
	} {
		f, err := NewForm(text, "accepted", "declined")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := f.Body(settledTransaction())
		if string(got) != want || !json.Valid(got) {
			t.Errorf("%s makes\n%s\nwant\n%s", text, got, want)
		}
	}
}

func TestFormsThatCantBeUsed(t *testing.T) {
	for text, says := range map[string]string{
		`{"id":"{key}"}`: "{key} is no field; there are id, operation, owner, reason, settled_at, status, transaction",
		`{"id":"{ID}"}`:  "{ID} is no field",
		`{"id":{id}}`:    "outside of a string", `{"id":{status}}`: "no JSON object", `{{id}:1}`: "no JSON object",
		`["{id}"]`: "no JSON object", `"{id}"`: "no JSON object", `{"id":"{id}"`: "no JSON object", `{"a":1,"a":2}`: "no JSON object", ``: "no JSON object",
	} {
		if _, err := NewForm(text, "accepted", "declined"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want one that says %q", text, err, says)
		}
	}
	for _, words := range [][2]string{{"", "declined"}, {"accepted", ""}, {"same", "same"}} {
		if _, err := NewForm(`{"status":"{status}"}`, words[0], words[1]); err == nil {
			t.Errorf("words %q were taken", words)
		}
	}
}

func secret(bytes int, fill string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, bytes)))
}

func TestWhatIsSignedCanBeVerifiedByEachSecret(t *testing.T) {
	older, newer, body, now := secret(24, "a"), secret(64, "b"), []byte(`{"type":"x"}`), time.Now()
	signer, err := NewSigner(newer, older)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	signer.Sign(h, "id-3", now, body)
	for _, known := range []string{older, newer, secret(32, "c")} {
		v, err := NewVerifier("standard", known)
		if err != nil {
			t.Fatal(err)
		}
		if good := v.Verify(h, body, now) == nil; good != (known != secret(32, "c")) {
			t.Errorf("verified by %s: %v", known, good)
		}
		if v.Verify(h, append(body, ' '), now) == nil {
			t.Error("another body passes")
		}
	}
	if n := len(strings.Fields(h.Get("Webhook-Signature"))); n != 2 || h.Get("Webhook-Id") != "id-3" {
		t.Errorf("%d signatures; %v", n, h)
	}
	bare := http.Header{}
	(&Signer{}).Sign(bare, "id-3", now, body)
	if bare.Get("Webhook-Id") == "" || bare.Get("Webhook-Timestamp") == "" || bare.Get("Webhook-Signature") != "" {
		t.Errorf("without a secret: %v", bare)
	}
	for _, bad := range []string{"", "whsec_", "whsec_!", secret(23, "a"), secret(65, "a"), strings.TrimPrefix(newer, "whsec_")} {
		if _, err := NewSigner(newer, bad); err == nil || !strings.Contains(err.Error(), "number 2") || len(bad) > len("whsec_!") && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
