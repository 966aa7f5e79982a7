package verdict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	if !json.Valid(text) {
		return nil, fmt.Errorf("broken JSON, or more than one value: %w", json.Unmarshal(text, new(json.RawMessage)))
	}
	c := canon{text: text, out: make([]byte, 0, len(text)), members: make([]member, 0, 8)} // most payloads have no more
	if err := c.value(0); err != nil {
		return nil, err
	}
	return c.out, nil
}

// canon writes the canonical form of text that is known to be JSON. Each request comes through here, and each answer of a
// partner: by tokens of encoding/json it takes five times as long (BenchmarkCanonical).
type canon struct {
	text    []byte // what is left to be read
	out     []byte
	members []member // of the objects that are being read, those of the outermost first
}

// A member is one of an object. It stands in out, with its name.
type member struct {
	name     []byte // as it is meant
	from, to int
}

func (c *canon) value(depth int) error {
	first := c.peek()
	if depth == maxDepth && (first == '{' || first == '[') {
		return fmt.Errorf("nested deeper than %d; send flatter JSON", maxDepth)
	}
	switch first {
	case '{':
		return c.object(depth)
	case '[':
		return c.array(depth)
	case '"':
		c.word()
	default: // a number, or true, false or null
		length := bytes.IndexAny(c.text, ",]} \t\r\n")
		if length < 0 {
			length = len(c.text)
		}
		c.out = append(c.out, c.text[:length]...)
		c.text = c.text[length:]
	}
	return nil
}

// peek returns the first byte that isn't white space, without taking it.
func (c *canon) peek() byte {
	for c.text[0] <= ' ' {
		c.text = c.text[1:]
	}
	return c.text[0]
}

// take takes a byte that is there and writes it.
func (c *canon) take() {
	c.peek()
	c.out = append(c.out, c.text[0])
	c.text = c.text[1:]
}

func (c *canon) array(depth int) error {
	c.take()
	for c.peek() != ']' {
		if c.text[0] == ',' {
			c.take()
		}
		if err := c.value(depth + 1); err != nil {
			return err
		}
	}
	c.take()
	return nil
}

func (c *canon) object(depth int) error {
	c.take()
	begin, outer := len(c.out), len(c.members)
	for c.peek() != '}' {
		if c.text[0] == ',' {
			c.take()
			c.peek()
		}
		from := len(c.out)
		name := c.word()
		c.take() // the colon
		if err := c.value(depth + 1); err != nil {
			return err
		}
		c.members = append(c.members, member{name, from, len(c.out)})
	}
	if err := c.sort(begin, c.members[outer:]); err != nil {
		return err
	}
	c.members = c.members[:outer]
	c.take()
	return nil
}

// sort puts the members that stand in out from begin on, with commas between them, in the order of their names.
func (c *canon) sort(begin int, members []member) error {
	byName := func(a, b member) int { return bytes.Compare(a.name, b.name) }
	inOrder := slices.IsSortedFunc(members, byName)
	if !inOrder {
		slices.SortFunc(members, byName)
	}
	for i := 1; i < len(members); i++ {
		if name := members[i].name; bytes.Equal(name, members[i-1].name) {
			return fmt.Errorf("member %q stands twice; send each once", name)
		}
	}
	if inOrder {
		return nil
	}
	unsorted := slices.Clone(c.out[begin:])
	c.out = c.out[:begin]
	for i, m := range members {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, unsorted[m.from-begin:m.to-begin]...)
	}
	return nil
}

// word takes a string, writes it as encoding/json does, and returns what it means.
func (c *canon) word() []byte {
	plain, end := true, 1
	for ; c.text[end] != '"'; end++ {
		switch c.text[end] {
		case '\\':
			plain = false
			end++
		case '<', '>', '&', 0xE2: // the last begins the line separators of Unicode, among others
			plain = false
		}
	}
	written := c.text[:end+1]
	c.text = c.text[end+1:]
	if plain {
		c.out = append(c.out, written...)
		return written[1:end]
	}
	var meaning string
	_ = json.Unmarshal(written, &meaning) // it is a string
	c.out = append(c.out, encoded(meaning)...)
	return []byte(meaning)
}
