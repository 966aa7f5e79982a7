package archive

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"verdict"
)

func mustOpen(t *testing.T, dir string) *Archive {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func past(id string) verdict.Past {
	at := time.Unix(1800000000, 123456789).UTC()
	return verdict.Past{
		Transaction: verdict.Transaction{
			ID: id, Scope: verdict.Scope{Tenant: "t", Owner: "ama <&>", Operation: "transfer", Key: "k"}, Provider: "p",
			Payload: []byte(`{"amount": 1.10}`), Fingerprint: [32]byte{1, 255}, Status: verdict.Failed, Stage: verdict.StageSettled, Reason: "no",
			Reference: id, Version: 3, EventID: 1 << 50, Sends: 1, CreatedAt: at, SentAt: at, SettledAt: at, ToldAt: at,
		},
		Evidence: []verdict.Evidence{
			{Source: verdict.SourceReply, Outcome: verdict.OutcomeUnknown, At: at, Wait: time.Second},
			{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeFailed, At: at, Raw: []byte("\xff\x00")},
			{Source: verdict.SourceCheck, Outcome: verdict.OutcomeFailed, Reason: "no", Asked: at, At: at, Raw: []byte("{\"a\":\"\u2028\"}\n")},
		},
	}
}

var day = time.Date(2026, 1, 14, 23, 59, 59, 0, time.FixedZone("", -3600)) // which is the 15th in UTC

// lines reads the archive's only file as others would.
func lines(t *testing.T, dir string) (read []map[string]any, broken int) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "2026-01-15.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(content) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			broken++
			continue
		}
		read = append(read, v)
	}
	return read, broken
}

func TestALineHoldsAllThatWasKnown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "archive")
	a := mustOpen(t, dir)
	want := past("x")
	w := verdict.Webhook{Provider: "p", Transaction: "y", Body: []byte("\xfe"), At: want.Transaction.SentAt}
	if err := a.Keep(day, []verdict.Past{want}, []verdict.Webhook{w}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "2026-01-15.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := strings.Cut(string(content), "\n")
	var got Transaction
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, newTransaction(want, day)) || got.Payload.Text != `{"amount": 1.10}` || got.Evidence[1].Raw.Base64 != "/wA=" ||
		got.Evidence[2].Raw.Text != string(want.Evidence[2].Raw) || !got.SettledAt.Equal(want.Transaction.SettledAt) ||
		!strings.HasPrefix(got.Fingerprint, "01ff") || got.Owner != "ama <&>" || got.EventID != 1<<50 {
		t.Errorf("%s", first)
	}
	var hook Webhook
	if err := json.Unmarshal([]byte(second), &hook); err != nil || hook.Body.Base64 != "/g==" || hook.ID != "y" || hook.Kind != "webhook" {
		t.Errorf("%s: error %v", second, err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "2026-01-15.jsonl"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, error %v", path, info.Mode(), err)
		}
	}
}

// TestHalfALineSpoilsNoOther: what a crash or a full disk leaves of a line.
func TestHalfALineSpoilsNoOther(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, dir)
	if err := a.Keep(day, []verdict.Past{past("one")}, nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "2026-01-15.jsonl")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(content, content[:len(content)/2]...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"one", "two"} {
		if err := mustOpen(t, dir).Keep(day, []verdict.Past{past(id)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if read, broken := lines(t, dir); len(read) != 3 || broken != 1 || read[2]["id"] != "two" {
		t.Errorf("%d lines, %d broken", len(read), broken)
	}
}

func TestAnArchiveThatCannotBeWrittenSaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "archive")); err == nil || !strings.Contains(err.Error(), "give a folder that this user may write to") {
		t.Errorf("error %v", err)
	}
	dir := filepath.Join(t.TempDir(), "archive")
	a := mustOpen(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := a.Keep(day, []verdict.Past{past("one")}, nil); err == nil {
		t.Error("it was kept nowhere")
	}
}
