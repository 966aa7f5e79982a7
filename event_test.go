package verdict

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// viewsMembers is how many members a view has. Whoever adds one writes it in appendJSON, and tries it here.
const viewsMembers = 10

func FuzzViewIsWrittenAsByEncodingJSON(f *testing.F) {
	if n := reflect.TypeFor[View]().NumField(); n != viewsMembers {
		f.Fatalf("a view has %d members", n)
	}
	f.Add("id", "transfer", "k 1", "djamo", "pending", "accepted", "", int64(1), int64(1_790_000_000_000), int64(-1))
	f.Add("\"", "<>&", "\\", "\u2028\u2029", "\x7f", "\x00\t\n", "déclinée €😀", int64(-7), int64(0), int64(1_790_000_000_120))
	f.Add("\xff", "'/", "\xe2\x80", "`", "\ufffd", "=", " ", int64(1)<<62, int64(1_790_000_000_001), int64(1_790_000_000_000))
	f.Fuzz(func(t *testing.T, id, operation, key, provider, status, stage, reason string, version, created, settled int64) {
		const century = 100 * 365 * 24 * int64(time.Hour/time.Millisecond)
		v := View{
			ID: id, Operation: operation, Key: key, Provider: provider, Status: Status(status), Stage: Stage(stage), Reason: reason,
			Version: version, CreatedAt: time.UnixMilli(created % century).UTC(),
		}
		if settled >= 0 {
			at := time.UnixMilli(settled % century).UTC()
			v.SettledAt = &at
		}
		want, err := json.Marshal(v)
		if got := v.appendJSON(nil); err != nil || string(got) != string(want) {
			t.Errorf("%s\nwant %s, %v", got, want, err)
		}
	})
}
