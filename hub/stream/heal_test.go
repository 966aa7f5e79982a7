package stream

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"verdict"
)

// recovers breaks a stream that has been in use and asserts that within the deadline new commands are handled and new
// events heard, by the calls of Work and Follow that were there before.
func recovers(t *testing.T, s *Stream, deadline time.Duration, harm func()) {
	t.Helper()
	worked, heard := &diary{}, &diary{}
	work(t, s, 4, worked.handle)
	follow(t, s, heard.hear)
	n := 0
	var sent error // what came of the last one that was sent
	send := func() {
		n++
		sent = s.send(t.Context(), []verdict.Command{command(n)}, []verdict.Event{event(n)})
	}
	came := func(n int) bool {
		id := command(n).Transaction
		return worked.times()[id] > 0 && heard.times()[id] > 0
	}
	// flows sends until one of those it sent has come. On a busy machine that may be long after the next was sent.
	flows := func(what string) {
		t.Helper()
		first := n + 1
		until(t, what, deadline, func() bool {
			send()
			for range 100 {
				for i := first; i <= n; i++ {
					if came(i) {
						return true
					}
				}
				time.Sleep(10 * time.Millisecond)
			}
			return false
		})
	}
	defer func() {
		if t.Failed() {
			t.Logf("sent %d, the last with error %v; handled %v; heard %v", n, sent, worked.times(), heard.times())
		}
	}()
	flows("it works")
	harm()
	time.Sleep(2 * watchEvery) // until it is noticed: a server without its folder goes on for a while
	flows("it works again")
	for range 5 { // each that was taken comes, without another being sent
		until(t, "it takes more", deadline, func() bool {
			send()
			return sent == nil
		})
		until(t, "it goes on", deadline, func() bool { return came(n) })
	}
}

func TestItRecoversWhenItsFolderIsDeleted(t *testing.T) {
	for _, c := range []struct{ name, delete string }{
		{"all of it", "."},
		{"the contents", "*"},
		{"the lock", "lock"},
		{"the store", server.JetStreamStoreDir},
		{"the messages", filepath.Join(server.JetStreamStoreDir, "$G", "streams", commandStream, "msgs")},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, dir string) {
				dir = filepath.Join(dir, "stream")
				s := open(t, Config{Dir: dir})
				recovers(t, s, 10*time.Second, func() { remove(t, filepath.Join(dir, c.delete)) })
				if err := errors.Join(s.server.check(), s.server.folder.check()); err != nil {
					t.Fatalf("it works, but its folder is not as it should be: %v", err)
				}
			})
		})
	}
}

func remove(t *testing.T, pattern string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("nothing to delete at %s: %v", pattern, err)
	}
	for _, path := range paths {
		err := os.RemoveAll(path)
		for n := 0; err != nil && n < 100; n++ { // the server makes files meanwhile
			err = os.RemoveAll(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever deletes the folder of a running process may give it to another one.
func TestItWaitsWhileAnotherProcessHasItsFolder(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		recovers(t, s, 10*time.Second, func() {
			remove(t, filepath.Join(dir, "*"))
			other, err := takeFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			theirs := filepath.Join(dir, server.JetStreamStoreDir)
			if err := os.Mkdir(theirs, 0o700); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * watchEvery)
			if err := s.Publish(t.Context(), commands(1, 1), nil); err == nil {
				t.Error("a publish succeeded while the server must not run")
			}
			if _, err := os.Stat(theirs); err != nil {
				t.Errorf("the other's store was touched: %v", err)
			}
			other.leave()
		})
	})
}

// A store that cannot be written any more shows only in publishes that are never answered.
func TestItRecoversWhenTheStoreCannotBeWritten(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		recovers(t, s, 20*time.Second, func() {
			messages := filepath.Join(dir, server.JetStreamStoreDir, "$G", "streams", commandStream, "msgs")
			remove(t, messages)
			if err := os.WriteFile(messages, nil, 0o600); err != nil { // there, but nothing fits in
				t.Fatal(err)
			}
			js := s.link.Load().js
			for range 100 { // until it needs another file
				if _, err := js.PublishAsync(commandPrefix+"nobody.submit", make([]byte, 500_000)); err != nil {
					return
				}
			}
		})
	})
}

func TestItRecoversWhenJetStreamGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		recovers(t, s, 10*time.Second, func() {
			if err := s.server.nats.ShutdownJetStream(); err != nil { // as it does itself when the disk is full
				t.Fatal(err)
			}
		})
	})
}

func TestItRecoversWhenStreamsOrConsumersAreDeleted(t *testing.T) {
	for _, name := range []string{commandStream, eventStream, "consumers"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, dir string) {
				first := open(t, Config{Dir: dir})
				s := join(t, first) // an instance that cannot restart the server
				first.stop()
				recovers(t, s, 10*time.Second, func() {
					js := s.link.Load().js
					if name != "consumers" {
						if err := js.DeleteStream(t.Context(), name); err != nil {
							t.Fatal(err)
						}
						return
					}
					deleteConsumers(t, s, commandStream)
					deleteConsumers(t, s, eventStream)
				})
			})
		})
	}
}

func deleteConsumers(t *testing.T, s *Stream, name string) {
	t.Helper()
	stream, err := s.link.Load().js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for consumer := range stream.ConsumerNames(t.Context()).Name() {
		if err := stream.DeleteConsumer(t.Context(), consumer); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n == 0 {
		t.Fatalf("%s has no consumers to delete", name)
	}
}

// What is published while a stream is missing waits for it.
func TestPublishWaitsForAStreamThatIsMissing(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		d := &diary{}
		if err := s.link.Load().js.DeleteStream(t.Context(), commandStream); err != nil {
			t.Fatal(err)
		}
		publish(t, s, commands(1, 10), nil)
		work(t, s, 4, d.handle)
		time.Sleep(time.Second)
		if n := len(d.times()); n != 10 {
			t.Fatalf("%d of 10 commands handled", n)
		}
	})
}

// While nothing is wrong, nothing is started anew.
func TestAHealthyServerIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		before := s.server.nats
		s.doubted.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s.server.nats != before || s.doubted.Load() {
			t.Fatal("the server was replaced, or is still in doubt")
		}
	})
}

// listen starts a NATS server with an empty store on loopback, as another process would; -1 chooses the port.
func listen(t *testing.T, port int, users ...*server.User) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), Users: users,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	go s.Start()
	if !s.ReadyForConnections(5 * time.Second) {
		t.Fatal("the server didn't start")
	}
	return s
}

func TestItRecoversWhenAnExternalServerComesBackEmpty(t *testing.T) {
	t.Parallel()
	x := listen(t, -1)
	port := x.Addr().(*net.TCPAddr).Port
	s := open(t, Config{URL: fmt.Sprintf("nats://127.0.0.1:%d", port)})
	recovers(t, s, healing, func() {
		x.Shutdown()
		x.WaitForShutdown()
		begin := time.Now()
		if err := s.Publish(t.Context(), commands(1, 1), nil); err == nil {
			t.Error("a publish without a server succeeded")
		}
		if took := time.Since(begin); took > publishTimeout+time.Second {
			t.Errorf("a publish without a server took %s", took)
		}
		listen(t, port)
	})
}
