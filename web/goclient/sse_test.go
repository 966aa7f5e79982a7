package goclient

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// parse reads all blocks of a stream, and the error that ended it.
func parse(r io.Reader) (blocks []frame, retry time.Duration, err error) {
	f := newFrames(r)
	for {
		got, err := f.next()
		if err != nil {
			return blocks, f.retry, err
		}
		blocks = append(blocks, got)
	}
}

func TestFrames(t *testing.T) {
	told := func(id, event, data string) frame {
		return frame{event: event, data: data, hasData: true, id: id, hasID: id != ""}
	}
	position := func(id string) frame { return frame{id: id, hasID: true} }
	for name, test := range map[string]struct {
		text  string
		want  []frame
		retry time.Duration
	}{
		"nothing":                    {"", nil, untold},
		"the document's example":     {"retry: 412\n\nid: 17\n\nevent: transaction\nid: 18\ndata: {}\n\n:\n\n", []frame{position("17"), told("18", "transaction", "{}")}, 412 * time.Millisecond},
		"CRLF":                       {"id: 1\r\ndata: a\r\n\r\n", []frame{told("1", "", "a")}, untold},
		"CR":                         {"id: 1\rdata: a\r\rdata: b\r\r", []frame{told("1", "", "a"), told("", "", "b")}, untold},
		"all three":                  {"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n", []frame{told("", "", "a\nb\nc"), told("", "", "d")}, untold},
		"a byte order mark":          {"\ufeffdata: a\n\n\ufeffdata: b\n\n", []frame{told("", "", "a")}, untold},
		"lines of data":              {"data: a\ndata\ndata:\ndata:  b\n\n", []frame{told("", "", "a\n\n\n b")}, untold},
		"empty data":                 {"data\n\n", []frame{told("", "", "")}, untold},
		"comments":                   {": x\ndata: a\n:\ndata: b\n\n:data: c\n\n", []frame{told("", "", "a\nb")}, untold},
		"fields that aren't":         {"Data: a\n data: b\nid : 3\nretry : 4\ndatas: c\n\n", nil, untold},
		"the last of a kind":         {"id: 1\nid: 2\nevent: a\nevent: b\ndata: x\n\n", []frame{told("2", "b", "x")}, untold},
		"a type without data":        {"event: a\n\ndata: x\n\n", []frame{told("", "", "x")}, untold},
		"an id with NUL":             {"id: 1\nid: 2\x003\ndata: a\n\n", []frame{told("1", "", "a")}, untold},
		"half a block":               {"data: a\n\nid: 7\ndata: b\n", []frame{told("", "", "a")}, untold},
		"a retry that breaks off":    {"retry: 5\n", nil, 5 * time.Millisecond},
		"retries that are no number": {"retry: 5\nretry: -1\nretry: 1s\nretry:\nretry: 99999999999\n\n", nil, 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range len(test.text) + 1 {
				split := io.MultiReader(strings.NewReader(test.text[:i]), strings.NewReader(test.text[i:]))
				got, retry, err := parse(split)
				if !reflect.DeepEqual(got, test.want) || retry != test.retry || err != io.EOF {
					t.Fatalf("split at %d: got %+v, retry %s, %v; want %+v, %s", i, got, retry, err, test.want, test.retry)
				}
			}
		})
	}
}

func TestFrameIsReturnedWithTheByteThatEndsIt(t *testing.T) {
	for _, end := range []string{"\n\n", "\r\r", "\r\n\r"} {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, "data: a"+end) }()
		if got, err := newFrames(r).next(); err != nil || got.data != "a" {
			t.Errorf("%q: %+v, %v", end, got, err)
		}
		r.Close()
	}
}

func TestFramesAreBounded(t *testing.T) {
	line := strings.Repeat("x", maxLine-len("data: "))
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"the longest line":      {"data: " + line + "\n\n", io.EOF},
		"a longer one":          {"data: " + line + "x\n\n", errLong},
		"a longer comment":      {":" + line + "1234567\n\n", errLong},
		"too many of them":      {"data: " + line + "\ndata: 1234567\n\n", errLong},
		"a line without an end": {"data: " + line + "1234567", errLong},
	} {
		if _, _, err := parse(strings.NewReader(test.text)); err != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestFramesTellWhyAStreamEnded(t *testing.T) {
	broken := errors.New("reset")
	if _, _, err := parse(io.MultiReader(strings.NewReader("data: a\n"), iotest.ErrReader(broken))); err != broken {
		t.Error(err)
	}
}

// FuzzFrames holds the parser against the standard's words read over the whole text at once, however the text is split.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\ufeffretry: 412\r\n\r\nid: 17\n\nevent: transaction\rid: 18\rdata: {}\r\r:\n\ndata"), 3)
	f.Add([]byte("data: a\r\ndata\n\r\nid: 1\x00\nretry: x\n\n"), 9)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		want, wantRetry := standard(string(text))
		at = min(max(at, 0), len(text))
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(text), "byte by byte": iotest.OneByteReader(bytes.NewReader(text)),
			"split": io.MultiReader(bytes.NewReader(text[:at]), bytes.NewReader(text[at:])),
		} {
			got, retry, err := parse(r)
			if !reflect.DeepEqual(got, want) || retry != wantRetry || err != io.EOF {
				t.Errorf("%s: got %+v, %s, %v; want %+v, %s", name, got, retry, err, want, wantRetry)
			}
		}
	})
}

// standard reads a whole text as the standard words it, with no thought of chunks.
func standard(text string) (blocks []frame, retry time.Duration) {
	retry = untold
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(text, "\ufeff"))
	lines := strings.Split(text, "\n")
	var got frame
	var data []string
	for _, line := range lines[:len(lines)-1] { // what follows the last end is no line
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		ms, err := strconv.ParseUint(value, 10, 31)
		switch {
		case line == "":
			got.data, got.hasData = strings.Join(data, "\n"), data != nil
			if got.hasData || got.hasID {
				blocks = append(blocks, got)
			}
			got, data = frame{}, nil
		case name == "data":
			data = append(data, value)
		case name == "event":
			got.event = value
		case name == "id" && !strings.Contains(value, "\x00"):
			got.id, got.hasID = value, true
		case name == "retry" && err == nil:
			retry = time.Duration(ms) * time.Millisecond
		}
	}
	return blocks, retry
}
