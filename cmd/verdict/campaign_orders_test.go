package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// An order is what an app asks for, of which partner.
type order struct {
	name    string // of the misfortune that it meets with
	partner string
	payload string
}

func djamoOrder(name, simulate string) order {
	return order{name, "djamo", `{"amount":"2500","simulate":` + simulate + `}`}
}

// momoOrder has the partner's network do what the note says, see badWay. Both stand where the partner has room for texts.
func momoOrder(name, simulate, note string) order {
	payload := `{"amount":"2500","payer":"2250701020304","payerMessage":` + strconv.Quote("simulate:"+simulate)
	if note != "" {
		payload += `,"payeeNote":` + strconv.Quote(note)
	}
	return order{name, "momo", payload + "}"}
}

// orders are one for each misfortune at each partner.
func orders() (all []order) {
	for _, name := range slices.Sorted(maps.Keys(misfortunes)) {
		all = append(all, djamoOrder(name, misfortunes[name]))
	}
	return append(all,
		momoOrder("momo: nothing", `{"settles_after":"10s","webhook":"none"}`, ""),
		momoOrder("momo: left to the seed", `{}`, ""),
		momoOrder("momo: decline", `{"status":"declined","settles_after":"5s"}`, ""),
		momoOrder("momo: refused with a code", `{"reply":"rejected"}`, ""),
		momoOrder("momo: answer lost", `{"reply":"lost","settles_after":"20s"}`, ""),
		momoOrder("momo: 500 that goes through", `{"reply":"timeout","settles":true,"settles_after":"110s"}`, ""),
		momoOrder("momo: webhook before the reply", `{"webhook":"early","reply_after":"60s"}`, ""),
		momoOrder("momo: webhook twice", `{"webhook":"twice","settles_after":"30s"}`, ""),
		momoOrder("momo: contradicting webhooks", `{"webhook":"contradict","settles_after":"30s"}`, ""),
		momoOrder("momo: request lost", `{"settles_after":"5s"}`, losesFirst),
		momoOrder("momo: request delayed", `{"settles_after":"5s"}`, delaysFirst),
	)
}

// ordersOf are those of one partner.
func ordersOf(partner string) []order {
	return slices.DeleteFunc(orders(), func(o order) bool { return o.partner != partner })
}

// What a payment's note asks of the network.
const (
	losesFirst  = "lose the first request"
	delaysFirst = "delay the first request until the second comes"
)

// A badWay is the network before a partner that deduplicates. It loses the first request of a payment, or delays it so
// that the partner doesn't know of it for a while, has it a moment before the second, and answers that with 409.
type badWay struct {
	inner http.RoundTripper
	mu    sync.Mutex               // guards first; never held during a call
	first map[string]*http.Request // of payments whose note asks for something, by reference; nil once it has come
}

func newBadWay(inner http.RoundTripper) http.RoundTripper {
	return &badWay{inner: inner, first: map[string]*http.Request{}}
}

func (w *badWay) RoundTrip(r *http.Request) (*http.Response, error) {
	note := noteIn(r)
	if note != losesFirst && note != delaysFirst {
		return w.inner.RoundTrip(r)
	}
	earlier, again := w.meet(r)
	switch {
	case !again && note == losesFirst:
		return nil, errors.New("lost on the way")
	case !again:
		<-r.Context().Done() // until the gateway gives up; the request is still under way
		return nil, r.Context().Err()
	case note == delaysFirst && earlier != nil:
		if err := w.deliver(earlier); err != nil {
			return nil, err
		}
	}
	return w.inner.RoundTrip(r)
}

// meet returns the first request of the same payment if this is the second, and whether there was one before this.
func (w *badWay) meet(r *http.Request) (earlier *http.Request, again bool) {
	reference := r.Header.Get("X-Reference-Id")
	w.mu.Lock()
	defer w.mu.Unlock()
	earlier, again = w.first[reference]
	w.first[reference] = nil
	if !again {
		w.first[reference] = r
	}
	return earlier, again
}

// deliver has a request arrive whose sender has given up.
func (w *badWay) deliver(r *http.Request) error {
	late := r.Clone(context.WithoutCancel(r.Context()))
	body, err := r.GetBody()
	if err != nil {
		return err
	}
	late.Body = body
	answer, err := w.inner.RoundTrip(late)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// noteIn returns a payment's note, "" if this is none.
func noteIn(r *http.Request) string {
	body, err := r.GetBody()
	if err != nil {
		return ""
	}
	var payment struct{ PayeeNote string }
	_ = json.NewDecoder(body).Decode(&payment) // another request has no note
	return payment.PayeeNote
}
