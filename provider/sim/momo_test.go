package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mail is the client's end of Momo's webhooks.
type mail struct {
	mu    sync.Mutex
	calls []letter
}

// letter is a webhook. Its URL ends in the reference.
type letter struct {
	reference, method string
	told              result
	at                time.Time
}

func (b *mail) RoundTrip(r *http.Request) (*http.Response, error) {
	l := letter{reference: r.URL.Path[1:], method: r.Method, at: time.Now()}
	if err := json.NewDecoder(r.Body).Decode(&l.told); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, l)
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

func (b *mail) got() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// till is a client of Momo that has a token.
type till struct {
	*Momo
	*mail
	token string
}

// openTill returns a client and its partner, in the bubble of the caller.
func openTill(t *testing.T, c Config) *till {
	t.Helper()
	box := &mail{}
	c.Transport = box
	m, err := NewMomo(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, m) })
	var given struct {
		Token string `json:"access_token"`
	}
	k := &till{Momo: m, mail: box}
	if err := json.Unmarshal([]byte(k.sign("application/json", "{}", "user", "key").body), &given); err != nil {
		t.Fatal(err)
	}
	k.token = given.Token
	return k
}

func (k *till) sign(content, body, user, key string) answer {
	r := httptest.NewRequest(http.MethodPost, "/collection/token/", strings.NewReader(body))
	r.SetBasicAuth(user, key)
	r.Header.Set("Ocp-Apim-Subscription-Key", "key")
	r.Header.Set("Content-Type", content)
	return serve(k.Momo, r)
}

func (k *till) ask(r *http.Request) answer {
	for name, value := range map[string]string{
		"Authorization": "Bearer " + k.token, "Ocp-Apim-Subscription-Key": "key", "X-Target-Environment": "sandbox",
	} {
		if _, told := r.Header[name]; !told {
			r.Header.Set(name, value)
		}
	}
	return serve(k.Momo, r)
}

func (k *till) pay(reference, payer, wish string) answer {
	if wish != "" {
		wish = fmt.Sprintf(`,"payerMessage":%q`, simulatePrefix+wish)
	}
	r := httptest.NewRequest(http.MethodPost, "/collection/v1_0/requesttopay", strings.NewReader(fmt.Sprintf(
		`{"amount":"100","currency":"XOF","externalId":"order","payer":{"partyIdType":"MSISDN","partyId":%q}%s}`, payer, wish)))
	r.Header.Set("X-Reference-Id", reference)
	r.Header.Set("X-Callback-Url", "http://us.example/"+reference)
	return k.ask(r)
}

func (k *till) check(reference string) answer {
	return k.ask(httptest.NewRequest(http.MethodGet, "/collection/v1_0/requesttopay/"+reference, nil))
}

func numbered(n int) string { return fmt.Sprintf("0198f000-0000-4000-8000-%012d", n) }

const (
	somebody = "2250701020304"
	one      = "0198f000-0000-4000-8000-000000000001"
)

func TestMomoTakesAReferenceOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	synctest.Test(t, func(t *testing.T) {
		k := openTill(t, Config{Ledger: path})
		const posts = 20
		codes := map[int]int{}
		var mu sync.Mutex
		var clients sync.WaitGroup
		for range posts {
			clients.Go(func() {
				a := k.pay(one, somebody, `{"reply":"ok","status":"declined","webhook":"once"}`)
				mu.Lock()
				defer mu.Unlock()
				codes[a.code]++
				if a.code == http.StatusConflict && !strings.Contains(a.body, `"code":"RESOURCE_ALREADY_EXIST"`) {
					t.Errorf("conflict: %s", a.body)
				}
			})
		}
		clients.Wait()
		if codes[202] != 1 || codes[409] != posts-1 {
			t.Errorf("answered %v", codes)
		}
		time.Sleep(10 * time.Minute)
		if a := k.pay(one, somebody, `{"status":"completed"}`); a.code != http.StatusConflict {
			t.Errorf("long after: %+v", a)
		}
		if e, s := k.Ledger(), k.Stats(); len(e) != 1 || e[0].Status != declined || len(k.got()) != 1 || s.Posts != posts+1 || s.Repeated != posts {
			t.Errorf("%d webhooks, ledger %+v, stats %+v", len(k.got()), e, s)
		}
		stop(t, k)

		k = openTill(t, Config{Ledger: path})
		if a := k.pay(one, somebody, ""); a.code != http.StatusConflict {
			t.Errorf("after a restart: %+v", a)
		}
		if a := k.check(one); a.code != http.StatusOK || strings.TrimSpace(a.body) != `{"status":"FAILED"}` {
			t.Errorf("after a restart, a check says %+v", a)
		}
	})
}

func TestMomoTakesWhatItRefusedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openTill(t, Config{})
		for _, tt := range []struct {
			wish string
			code int
			body string
		}{
			{`{"reply":"refused"}`, 0, ""},
			{`{"reply":"rejected"}`, 500, `"code":"NOT_ALLOWED"`},
			{`{"reply":"timeout","settles":false}`, 500, `{"message":"Internal server error"}`},
		} {
			if a := k.pay(one, somebody, tt.wish); a.code != tt.code || !strings.Contains(a.body, tt.body) {
				t.Errorf("%s: %+v", tt.wish, a)
			}
			if a := k.check(one); a.code != http.StatusNotFound || !strings.Contains(a.body, `"code":"RESOURCE_NOT_FOUND"`) {
				t.Errorf("%s: a check says %+v", tt.wish, a)
			}
		}
		if a := k.pay(one, somebody, `{"reply":"ok","status":"completed"}`); a.code != http.StatusAccepted || a.body != "" {
			t.Errorf("at last: %+v", a)
		}
		time.Sleep(10 * time.Minute)
		if e := k.Ledger(); len(e) != 1 || e[0].Post != 4 || e[0].ID != one {
			t.Errorf("ledger %+v", e)
		}
	})
}

func TestMomoTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openTill(t, Config{Speed: 100})
		for _, tt := range []struct {
			content, body, user, key string
			code                     int
			want                     string
		}{
			{"application/json", "{}", "user", "key", 200, `"expires_in":36`},
			{"application/json; charset=utf-8", "{}", "user", "key", 200, `"token_type":"access_token"`},
			{"application/json", "", "user", "key", 411, ""},
			{"application/x-www-form-urlencoded", "grant_type=client_credentials", "user", "key", 200, "<html>"},
			{"application/json", "{}", "user", "", 401, "login_failed"},
			{"application/json", "{}", "", "key", 401, "login_failed"},
		} {
			if a := k.sign(tt.content, tt.body, tt.user, tt.key); a.code != tt.code || !strings.Contains(a.body, tt.want) {
				t.Errorf("%+v: got %d %s", tt, a.code, a.body)
			}
		}
		time.Sleep(36*time.Second - 1)
		if a := k.check(one); a.code != http.StatusNotFound {
			t.Errorf("a token in its last nanosecond: %+v", a)
		}
		time.Sleep(time.Nanosecond)
		if a := k.check(one); a.code != http.StatusUnauthorized {
			t.Errorf("an expired token: %+v", a)
		}
		if a := k.pay(one, somebody, ""); a.code != http.StatusUnauthorized || k.Stats().Posts != 0 {
			t.Errorf("to pay with it: %+v", a)
		}
		for range maxTokens {
			k.sign("application/json", "{}", "user", "key")
		}
		if a := k.sign("application/json", "{}", "user", "key"); a.code != http.StatusTooManyRequests || k.Stats().Tokens != maxTokens+3 {
			t.Errorf("one too many: %+v, stats %+v", a, k.Stats())
		}
	})
}

func TestMomoBansWhoChecksMoreThanTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openTill(t, Config{})
		for range 100 {
			if a := k.check(one); a.code != http.StatusNotFound {
				t.Fatalf("ten a second: %+v", a)
			}
			time.Sleep(100 * time.Millisecond)
		}
		for i, want := range []int{404, 429, 403} {
			if a := k.check(one); a.code != want || (a.retryAfter == "1") != (want == 429) {
				t.Errorf("check %d more: %+v, want %d", i, a, want)
			}
		}
		time.Sleep(5 * time.Minute)
		if a := k.check(one); a.code != http.StatusNotFound || k.Stats().Bans != 1 {
			t.Errorf("after the ban: %+v, stats %+v", a, k.Stats())
		}
	})
}

func TestMomoRefusesBadRequestsWithTheMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openTill(t, Config{})
		body := func(amount, payer, message string) string {
			return fmt.Sprintf(`{"amount":%s,"currency":"XOF","payer":%s,"payerMessage":%q}`, amount, payer, message)
		}
		payer := `{"partyIdType":"MSISDN","partyId":"225"}`
		for _, tt := range []struct {
			header, value, body string
			code                int
			want                string
		}{
			{"X-Reference-Id", "0198f000-0000-7000-8000-000000000001", body(`"1"`, payer, ""), 400, "X-Reference-Id: give"},
			{"X-Reference-Id", "", body(`"1"`, payer, ""), 400, "X-Reference-Id: give"},
			{"X-Target-Environment", "", body(`"1"`, payer, ""), 500, `"code":"NOT_ALLOWED_TARGET_ENVIRONMENT"`},
			{"X-Callback-Url", "", body(`"1"`, payer, ""), 500, `"code":"INVALID_CALLBACK_URL_HOST"`},
			{"Ocp-Apim-Subscription-Key", "", body(`"1"`, payer, ""), 401, "Access denied"},
			{"Authorization", "Bearer made-up", body(`"1"`, payer, ""), 401, "Access denied"},
			{"Authorization", "", body(`"1"`, payer, ""), 401, "Access denied"},
			{"", "", "", 400, "broken JSON"},
			{"", "", body(`1`, payer, ""), 400, "send a JSON object with texts"},
			{"", "", body(`"-1"`, payer, ""), 400, "amount: give"},
			{"", "", body(`"1"`, `{"partyIdType":"EMAIL","partyId":"225"}`, ""), 400, "payer: give"},
			{"", "", body(`"1"`, `{"partyIdType":"MSISDN","partyId":"+225"}`, ""), 400, "payer: give"},
			{"", "", `{"amount":"1","payer":` + payer + `}`, 400, "currency: give"},
			{"", "", body(`"1"`, payer, strings.Repeat("é", 161)), 400, "at most 160 characters"},
			{"", "", body(`"1"`, payer, "simulate:"), 400, "simulate: broken JSON"},
			{"", "", body(`"1"`, payer, "simulate:[]"), 400, "simulate: give a JSON object"},
			{"", "", body(`"1"`, payer, `simulate:{"reply":"late"}`), 400, "give one of ok, timeout, lost, refused, rejected"},
			{"", "", body(`"1"`, payer, `simulate:{"reply":"rejected","settles":true}`), 400, "settles and settles_after go with"},
			{"", "", body(`"1"`, payer, `simulate:{"reply":"refused","settles_after":"1s"}`), 400, "settles and settles_after go with"},
			{"", "", body(`"1"`, payer, `simulate:{"reply":"rejected","webhook":"once"}`), 400, "a webhook tells of an effect"},
		} {
			r := httptest.NewRequest(http.MethodPost, "/collection/v1_0/requesttopay", strings.NewReader(tt.body))
			r.Header.Set("X-Reference-Id", one)
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			if a := k.ask(r); a.code != tt.code || !strings.Contains(a.body, tt.want) {
				t.Errorf("%s %q, %.60s: got %d %s, want %d, %s", tt.header, tt.value, tt.body, a.code, a.body, tt.code, tt.want)
			}
		}
		time.Sleep(10 * time.Minute)
		if e, s := k.Ledger(), k.Stats(); len(e) != 0 || s.Posts != 0 {
			t.Errorf("effects %+v, stats %+v", e, s)
		}
	})
}

func TestMomoSpeaksHTTP(t *testing.T) {
	called := make(chan string, 1)
	us := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		called <- string(body)
	}))
	defer us.Close()
	m, err := NewMomo(Config{Speed: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, m)
	k := &till{Momo: m}
	var given struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(k.sign("application/json", "{}", "user", "key").body), &given); err != nil {
		t.Fatal(err)
	}
	k.token = given.Token
	r := httptest.NewRequest(http.MethodPost, "/collection/v1_0/requesttopay", strings.NewReader(
		`{"amount":"100","currency":"EUR","payer":{"partyIdType":"MSISDN","partyId":"46733123456"},"payerMessage":"simulate:{\"webhook\":\"once\"}"}`))
	r.Header.Set("X-Reference-Id", one)
	r.Header.Set("X-Callback-Url", us.URL)
	if a := k.ask(r); a.code != http.StatusAccepted {
		t.Errorf("got %+v", a)
	}
	if got := <-called; !strings.Contains(got, `"status":"SUCCESSFUL"`) || !strings.Contains(got, `"payer":{"partyIdType":"MSISDN","partyId":"46733123456"}`) {
		t.Errorf("webhook: got %s", got)
	}
}
