package goclient

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxLine is how many bytes a line of a stream may have, and the data of an event.
const maxLine = 1 << 20

// errLong: a stream is none of ours.
var errLong = finalError{errors.New("the stream has a line or an event longer than 1 MiB")}

// frame is a block of a stream, up to its blank line.
type frame struct {
	event   string // its type; "" is "message"
	data    string
	hasData bool // it is an event
	id      string
	hasID   bool // it tells a position
}

// frames reads server-sent events as section 9.2.6 of the WHATWG's HTML standard has it. It never reads on for what it
// doesn't need: a block is returned once the byte that ends it is there.
type frames struct {
	r       *bufio.Reader
	line    []byte
	begun   bool          // the first line is over, before which there may be a byte order mark
	afterCR bool          // a line feed that comes now belongs to the end of the line before
	retry   time.Duration // as told last, also in a block that breaks off; untold before
}

// untold is the retry of a stream that has told none.
const untold = -1

func newFrames(r io.Reader) *frames { return &frames{r: bufio.NewReader(r), retry: untold} }

// next returns the next block that is an event or tells a position. The last one of a stream that breaks off is not
// returned, as it may be half of one.
func (f *frames) next() (frame, error) {
	var got frame
	var data strings.Builder
	for {
		line, err := f.readLine()
		if err != nil {
			return frame{}, err
		}
		if len(line) == 0 {
			if got.hasData || got.hasID {
				got.data = strings.TrimSuffix(data.String(), "\n")
				return got, nil
			}
			got = frame{}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		if string(name) == "data" {
			if data.Len()+len(value) > maxLine {
				return frame{}, errLong
			}
			got.hasData = true
			data.Write(value)
			data.WriteByte('\n')
			continue
		}
		f.take(&got, string(name), string(value))
	}
}

// take takes a field. What it doesn't know, as a comment is, it leaves alone.
func (f *frames) take(into *frame, name, value string) {
	switch name {
	case "event":
		into.event = value
	case "id":
		if !strings.ContainsRune(value, 0) {
			into.id, into.hasID = value, true
		}
	case "retry":
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
			f.retry = time.Duration(ms) * time.Millisecond
		}
	}
}

// readLine returns a line without its end, which is CRLF, CR or LF. It is good until the next call.
func (f *frames) readLine() ([]byte, error) {
	f.line = f.line[:0]
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			return nil, err
		}
		follows := f.afterCR
		f.afterCR = c == '\r'
		switch {
		case c == '\n' && follows:
		case c == '\n' || c == '\r':
			return f.firstLine(), nil
		case len(f.line) == maxLine:
			return nil, errLong
		default:
			f.line = append(f.line, c)
		}
	}
}

// firstLine is the line, without the byte order mark that the first may have.
func (f *frames) firstLine() []byte {
	if f.begun {
		return f.line
	}
	f.begun = true
	return bytes.TrimPrefix(f.line, []byte("\ufeff"))
}
