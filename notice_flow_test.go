package verdict_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/hub/notify"
	"verdict/persistence/memory"
	"verdict/provider/providertest"
)

// An attempt is a request as a backend received it.
type attempt struct {
	id, body, timestamp string
	at                  time.Duration // since the start
}

// A backend is an app's, at the end of a pipe. What it answers may change.
type backend struct {
	start    time.Time
	endpoint notify.Endpoint
	mu       sync.Mutex // guards what follows
	answer   http.HandlerFunc
	attempts []attempt
	underWay int
	most     int // under way at once, ever
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	b.attempts = append(b.attempts, attempt{
		r.Header.Get("Webhook-Id"), string(body), r.Header.Get("Webhook-Timestamp"), time.Since(b.start),
	})
	b.underWay++
	b.most = max(b.most, b.underWay)
	answer := b.answer
	b.mu.Unlock()
	answer(w, r)
	b.mu.Lock()
	b.underWay--
	b.mu.Unlock()
}

func (b *backend) answers(with http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = with
}

func (b *backend) seen() []attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]attempt(nil), b.attempts...)
}

// atOnce is how many attempts were under way at once, at the most.
func (b *backend) atOnce() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// hang answers nothing until the caller has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// town is a record, backends, and instances that tell them, in virtual time.
type town struct {
	t        *testing.T
	record   verdict.Store
	backends map[string]*backend
	ended    func()         // ends the first instance
	loops    sync.WaitGroup // of instances and backends
	settled  int

	mu        sync.Mutex // guards instances
	instances []*notify.Notifier
}

// look is how often an instance looks at the record, unless it is nudged.
const look = 10 * time.Second

// inTown gives f a town with a backend for each name, and one instance that tells them all.
func inTown(t *testing.T, names []string, f func(*town)) {
	synctest.Test(t, func(t *testing.T) {
		w := &town{t: t, record: memory.New(), backends: map[string]*backend{}}
		var servers []*http.Server
		for _, name := range names {
			pipe := providertest.NewPipe()
			b := &backend{start: time.Now(), answer: status(http.StatusOK)}
			b.endpoint = notify.Endpoint{
				Name: name, Method: http.MethodPost, URL: "http://" + name + ".example/", Signer: &verdict.Signer{}, Concurrency: 4, Dial: pipe.Dial,
			}
			w.backends[name] = b
			server := &http.Server{Handler: b}
			servers = append(servers, server)
			w.loops.Go(func() { _ = server.Serve(pipe) })
		}
		w.ended = w.instance(w.record)
		f(w)
		w.ended()
		for _, server := range servers {
			server.Close()
		}
		w.loops.Wait()
	})
}

// instance begins to tell all backends, until it is ended.
func (w *town) instance(record verdict.Store) (end func()) {
	w.t.Helper()
	ctx, end := context.WithCancel(w.t.Context())
	var endpoints []notify.Endpoint
	for _, b := range w.backends {
		endpoints = append(endpoints, b.endpoint)
	}
	n := notify.New(record, endpoints, look, slog.New(slog.DiscardHandler))
	if err := n.Start(ctx); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instances = append(w.instances, n)
	w.loops.Go(func() { _ = n.Run(ctx) })
	return end
}

// nudge has all instances look at the record.
func (w *town) nudge() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.instances {
		n.Nudge()
	}
}

// settle puts a verdict on record.
func (w *town) settle() verdict.Transaction {
	w.t.Helper()
	defer w.nudge()
	return w.settleUnheard()
}

// settleUnheard puts a verdict on record that no instance hears of before its next look.
func (w *town) settleUnheard() verdict.Transaction {
	w.t.Helper()
	w.settled++
	id := "id" + strconv.Itoa(w.settled)
	stored, _, err := w.record.Create(w.t.Context(), verdict.Accept(id, request(id), [32]byte{}, time.Now()))
	if err != nil {
		w.t.Fatal(err)
	}
	e := verdict.Evidence{Source: verdict.SourceReply, Outcome: verdict.OutcomeSucceeded, At: time.Now()}
	stored, err = w.record.Replace(w.t.Context(), stored.Weigh(e, verdict.Policy{}), &e)
	if err != nil {
		w.t.Fatal(err)
	}
	return stored
}

// notice is the one of a transaction and an endpoint.
func (w *town) notice(of verdict.Transaction, endpoint string) verdict.Notice {
	w.t.Helper()
	all, err := w.record.NoticesOf(w.t.Context(), of.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range all {
		if n.Endpoint == endpoint {
			return n
		}
	}
	w.t.Fatalf("%s is not told of %s", endpoint, of.ID)
	return verdict.Notice{}
}

// standardSchedule is the example of Standard Webhooks 1.0, as times since the start.
var standardSchedule = []time.Duration{
	0, 5 * time.Second, 5*time.Minute + 5*time.Second, 35*time.Minute + 5*time.Second, 2*time.Hour + 35*time.Minute + 5*time.Second,
	7*time.Hour + 35*time.Minute + 5*time.Second, 17*time.Hour + 35*time.Minute + 5*time.Second, 31*time.Hour + 35*time.Minute + 5*time.Second,
	51*time.Hour + 35*time.Minute + 5*time.Second, 75*time.Hour + 35*time.Minute + 5*time.Second,
}

func TestABackendThatFailsIsTriedByTheStandardScheduleAndGivenUp(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		shop := w.backends["shop"]
		shop.answers(status(http.StatusInternalServerError))
		tx := w.settle()
		pass(100 * time.Hour)
		seen := shop.seen()
		if len(seen) != len(standardSchedule) {
			t.Fatalf("%d attempts, want %d", len(seen), len(standardSchedule))
		}
		for i, a := range seen {
			if early, late := standardSchedule[i], standardSchedule[i]+standardSchedule[i]/10+time.Minute; a.at < early || a.at > late {
				t.Errorf("attempt %d came after %s, want between %s and %s", i+1, a.at, early, late)
			}
			if a.id != tx.NoticeID() || a.body != seen[0].body {
				t.Errorf("attempt %d is %s %s", i+1, a.id, a.body)
			}
			if want := strconv.FormatInt(shop.start.Add(a.at).Unix(), 10); a.timestamp != want {
				t.Errorf("attempt %d is of %s, want %s", i+1, a.timestamp, want)
			}
		}
		n := w.notice(tx, "shop")
		if n.State() != verdict.NoticeGivenUp || n.Attempts != len(standardSchedule) || n.Result != "answered 500" {
			t.Errorf("%+v", n)
		}

		shop.answers(status(http.StatusNoContent))
		if err := w.record.ReplaceNotice(t.Context(), n.Replay(time.Now())); err != nil {
			t.Fatal(err)
		}
		pass(look)
		if seen := shop.seen(); len(seen) != len(standardSchedule)+1 || seen[len(seen)-1].id != tx.NoticeID() || seen[len(seen)-1].body != seen[0].body {
			t.Errorf("%d attempts, the last %+v", len(seen), seen[len(seen)-1])
		}
		if n := w.notice(tx, "shop"); n.State() != verdict.NoticeTold || n.ToldAt.IsZero() {
			t.Errorf("%+v", n)
		}
	})
}

func TestABackendThatIsGoneIsToldNothingUntilItIsEnabled(t *testing.T) {
	inTown(t, []string{"shop", "other"}, func(w *town) {
		shop := w.backends["shop"]
		shop.answers(status(http.StatusGone))
		first := w.settle()
		pass(time.Second)
		second := w.settle()
		pass(100 * time.Hour)
		if n := len(shop.seen()); n != 1 {
			t.Fatalf("it was told %d times", n)
		}
		if n := len(w.backends["other"].seen()); n != 2 {
			t.Errorf("the other was told %d times", n)
		}
		for _, tx := range []verdict.Transaction{first, second} {
			if n := w.notice(tx, "shop"); n.State() != verdict.NoticePending {
				t.Errorf("%+v", n)
			}
		}
		shop.answers(status(http.StatusOK))
		if err := w.record.OpenEndpoint(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		pass(look)
		for _, tx := range []verdict.Transaction{first, second} {
			if n := w.notice(tx, "shop"); n.State() != verdict.NoticeTold {
				t.Errorf("%+v", n)
			}
		}
	})
}

func TestRetryAfterIsObeyedByTheWholeEndpoint(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		shop := w.backends["shop"]
		shop.answers(status(http.StatusTooManyRequests, "Retry-After", "3600"))
		w.settle()
		pass(time.Second)
		shop.answers(status(http.StatusOK))
		w.settle()
		pass(time.Hour - look)
		if n := len(shop.seen()); n != 1 {
			t.Errorf("%d attempts within the hour", n)
		}
		pass(2 * look)
		if n := len(shop.seen()); n != 3 {
			t.Errorf("%d attempts after the hour, want 3", n)
		}
	})
}

func TestABackendThatHangsHoldsUpNobodyElse(t *testing.T) {
	inTown(t, []string{"slow", "late", "quick"}, func(w *town) {
		slow, late, quick := w.backends["slow"], w.backends["late"], w.backends["quick"]
		slow.answers(hang)
		late.answers(func(to http.ResponseWriter, _ *http.Request) {
			time.Sleep(verdict.NoticeTimeout - time.Second)
			to.WriteHeader(http.StatusBadGateway)
		})
		pass(time.Second) // all have looked at a record of nothing
		var last verdict.Transaction
		for range 20 {
			last = w.settleUnheard()
		}
		w.nudge() // at once: while three are under way no fourth is claimed
		pass(time.Second)
		if n := len(quick.seen()); n != 20 {
			t.Errorf("the quick one was told %d verdicts", n)
		}
		if n := len(slow.seen()); n != 4 || slow.atOnce() != 4 {
			t.Errorf("%d attempts at the slow one, %d at once; want 4", n, slow.atOnce())
		}
		pass(10 * time.Minute)
		if n := w.notice(last, "slow"); n.Attempts == 0 || n.Result != "timed out" {
			t.Errorf("%+v", n)
		}
		if n := w.notice(last, "late"); n.Attempts == 0 || n.Result != "answered 502" || late.atOnce() != 4 {
			t.Errorf("%+v, %d at once", n, late.atOnce())
		}
	})
}

func TestARedirectIsAFailureAndIsNotFollowed(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		shop := w.backends["shop"]
		for i, code := range []int{301, 302, 303, 307, 308} {
			shop.answers(status(code, "Location", "http://shop.example/moved"))
			tx := w.settle()
			pass(time.Second)
			if n := w.notice(tx, "shop"); n.Result != fmt.Sprint("answered ", code) || n.State() != verdict.NoticePending || len(shop.seen()) != i+1 {
				t.Errorf("%d: %+v, %d attempts", code, n, len(shop.seen()))
			}
			shop.answers(status(http.StatusOK)) // what comes of it later is of no interest
			pass(2 * look)
			shop.mu.Lock()
			shop.attempts = shop.attempts[:i+1]
			shop.mu.Unlock()
		}
	})
}

// TestAnAnswerWithoutEnd: what the backend says after its status is nothing to us, and isn't waited for.
func TestAnAnswerWithoutEnd(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		const more = 1 << 20 // than is read of it
		written := make(chan int, 1)
		w.backends["shop"].answers(func(to http.ResponseWriter, r *http.Request) {
			n := 0
			for ; n < more; n += 1 << 10 {
				if _, err := to.Write(make([]byte, 1<<10)); err != nil {
					break
				}
			}
			written <- n
			<-r.Context().Done()
		})
		tx := w.settle()
		pass(time.Second)
		if n := w.notice(tx, "shop"); n.State() != verdict.NoticeTold {
			t.Errorf("%+v", n)
		}
		if n := <-written; n > 64<<10 {
			t.Errorf("%d bytes were taken", n)
		}
	})
}

// dying is the record of an instance that dies between an attempt and what would be put on record of it.
type dying struct{ verdict.Store }

func (d dying) ReplaceNotice(context.Context, verdict.Notice) error { return errors.New("it is dead") }

func TestWhatADeadInstanceSentIsSentAgainByAnother(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		w.ended()
		die := w.instance(dying{w.record})
		tx := w.settle()
		pass(time.Second)
		die()
		end := w.instance(w.record)
		defer end()
		pass(verdict.NoticeLease - 2*time.Second)
		shop := w.backends["shop"]
		if n := len(shop.seen()); n != 1 {
			t.Errorf("%d attempts before the lease ended", n)
		}
		pass(look + 2*time.Second)
		seen := shop.seen()
		if len(seen) != 2 || seen[0].id != seen[1].id || seen[0].body != seen[1].body {
			t.Errorf("%+v", seen)
		}
		if n := w.notice(tx, "shop"); n.State() != verdict.NoticeTold {
			t.Errorf("%+v", n)
		}
		pass(time.Hour)
		if n := len(shop.seen()); n != 2 {
			t.Errorf("%d attempts after it was told", n)
		}
	})
}

func TestInstancesShareTheWork(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		for range 3 {
			defer w.instance(w.record)()
		}
		told := map[string]bool{}
		for range 50 {
			told[w.settle().NoticeID()] = true
			pass(100 * time.Millisecond)
		}
		pass(time.Minute)
		for _, a := range w.backends["shop"].seen() {
			if !told[a.id] {
				t.Errorf("%s was told twice, or not settled", a.id)
			}
			delete(told, a.id)
		}
		if len(told) > 0 {
			t.Errorf("not told: %v", told)
		}
	})
}

// TestASuccessCountsHoweverLateItIsKnown: the lease of its sender had ended, and another has failed meanwhile.
func TestASuccessCountsHoweverLateItIsKnown(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		w.backends["shop"].answers(func(to http.ResponseWriter, r *http.Request) {
			id := r.Header.Get("Webhook-Id") // the transaction's, and its version
			n := w.notice(verdict.Transaction{ID: id[:strings.LastIndexByte(id, '-')]}, "shop")
			failed := n.After(verdict.Receipt{At: time.Now(), Result: "timed out"})
			if err := w.record.ReplaceNotice(context.Background(), failed); err != nil {
				t.Error(err)
			}
			to.WriteHeader(http.StatusOK)
		})
		tx := w.settle()
		pass(time.Second)
		if n := w.notice(tx, "shop"); n.State() != verdict.NoticeTold || n.Version != 3 {
			t.Errorf("%+v", n)
		}
	})
}

// TestAConnectionThatFailsIsAFailure: nobody listens there, and what is on record of it doesn't name the address.
func TestAConnectionThatFailsIsAFailure(t *testing.T) {
	inTown(t, []string{"shop"}, func(w *town) {
		w.ended()
		nowhere := providertest.NewPipe()
		nowhere.Close()
		w.backends["shop"].endpoint.Dial = nowhere.Dial
		end := w.instance(w.record)
		defer end()
		tx := w.settle()
		pass(time.Second)
		if n := w.notice(tx, "shop"); n.Result != "the connection failed" || n.State() != verdict.NoticePending {
			t.Errorf("%+v", n)
		}
	})
}
