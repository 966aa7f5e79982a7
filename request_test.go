package verdict

import (
	"encoding/hex"
	"testing"
)

// Fingerprints are on record: another way to make them would take every repeat for other content.
func TestFingerprintsStayAsTheyAre(t *testing.T) {
	r := Request{Scope: Scope{Operation: `trans"fer`, Key: "k"}, Provider: "djamo", Payload: []byte(`{ "b":2, "a":1.50 }`)}
	got, err := r.fingerprint()
	if want := "2df18f239a07f98eee4e1ea53fd4f2c5d8fdc248ed85c72ef36f1dad775eb897"; err != nil || hex.EncodeToString(got[:]) != want {
		t.Errorf("%x, %v; want %s", got, err, want)
	}
}
