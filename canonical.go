package verdict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// maxDepth is how deeply JSON from outside may be nested.
const maxDepth = 32

// Canonical returns JSON text with sorted members and no white space, so that texts that mean the same are the same.
// Numbers stay as they were written: an amount is never rounded. It refuses what parsers disagree about (duplicate
// members, invalid UTF-8, anything after the value) and nesting deeper than 32.
func Canonical(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8; send JSON in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out bytes.Buffer
	if err := canonical(d, &out, 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value; send one")
	}
	return out.Bytes(), nil
}

func canonical(d *json.Decoder, out *bytes.Buffer, depth int) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("broken JSON: %w", syntax(err))
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return scalar(token, out)
	}
	if depth == maxDepth {
		return fmt.Errorf("nested deeper than %d; send flatter JSON", maxDepth)
	}
	if delim == '[' {
		return array(d, out, depth)
	}
	return object(d, out, depth)
}

func array(d *json.Decoder, out *bytes.Buffer, depth int) error {
	out.WriteByte('[')
	for i := 0; d.More(); i++ {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := canonical(d, out, depth+1); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return end(d)
}

func object(d *json.Decoder, out *bytes.Buffer, depth int) error {
	members := map[string][]byte{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return fmt.Errorf("broken JSON: %w", syntax(err))
		}
		member, ok := name.(string)
		if !ok {
			return errors.New("broken JSON: a member's name must be a string")
		}
		if _, taken := members[member]; taken {
			return fmt.Errorf("member %q stands twice; send each once", member)
		}
		var value bytes.Buffer
		if err := canonical(d, &value, depth+1); err != nil {
			return err
		}
		members[member] = value.Bytes()
	}
	out.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := scalar(name, out); err != nil {
			return err
		}
		out.WriteByte(':')
		out.Write(members[name])
	}
	out.WriteByte('}')
	return end(d)
}

func end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("broken JSON: %w", syntax(err))
	}
	return nil
}

func scalar(value any, out *bytes.Buffer) error {
	text, err := json.Marshal(value)
	out.Write(text)
	return err
}

// syntax names an end of input that came too early for what it is.
func syntax(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
