package web

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/web/auth"
)

func TestStreamsOfAUserATenantAndAnAddressAreBounded(t *testing.T) {
	type from struct{ tenant, user, address string }
	for name, c := range map[string]struct {
		limits         Limits
		in, out, other from
		kind           kind
	}{
		"user":     {Limits{PerUser: 1}, from{"shop", "ama", "a"}, from{"shop", "ama", "b"}, from{"shop", "kofi", "a"}, tooMany},
		"tenant":   {Limits{PerTenant: 1}, from{"shop", "ama", "a"}, from{"shop", "kofi", "b"}, from{"bank", "ama", "a"}, tooMany},
		"address":  {Limits{PerAddress: 1}, from{"shop", "ama", "a"}, from{"bank", "kofi", "a"}, from{"shop", "ama", "b"}, tooMany},
		"instance": {Limits{Connections: 2}, from{"shop", "ama", "a"}, from{}, from{"bank", "kofi", "b"}, overloaded},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSeats(c.limits.withDefaults(), 0, newMetrics())
			enter := func(f from) (*seat, error) {
				return s.enter(auth.Principal{Audience: verdict.Audience{Tenant: f.tenant, Owner: f.user}}, f.address, "ws")
			}
			in, err := enter(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := enter(c.other); err != nil {
				t.Errorf("another is refused: %v", err)
			}
			var refused refusal
			if _, err := enter(c.out); !errors.As(err, &refused) || refused.kind != c.kind {
				t.Errorf("one too many: %v", err)
			}
			in.leave()
			if _, err := enter(c.out); err != nil {
				t.Errorf("there is room again, and it is refused: %v", err)
			}
		})
	}
}

func TestWhereNobodyIsAskedAUserHasNoLimit(t *testing.T) {
	s := newSeats(Limits{PerUser: 1}.withDefaults(), 0, newMetrics())
	for range 3 {
		if _, err := s.enter(auth.Principal{Anonymous: true}, "a", "ws"); err != nil {
			t.Error(err)
		}
	}
}

func TestHandshakesASecondAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSeats(Limits{Handshakes: 5, Connections: 1000}.withDefaults(), 0, newMetrics())
		let := func() (n int) {
			for range 100 {
				if _, err := s.enter(auth.Principal{Anonymous: true}, "a", "ws"); err == nil {
					n++
				}
			}
			return n
		}
		if n := let(); n != 5 {
			t.Errorf("let %d in at once", n)
		}
		time.Sleep(time.Second)
		if n := let(); n != 5 {
			t.Errorf("let %d in a second later", n)
		}
	})
}

func TestSeatsAreForgotten(t *testing.T) {
	s := newSeats(Limits{}.withDefaults(), 0, newMetrics())
	for range 10 {
		at, err := s.enter(auth.Principal{}, "a", "ws")
		if err != nil {
			t.Fatal(err)
		}
		at.leave()
	}
	if len(s.taken)+len(s.users)+len(s.tenants)+len(s.addresses) != 0 {
		t.Errorf("%+v", s)
	}
}
