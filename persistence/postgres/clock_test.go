package postgres

import (
	"testing"
	"time"
)

func TestTheServerTellsItsTime(t *testing.T) {
	s := openAt(t, newURL(t))
	before := time.Now().Add(-time.Millisecond) // the server's is in whole microseconds
	now, err := s.Now(t.Context())
	if err != nil || now.Before(before) || now.After(time.Now()) || now.Location() != time.UTC {
		t.Errorf("%s, %v; it is on this machine, where it is %s", now, err, time.Now())
	}
}
