package main

import (
	"strings"
	"testing"
	"time"

	"verdict/web/admin"
)

func TestTxFindSaysThereAreNoneOnlyWhereItLookedAtAll(t *testing.T) {
	stopped := admin.Found{Looked: 5000, Back: time.Date(2026, 1, 14, 9, 0, 0, 0, time.UTC), Next: "0190"}
	for want, found := range map[string]admin.Found{
		"There are none.": {Looked: 5000},
		"0 found among 5000, back to 2026-01-14T09:00:00.000Z. There may be more: --below 0190": stopped,
	} {
		var out strings.Builder
		if err := printFound(&out, found); err != nil || strings.TrimSpace(out.String()) != want {
			t.Errorf("%q, error %v; want %q", out.String(), err, want)
		}
	}
}
