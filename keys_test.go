package verdict

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAnIssuedKeyServesItsOwnerItsPurposeAndItsTime(t *testing.T) {
	keys := Keys{Secret: []byte("secret"), Life: time.Hour}
	us := Audience{"t", "o"}
	key, expires := keys.Issue(us, "transfer", start)
	if !expires.Equal(after(time.Hour)) || !printable(key, MaxKey) {
		t.Errorf("%q until %s", key, expires)
	}
	if other, _ := keys.Issue(us, "transfer", start); other == key {
		t.Error("issued twice")
	}
	flipped := []byte(key)
	flipped[len(flipped)-3] ^= 1
	for name, test := range map[string]struct {
		by        Keys
		audience  Audience
		operation string
		key       string
		at        time.Duration
		want      error
	}{
		"as issued":           {keys, us, "transfer", key, 0, nil},
		"in its last second":  {keys, us, "transfer", key, time.Hour - time.Second, nil},
		"expired":             {keys, us, "transfer", key, time.Hour, ErrKeyExpired},
		"for something else":  {keys, us, "refund", key, 0, ErrKeyPurpose},
		"another owner":       {keys, Audience{"t", "p"}, "transfer", key, 0, ErrKeyUnknown},
		"another tenant":      {keys, Audience{"u", "o"}, "transfer", key, 0, ErrKeyUnknown},
		"of another server":   {Keys{Secret: []byte("other")}, us, "transfer", key, 0, ErrKeyUnknown},
		"a bit flipped":       {keys, us, "transfer", string(flipped), 0, ErrKeyUnknown},
		"cut short":           {keys, us, "transfer", key[:20], 0, ErrKeyUnknown},
		"made by a client":    {keys, us, "transfer", "order-17", 0, ErrKeyUnknown},
		"without the prefix":  {keys, us, "transfer", strings.TrimPrefix(key, keyPrefix), 0, ErrKeyUnknown},
		"nothing but prefix":  {keys, us, "transfer", keyPrefix, 0, ErrKeyUnknown},
		"owner split anew":    {keys, Audience{"t\x00o", ""}, "transfer", key, 0, ErrKeyUnknown},
		"expired and foreign": {keys, Audience{"t", "p"}, "transfer", key, time.Hour, ErrKeyUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.by.check(test.audience, test.operation, test.key, after(test.at)); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}
