package sim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// fate is all that became of one reference.
type fate struct {
	reply   answer
	early   answer // a check right after the reply
	late    answer // a check after 5 minutes, when all is over
	effects []Effect
	letters []letter
}

// queue posts references at once, in the order given, and follows them to their end.
func queue(t *testing.T, seed int64, order []int) map[string]*fate {
	fates := map[string]*fate{}
	synctest.Test(t, func(t *testing.T) {
		k := openTill(t, Config{Seed: seed, BanAfter: -1})
		var clients sync.WaitGroup
		for _, i := range order {
			reference := numbered(i)
			f := &fate{}
			fates[reference] = f
			clients.Go(func() {
				f.reply = k.pay(reference, somebody, "")
				f.early = k.check(reference)
			})
		}
		clients.Wait()
		time.Sleep(5 * time.Minute)
		for reference, f := range fates {
			f.late = k.check(reference)
		}
		for _, e := range k.Ledger() {
			e.Seq = 0 // it depends on the company
			fates[e.ID].effects = append(fates[e.ID].effects, e)
		}
		for _, l := range k.got() {
			fates[l.reference].letters = append(fates[l.reference].letters, l)
		}
	})
	return fates
}

func TestMomoMisbehavesAsOften(t *testing.T) {
	counts := map[string]float64{}
	for reference, f := range queue(t, 1, inOrder(population)) {
		counts[fmt.Sprint("reply ", f.reply.code, " ", strings.Contains(f.reply.body, `"code"`))]++
		if len(f.effects) == 0 {
			if f.late.code != http.StatusNotFound || len(f.letters) != 0 || f.reply.code == http.StatusAccepted {
				t.Errorf("%s had no effect: %+v", reference, f)
			}
			continue
		}
		counts["effects"]++
		counts[f.effects[0].Status]++
		counts[fmt.Sprint("letters ", len(f.letters))]++
		if f.early.code == http.StatusNotFound {
			counts["hidden"]++
		}
		after := f.effects[0].At.Sub(epoch)
		if len(f.effects) != 1 || after < 4*time.Second || after > 3*time.Minute || f.reply.code == 500 && strings.Contains(f.reply.body, `"code"`) {
			t.Errorf("%s: %+v", reference, f)
		}
		if want := momoStatus(f.effects[0].Status); f.late.status != want || f.early.code == http.StatusOK && f.early.status != "PENDING" {
			t.Errorf("%s: checks said %+v and %+v, want %s", reference, f.early, f.late, want)
		}
		if len(f.letters) > 0 {
			if lag := f.letters[0].at.Sub(f.effects[0].At); lag < 100*time.Millisecond || lag > 5*time.Second+10*time.Millisecond {
				t.Errorf("%s: the first webhook came %s after the effect", reference, lag)
			}
		}
		for _, l := range f.letters {
			counts[l.method]++
			if l.told.ReferenceID != "" {
				counts["named"]++
			}
			if _, bare := l.told.Reason.(string); bare {
				counts["bare"]++
			}
			if l.told.Status != f.late.status || l.at.Before(f.effects[0].At) || (l.told.Reason == nil) != (l.told.Status == "SUCCESSFUL") {
				t.Errorf("%s: webhook %+v", reference, l)
			}
		}
	}
	letters := counts[http.MethodPut] + counts[http.MethodPost]
	near(t, "accepted", counts["reply 202 false"]/population, 0.9, 0.02)
	near(t, "500 without a code", counts["reply 500 false"]/population, 0.04, 0.015)
	near(t, "500 with a code", counts["reply 500 true"]/population, 0.02, 0.01)
	near(t, "cut", counts["reply 0 false"]/population, 0.04, 0.015)
	near(t, "declined", counts[declined]/counts["effects"], 1.0/3, 0.03)
	near(t, "hidden", counts["hidden"]/counts["effects"], 0.1, 0.03)
	near(t, "no webhook", counts["letters 0"]/counts["effects"], 0.2, 0.03)
	near(t, "two webhooks", counts["letters 2"]/counts["effects"], 0.2, 0.03)
	near(t, "by PUT", counts[http.MethodPut]/letters, 0.5, 0.05)
	near(t, "naming the reference", counts["named"]/letters, 0.25, 0.05)
	near(t, "a bare reason", counts["bare"]/(letters/3), 0.25, 0.07)
}

func TestMomoSeedReplaysWhateverTheInterleaving(t *testing.T) {
	const references = 300
	first := queue(t, 7, inOrder(references))
	again := queue(t, 7, rand.Perm(references))
	other := queue(t, 8, inOrder(references))
	differ := 0
	for reference, f := range first {
		if !reflect.DeepEqual(again[reference], f) {
			t.Errorf("%s:\n got %+v\nwant %+v", reference, again[reference], f)
		}
		if !reflect.DeepEqual(other[reference], f) {
			differ++
		}
	}
	if differ < references*99/100 {
		t.Errorf("with another seed %d of %d differ", differ, references)
	}
}

func TestMomoPlansMakeSense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawMomo(rapid.Int64().Draw(t, "seed"), rapid.String().Draw(t, "reference"), rapid.IntRange(1, 5).Draw(t, "post"))
		drawn := d.plan(simulate{})
		if drawn.executes && !drawn.shows || len(drawn.webhooks) > 0 && !drawn.executes {
			t.Errorf("%+v", drawn)
		}
		if drawn.reply == replyOK && !drawn.executes || drawn.reply == replyRejected && drawn.shows {
			t.Errorf("%+v", drawn)
		}
		last := drawn.decideAfter
		for _, w := range drawn.webhooks {
			if w.after <= last {
				t.Errorf("a webhook comes too early: %+v", drawn)
			}
			last = w.after
		}
		if other := d.plan(simulate{Status: pick(drawn.status == completed, declined, completed)}); other.status == drawn.status ||
			other.replyAfter != drawn.replyAfter || other.decideAfter != drawn.decideAfter || len(other.webhooks) != len(drawn.webhooks) {
			t.Errorf("status: %+v became %+v", drawn, other)
		}
	})
}

func FuzzPayment(f *testing.F) {
	f.Add("0198f000-0000-4000-8000-000000000001", []byte(`{"amount":"1","currency":"XOF","payer":{"partyIdType":"MSISDN","partyId":"225"}}`))
	f.Add("0198f000-0000-4000-8000-000000000001", []byte(`{"amount":"1","currency":"XOF","payer":{"partyIdType":"MSISDN","partyId":"46733123453"},`+
		`"payerMessage":"simulate:{\"reply\":\"timeout\",\"settles\":true}"}`))
	f.Fuzz(func(t *testing.T, reference string, body []byte) {
		h := http.Header{}
		h.Set("X-Reference-Id", reference)
		o, err := readPayment(h, body)
		if err != nil {
			return
		}
		if o.ID != reference || o.Amount == "" || o.Payer.PartyID == "" {
			t.Errorf("read %+v", o)
		}
		for n := range 8 {
			p := drawMomo(1, o.ID, n+1).plan(o.Simulate)
			if p.executes && !p.shows || len(p.webhooks) > 0 && !p.executes || p.replyAfter < 0 || p.decideAfter > 2*maxDelay {
				t.Errorf("%+v", p)
			}
		}
	})
}
