package sim

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestOverridesDoWhatTheySay(t *testing.T) {
	const never = -1
	type call struct {
		after  time.Duration
		status string
	}
	for _, tt := range []struct {
		simulate string
		code     int // 0: cut
		after    time.Duration
		status   string        // of the effect
		effect   time.Duration // when; never: none
		webhooks []call
	}{
		{`{"status":"completed","reply":"ok","reply_after":"2s","webhook":"none"}`, 200, 2 * time.Second, completed, 2 * time.Second, nil},
		{`{"status":"declined","reply":"ok","reply_after":"20s","webhook":"once","webhook_after":"15s"}`, 200, 20 * time.Second, declined,
			20 * time.Second, []call{{20 * time.Second, declined}}},
		{`{"status":"declined","reply":"ok","reply_after":"1s","webhook":"once","webhook_after":"15s"}`, 200, time.Second, declined,
			time.Second, []call{{15 * time.Second, declined}}},
		{`{"status":"completed","reply":"ok","reply_after":"4s","webhook":"early"}`, 200, 4 * time.Second, completed,
			2 * time.Second, []call{{2 * time.Second, completed}}},
		{`{"status":"completed","reply":"ok","reply_after":"4s","webhook":"early","webhook_after":"3s"}`, 200, 4 * time.Second, completed,
			3 * time.Second, []call{{3 * time.Second, completed}}},
		{`{"status":"completed","reply":"timeout","reply_after":"30s","settles":true,"settles_after":"60s"}`, 504, 30 * time.Second, completed, 60 * time.Second, nil},
		{`{"reply":"timeout","reply_after":"1s","settles":false}`, 504, time.Second, "", never, nil},
		{`{"status":"declined","reply":"timeout","reply_after":"30s","settles":true,"settles_after":"5s","webhook":"once","webhook_after":"10s"}`, 504,
			30 * time.Second, declined, 5 * time.Second, []call{{10 * time.Second, declined}}},
		{`{"status":"completed","reply":"timeout","reply_after":"30s","settles":true,"webhook":"early"}`, 504, 30 * time.Second, completed,
			15 * time.Second, []call{{15 * time.Second, completed}}},
		{`{"status":"completed","reply":"lost","reply_after":"3s","webhook":"none"}`, 0, 3 * time.Second, completed, 3 * time.Second, nil},
		{`{"reply":"refused","reply_after":"3s"}`, 0, 3 * time.Second, "", never, nil},
		{`{"status":"completed","reply":"ok","reply_after":"0s","webhook":"none"}`, 200, 0, completed, 0, nil},
	} {
		t.Run(tt.simulate, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, in := start(t, Config{})
				a := post(p, "a", tt.simulate)
				if a.code != tt.code || a.code == http.StatusOK && a.status != tt.status {
					t.Errorf("answered %+v", a)
				}
				within(t, "answered", a.took, tt.after)
				time.Sleep(3 * time.Minute)
				effects := p.Ledger()
				if tt.effect == never {
					if len(effects) != 0 || check(p, "a").code != http.StatusNotFound {
						t.Errorf("effects %+v", effects)
					}
					return
				}
				if len(effects) != 1 || effects[0].Status != tt.status || check(p, "a").status != tt.status {
					t.Fatalf("effects %+v", effects)
				}
				calls := in.got()
				within(t, "effect", effects[0].At.Sub(epoch), tt.effect)
				if len(calls) != len(tt.webhooks) {
					t.Fatalf("webhooks %+v", calls)
				}
				for i, want := range tt.webhooks {
					if calls[i].status != want.status {
						t.Errorf("webhook %d says %s", i, calls[i].status)
					}
					if got := calls[i].at.Sub(epoch); got < want.after || got > want.after+20*time.Millisecond {
						t.Errorf("webhook %d after %s, want %s", i, got, want.after)
					}
				}
			})
		})
	}
}

func TestSecondWebhooks(t *testing.T) {
	for kind, second := range map[string]string{webhookTwice: completed, webhookContradict: declined} {
		synctest.Test(t, func(t *testing.T) {
			p, in := start(t, Config{})
			post(p, "a", `{"status":"completed","reply":"ok","webhook":"`+kind+`","webhook_after":"12s"}`)
			time.Sleep(time.Minute)
			if len(in.got()) != 2 || in.got()[0].status != completed || in.got()[1].status != second {
				t.Errorf("%s: got %+v", kind, in.got())
			}
			if e := p.Ledger(); len(e) != 1 || e[0].Status != completed || len(e[0].Webhooks) != 2 {
				t.Errorf("%s: ledger %+v", kind, e)
			}
		})
	}
}

func TestBadOrdersHaveNoEffectAndSayTheMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, Config{})
		simulated := func(s string) string { return `{"id":"a","simulate":` + s + `}` }
		for body, want := range map[string]string{
			``:                                         "broken JSON",
			`[]`:                                       "send a JSON object",
			`{}`:                                       "id: give a string",
			`{"id":7}`:                                 "id: give a string",
			`{"id":"a","id":"b"}`:                      `member \"id\" stands twice`,
			`{"id":"a","webhookUrl":7}`:                "webhookUrl: give a string",
			simulated(`[]`):                            "simulate: give a JSON object",
			simulated(`null`):                          "simulate: give a JSON object",
			simulated(`{"statuss":"completed"}`):       "simulate.statuss: unknown; give status, reply",
			simulated(`{"Status":"completed"}`):        "simulate.Status: unknown",
			simulated(`{"status":"succeeded"}`):        "simulate.status: give one of completed, declined",
			simulated(`{"reply":true}`):                "simulate.reply: give one of ok, timeout, lost, refused",
			simulated(`{"reply_after":2}`):             "simulate.reply_after: give a duration",
			simulated(`{"settles_after":"-1s"}`):       "simulate.settles_after: give a duration",
			simulated(`{"webhook_after":"61m"}`):       "simulate.webhook_after: give a duration",
			simulated(`{"settles":"true"}`):            "simulate.settles: give true or false",
			simulated(`{"webhook":"always"}`):          "simulate.webhook: give one of none",
			simulated(`{"reply":"ok","settles":true}`): `settles and settles_after go with the reply \"timeout\"`,
			simulated(`{"reply":"lost","settles_after":"1s"}`):      `settles and settles_after go with the reply \"timeout\"`,
			simulated(`{"reply":"refused","webhook":"once"}`):       "a webhook tells of an effect",
			simulated(`{"settles":false,"webhook":"twice"}`):        "a webhook tells of an effect",
			`{"id":"` + strings.Repeat("a", maxID+1) + `"}`:         "id: give a string of 1 to 255 bytes",
			`{"id":"a","x":"` + strings.Repeat("x", maxBody) + `"}`: "too large",
		} {
			a := ask(p, http.MethodPost, "/transaction", body)
			if a.code != http.StatusBadRequest || !strings.Contains(a.body, want) {
				t.Errorf("%.80s: got %d %s, want %s", body, a.code, a.body, want)
			}
		}
		time.Sleep(3 * time.Minute)
		if e, s := p.Ledger(), p.Stats(); len(e) != 0 || s.Posts != 0 {
			t.Errorf("effects %+v, stats %+v", e, s)
		}
	})
}

func TestEachOverrideLeavesTheOtherChoices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(rapid.Int64().Draw(t, "seed"), rapid.String().Draw(t, "id"), rapid.IntRange(1, 5).Draw(t, "post"))
		drawn := d.plan(simulate{})

		other := d.plan(simulate{Status: pick(drawn.status == completed, declined, completed)})
		if other.status == drawn.status || len(other.webhooks) != len(drawn.webhooks) || other.replyAfter != drawn.replyAfter ||
			other.reply != drawn.reply || other.decideAfter != drawn.decideAfter || other.executes != drawn.executes {
			t.Errorf("status: %+v became %+v", drawn, other)
		}
		silent := d.plan(simulate{Webhook: webhookNone})
		silent.webhooks = drawn.webhooks
		if !equal(silent, drawn) {
			t.Errorf("webhook: %+v became %+v", drawn, silent)
		}
		if same := d.plan(simulate{Status: drawn.status, Reply: drawn.reply}); !equal(same, drawn) {
			t.Errorf("what was drawn, told: %+v became %+v", drawn, same)
		}
	})
}

func equal(a, b plan) bool {
	return a.status == b.status && a.reply == b.reply && a.replyAfter == b.replyAfter && a.executes == b.executes &&
		a.decideAfter == b.decideAfter && a.shows == b.shows && len(a.webhooks) == len(b.webhooks)
}

func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"id":"a","webhookUrl":"http://us/","amount":1e400}`))
	f.Add([]byte(`{"id":"a","simulate":{"status":"declined","reply":"timeout","settles":true,"settles_after":"60s"}}`))
	f.Add([]byte(`{"id":"a","simulate":{"reply":"ok","reply_after":"2s","webhook":"early","webhook_after":"1m"}}`))
	f.Add([]byte(`{"id":"a","simulate":{"reply":"lost","webhook":"contradict"}}`))
	f.Add([]byte(`{"id":"a","simulate":{"reply":"refused"}}`))
	f.Add([]byte(`{"id":"a","simulate":{"simulate":{}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := readOrder(body)
		if err != nil {
			return
		}
		if o.ID == "" {
			t.Error("an order without id")
		}
		for n := range 8 {
			p := draw(1, o.ID, n+1).plan(o.Simulate)
			wantSense(t, p)
		}
	})
}

// wantSense checks what holds for every plan.
func wantSense(t *testing.T, p plan) {
	t.Helper()
	answers := p.reply == replyOK || p.reply == replyLost
	if answers && (!p.executes || p.decideAfter > p.replyAfter) || p.reply == replyRefused && p.executes {
		t.Errorf("the reply and the effect don't go together: %+v", p)
	}
	if p.shows && !p.executes || len(p.webhooks) > 0 && !p.executes {
		t.Errorf("tells of an effect that never is: %+v", p)
	}
	last := p.decideAfter
	for _, w := range p.webhooks {
		if w.after <= last {
			t.Errorf("a webhook comes too early: %+v", p)
		}
		last = w.after
	}
	if p.replyAfter < 0 || last > 2*maxDelay {
		t.Errorf("out of bounds: %+v", p)
	}
}
