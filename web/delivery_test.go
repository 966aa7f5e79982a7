package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"verdict"
)

func TestWhatAnAppWasToldAndHasConfirmedIsOnItsTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.onPipes(t)
		tr := w.accept("k1")
		c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
		c.hear()
		c.hear()
		c.say(fmt.Sprintf(`{"type":"ack","transaction":"%s"}`, tr.ID))
		c.wantError(codeNotSettled, tr.ID)
		tr = w.settled(tr, verdict.OutcomeSucceeded)
		c.wantEvent(tr.Event())
		told := time.Now()
		time.Sleep(2 * time.Second)
		confirmed := time.Now().UTC().Truncate(time.Millisecond)
		c.say(fmt.Sprintf(`{"type":"ack","transaction":"%s","id":%d}`, tr.ID, tr.EventID+1))
		c.wantError(codeNotSettled, tr.ID)
		c.say(fmt.Sprintf(`{"type":"ack","transaction":"%s","id":%d,"ref":"r"}`, tr.ID, tr.EventID))
		at, _ := json.Marshal(confirmed)
		c.want(fmt.Sprintf(`{"type":"acknowledged","ref":"r","transaction":"%s","id":%d,"at":%s}`, tr.ID, tr.EventID, at))
		time.Sleep(time.Second)
		if again := w.do("POST", "/v1/transactions/"+tr.ID+"/ack", ""); again.Body.String() != fmt.Sprintf(`{"transaction":"%s","id":%d,"at":%s}`, tr.ID, tr.EventID, at) {
			t.Errorf("again: %d %s", again.Code, again.Body)
		}
		answer := decode[timelineAnswer](t, w.do("GET", "/v1/transactions/"+tr.ID+"/timeline", "").Body)
		last := answer.Entries[len(answer.Entries)-2:]
		if last[0].Kind != "told" || !last[0].At.Equal(told.Truncate(time.Millisecond)) || last[1].Kind != "confirmed" || !last[1].At.Equal(confirmed) {
			t.Errorf("the timeline ends with %+v", last)
		}
		for _, name := range []string{"verdict_push_confirmed_total", "verdict_push_verdicts_total"} {
			if n := w.counted(name); n != 1 {
				t.Errorf("%s is %v", name, n)
			}
		}
	})
}

// counted returns the sum of a counter over its labels.
func (w *world) counted(name string) (sum float64) {
	w.t.Helper()
	for _, m := range w.measured(name) {
		sum += m.GetCounter().GetValue()
	}
	return sum
}

// observed returns how many values a histogram has, and their sum.
func (w *world) observed(name string) (n uint64, sum float64) {
	w.t.Helper()
	for _, m := range w.measured(name) {
		n += m.GetHistogram().GetSampleCount()
		sum += m.GetHistogram().GetSampleSum()
	}
	return n, sum
}

func (w *world) measured(name string) []*dto.Metric {
	w.t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.server.Metrics()...)
	families, err := registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()
		}
	}
	return nil
}

func TestWhatNobodyConfirmedIsToldAgain(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	var all []verdict.Transaction
	for i := range pageSize + 10 {
		all = append(all, w.settled(w.accept(fmt.Sprint("k", i)), verdict.OutcomeSucceeded))
	}
	confirmed := all[3]
	if answer := w.do("POST", "/v1/transactions/"+confirmed.ID+"/ack", ""); answer.Code != 200 {
		t.Fatal(answer.Body)
	}
	after := all[5].EventID
	for name, position := range map[string]string{
		"without a position": "", "with one": "&after=" + strconv.FormatInt(after, 10),
	} {
		_, f := sse(t, url+"/v1/events?unconfirmed=true"+position)
		for _, tr := range all {
			if tr.ID != confirmed.ID {
				w.wantEvent(f, tr.ID)
			}
		}
		live := w.settled(w.accept(name), verdict.OutcomeFailed)
		all = append(all, live)
		w.wantEvent(f, live.ID)
	}
	c := dialSocket(t, websocket.Dialer{}, "ws"+strings.TrimPrefix(url, "http"))
	c.say(fmt.Sprintf(`{"type":"resume","after":%d,"unconfirmed":true}`, after))
	c.want(fmt.Sprintf(`{"type":"subscribed","after":%d}`, after))
	for _, tr := range all {
		switch {
		case tr.ID == confirmed.ID:
		case tr.EventID > after:
			c.wantNext(tr.Event())
		default:
			c.wantEvent(tr.Event()) // which leaves the position where it is
		}
	}
}

// slow is a record whose commits take a while. It keeps how many notes share one.
type slow struct {
	Store
	takes time.Duration
	parts []int
}

func (s *slow) Deliver(_ context.Context, some []verdict.Delivery) error {
	time.Sleep(s.takes)
	s.parts = append(s.parts, len(some))
	return nil
}

// TestNotesAreWrittenAFewAtATime: what apps wait for shares the commit, so a part is small as long as the disk is fast enough.
func TestNotesAreWrittenAFewAtATime(t *testing.T) {
	for _, c := range []struct {
		notes int
		takes time.Duration
		parts []int
	}{
		{7, time.Millisecond, []int{7}},
		{40, time.Millisecond, []int{16, 16, 8}},
		{maxNotes, 0, slices.Repeat([]int{16}, maxNotes/16)},
		{400, 100 * time.Millisecond, []int{16, 16, 16, 256, 96}},
	} {
		synctest.Test(t, func(t *testing.T) {
			record := &slow{takes: c.takes}
			n := newNotes(record, func(err error) { t.Error(err) })
			for i := range c.notes {
				n.add(fmt.Sprint(i), time.Now())
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if !slices.Equal(record.parts, c.parts) {
				t.Errorf("%d notes came in parts of %v, expected %v", c.notes, record.parts, c.parts)
			}
		})
	}
}

// TestANoteIsKnownWhileItIsWritten: who confirms a verdict meanwhile is put on record as told before.
func TestANoteIsKnownWhileItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNotes(&slow{takes: time.Second}, func(err error) { t.Error(err) })
		told := time.Now()
		n.add("t", told)
		time.Sleep(noteEvery + time.Second/2)
		if at := n.of("t"); !at.Equal(told) {
			t.Errorf("while it is written it is %v", at)
		}
		time.Sleep(time.Second)
		if at := n.of("t"); !at.IsZero() {
			t.Errorf("once it is on record it is still %v", at)
		}
	})
}

// undeliverable is a record that takes no notes.
type undeliverable struct{ Store }

func (undeliverable) Deliver(context.Context, []verdict.Delivery) error {
	return errors.New("disk i/o error")
}

func TestTroubleWithNotesIsNoTroubleWithPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server.notes.store = undeliverable{w.store}
		c := w.onPipes(t)
		tr := w.accept("k1")
		c.say(`{"type":"subscribe","transaction":"` + tr.ID + `"}`)
		c.hear()
		c.hear()
		c.wantEvent(w.settled(tr, verdict.OutcomeSucceeded).Event())
		time.Sleep(time.Second)
		c.say(`{"type":"ping"}`)
		c.want(`{"type":"pong"}`)
		synctest.Wait()
		if len(w.server.notes.told) != 0 {
			t.Error("what can't be noted is kept")
		}
	})
}
