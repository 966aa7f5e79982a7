package stream

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"verdict"
)

// created returns when a stream was made.
func created(t *testing.T, s *Stream, name string) time.Time {
	t.Helper()
	stream, err := s.link.Load().js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().Created
}

// What is wrong with one instance's user is no reason to take the stream away from the others.
func TestAnInstanceThatMayNotPublishDeletesNothing(t *testing.T) {
	t.Parallel()
	may := &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{commandPrefix + ">"}}}
	address := listen(t, -1, &server.User{Username: "well", Password: "p"}, &server.User{Username: "ill", Password: "p", Permissions: may}).Addr().String()
	well, ill := open(t, Config{URL: "nats://well:p@" + address}), open(t, Config{URL: "nats://ill:p@" + address})
	made := created(t, well, commandStream)
	if err := ill.Publish(t.Context(), commands(1, 1), nil); err == nil {
		t.Fatal("it may publish")
	}
	until(t, "it says that the stream is unusable", healing, func() bool { return !ill.Usable() })
	time.Sleep(patience + 2*callTimeout + 3*time.Second) // until it would have been made anew
	if now := created(t, well, commandStream); !now.Equal(made) {
		t.Errorf("made at %s, and anew at %s", made, now)
	}
	if ill.Usable() || !well.Usable() {
		t.Errorf("usable to the one: %v, to the other: %v", ill.Usable(), well.Usable())
	}
}

// Another version of us, or a person, may have made a consumer that can't be changed into ours.
func TestAConsumerThatCannotBeChangedIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := open(t, Config{URL: "nats://" + listen(t, -1).Addr().String()})
	_, err := s.link.Load().js.CreateConsumer(t.Context(), commandStream, jetstream.ConsumerConfig{
		Durable: "submit-djamo", FilterSubject: commandPrefix + "djamo.submit", AckPolicy: jetstream.AckExplicitPolicy, MaxWaiting: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &diary{}
	work(t, s, 1, d.handle)
	publish(t, s, commands(1, 1), nil)
	until(t, "the command is handled", healing, func() bool { return len(d.all()) == 1 })
}

// A stream of others that takes our subjects acknowledges what nobody will handle.
func TestAStreamOfOthersIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	s := open(t, Config{URL: "nats://" + listen(t, -1).Addr().String()})
	js := s.link.Load().js
	until(t, "the others' stream is made before ours is made again", healing, func() bool {
		_ = js.DeleteStream(t.Context(), commandStream) // it may not be there
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ALL", Subjects: []string{commandPrefix + ">"}})
		return err == nil
	})
	until(t, "it says that the stream is unusable", healing, func() bool { return !s.Usable() })
	time.Sleep(3 * watchEvery)
	if s.Usable() {
		t.Error("a stream of others passes for ours")
	}
	if err := js.DeleteStream(t.Context(), "ALL"); err != nil {
		t.Fatal(err)
	}
	until(t, "it is usable again", healing, s.Usable)
}

// An account may have room for fewer replicas than its cluster has servers.
func TestAnAccountsLimitsAreRoomToo(t *testing.T) {
	t.Parallel()
	c := prepare(t, "accounts {V {jetstream {max_store: 100MB, max_mem: 50MB}, users: [{user: v, password: p}]}, "+
		"$SYS {users: [{user: s, password: p}]}}\nno_auth_user: v")
	for _, n := range c.nodes {
		c.start(t, n)
	}
	c.ready(t, len(c.nodes))
	s := open(t, Config{URL: c.url()})
	if got := replicas(t, s); got != [...]int{1, 1} {
		t.Errorf("%v replicas where there is room for one", got)
	}
}

// A consumer that sleeps looks as well as one that has nothing to tell.
func TestAFollowerWhoseConsumerSleepsListensAnew(t *testing.T) {
	t.Parallel()
	s := open(t, Config{URL: "nats://" + listen(t, -1).Addr().String()})
	heard := &diary{}
	follow(t, s, heard.hear)
	until(t, "it hears", healing, func() bool {
		publish(t, s, nil, []verdict.Event{event(1)})
		return len(heard.all()) > 0
	})
	events, err := s.link.Load().js.Stream(t.Context(), eventStream)
	if err != nil {
		t.Fatal(err)
	}
	for name := range events.ConsumerNames(t.Context()).Name() {
		if _, err := events.PauseConsumer(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, s, nil, []verdict.Event{event(2)})
	until(t, "it hears again", healing, func() bool { return heard.times()["t2"] > 0 })
	before := len(heard.all())
	time.Sleep(deafAfter + 2*soundEvery)
	publish(t, s, nil, []verdict.Event{event(3)})
	until(t, "it goes on", healing, func() bool { return len(heard.all()) > before })
	if n := heard.times()["t2"]; n != 1 {
		t.Errorf("the event came %d times", n)
	}
}

// A server with a broken store says of the stream that it has no leader and holds what it held when the store broke. Who is
// connected to it may hear nothing else, while the leader takes commands.
func TestAConsumerThatSleepsIsMadeAnewWhateverIsSaidOfTheStream(t *testing.T) {
	t.Parallel()
	x := listen(t, -1)
	s := open(t, Config{URL: "nats://" + x.Addr().String()})
	worked := &diary{}
	work(t, s, 1, worked.handle)
	publish(t, s, commands(1, 1), nil)
	until(t, "the first command is handled", healing, func() bool { return worked.times()["t1"] > 0 })
	lie(t, x, s)
	js := s.link.Load().js
	if _, err := js.PauseConsumer(t.Context(), commandStream, "submit-djamo", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	publish(t, s, commands(2, 2), nil)
	until(t, "the second command is handled", 30*time.Second, func() bool { return worked.times()["t2"] > 0 })
}

// lie has every question about the commands answered as such a server does.
func lie(t *testing.T, x *server.Server, s *Stream) {
	t.Helper()
	l := s.link.Load()
	stream, err := l.js.Stream(t.Context(), commandStream)
	if err != nil {
		t.Fatal(err)
	}
	info := stream.CachedInfo()
	info.Cluster = &jetstream.ClusterInfo{}
	answer, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	const liar = "liar"
	if _, err := l.conn.Subscribe(liar, func(m *nats.Msg) { _ = m.Respond(answer) }); err != nil {
		t.Fatal(err)
	}
	if err := x.GlobalAccount().AddMapping("$JS.API.STREAM.INFO."+commandStream, liar); err != nil {
		t.Fatal(err)
	}
}

// Others may work on commands for long, while an instance has nothing to do.
func TestAConsumerWhoseCommandsTakeLongIsLeftAlone(t *testing.T) {
	t.Parallel()
	url := "nats://" + listen(t, -1).Addr().String()
	busy, idle := open(t, Config{URL: url}), open(t, Config{URL: url})
	worked, begun, end := &diary{}, make(chan struct{}), make(chan struct{})
	defer close(end)
	work(t, busy, 1, func(context.Context, verdict.Command) error {
		close(begun)
		<-end
		return nil
	})
	publish(t, busy, commands(1, 1), nil)
	<-begun
	work(t, idle, 1, worked.handle)
	time.Sleep(4 * stallEvery)
	if times := worked.times(); len(times) > 0 {
		t.Errorf("the idle instance was given %v", times)
	}
	publish(t, busy, commands(2, 2), nil)
	until(t, "it takes what is left", healing, func() bool { return worked.times()["t2"] > 0 })
}
