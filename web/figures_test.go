package web

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"verdict"
	"verdict/web/admin"
)

func TestFiguresAreOfNowAndReadWhatIsFinalOnce(t *testing.T) {
	d := newDesk(t)
	d.review("k1")
	settled := d.settled(d.accept("k2"), verdict.OutcomeFailed)
	told := decode[admin.Figures](t, d.do("GET", "/v1/figures", "").Body)
	if told.Backlog.Review != 1 || len(told.Ailing) != 0 || told.NotReady != "" || len(told.Verdicts) != 1 {
		t.Fatalf("%+v", told)
	}
	if since := time.Since(told.Since); since < time.Hour-time.Second || since > time.Hour+time.Minute {
		t.Errorf("all verdicts since %s", told.Since)
	}
	if v := told.Verdicts[0]; v.Transaction != settled.ID || v.Status != verdict.Failed || v.Source == "" || v.TookMS < 0 {
		t.Errorf("%+v", v)
	}
	reads := d.store.count("Backlog")
	if again := decode[admin.Figures](t, d.do("GET", "/v1/figures", "").Body); !again.At.Equal(told.At) || d.store.count("Backlog") != reads {
		t.Errorf("counted anew at %v", again.At)
	}
	histories := d.store.count("History")
	d.stopping.Store(true)
	d.unusable.Store(true)
	d.settled(d.accept("k3"), verdict.OutcomeSucceeded)
	time.Sleep(time.Until(told.At.Add(2100 * time.Millisecond)))
	told = decode[admin.Figures](t, d.do("GET", "/v1/figures", "").Body)
	if len(told.Verdicts) != 2 || told.NotReady != "instance: stopping" || told.Ailing["stream"] != "away" || len(told.Ailing) != 2 || d.store.count("History") != histories+1 {
		t.Errorf("%+v, %d histories read", told, d.store.count("History")-histories)
	}
}

func TestFiguresSaySinceWhenTheyHaveAllVerdicts(t *testing.T) {
	d := newDesk(t)
	busy := func(n int) (last verdict.Transaction) {
		for range n {
			last = d.settled(d.accept(d.intake.NewID()), verdict.OutcomeSucceeded)
		}
		return last
	}
	d.settled(d.accept("long ago"), verdict.OutcomeFailed)
	busy(600) // 1,200 changes
	told := decode[admin.Figures](t, d.do("GET", "/v1/figures", "").Body)
	if len(told.Verdicts) != 500 || !told.Since.Equal(told.Verdicts[0].At) {
		t.Errorf("%d verdicts since %s, the first is of %s", len(told.Verdicts), told.Since, told.Verdicts[0].At)
	}
	time.Sleep(time.Until(told.At.Add(2100 * time.Millisecond)))
	last := busy(200)
	again := decode[admin.Figures](t, d.do("GET", "/v1/figures", "").Body)
	if n := len(again.Verdicts); n != 500 || again.Verdicts[n-1].Transaction != last.ID || again.Verdicts[0] != told.Verdicts[200] || !again.Since.Equal(again.Verdicts[0].At) {
		t.Errorf("%d verdicts since %s", n, again.Since)
	}
	d.admin.Store = silent{d.store}
	time.Sleep(time.Until(again.At.Add(2100 * time.Millisecond)))
	if then := decode[admin.Figures](t, d.do("GET", "/v1/figures", "").Body); len(then.Verdicts) != 0 || time.Since(then.Since) > time.Minute {
		t.Errorf("%d verdicts since %s, though a thousand changes were missed", len(then.Verdicts), then.Since)
	}
}

// silent has had many changes of late, and no verdict among them.
type silent struct{ *memory }

func (s silent) LastEventID(context.Context) (int64, error) { return 1 << 40, nil }

// TestThatAPageWasLeftIsNoAilment: figures are told again for a while, so also to others than the one who gave up.
func TestThatAPageWasLeftIsNoAilment(t *testing.T) {
	d := newDesk(t)
	ctx, leave := context.WithCancel(t.Context())
	d.admin.Concerns = []admin.Concern{{Name: "stream", Vital: true, Check: func(ctx context.Context) error {
		leave()
		return ctx.Err()
	}}}
	r := httptest.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:5001/v1/figures", nil)
	d.handler.ServeHTTP(httptest.NewRecorder(), r)
	if told := decode[admin.Figures](t, d.do("GET", "/v1/figures", "").Body); told.NotReady != "" || len(told.Ailing) != 0 {
		t.Errorf("%q, %v", told.NotReady, told.Ailing)
	}
}
