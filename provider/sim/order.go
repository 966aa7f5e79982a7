package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"verdict"
)

// order is what a client posts. Other members are the app's and don't matter here.
type order struct {
	ID         string
	WebhookURL string
	Simulate   simulate
}

// simulate is what a post tells the partner to do, see the package's comment. What is empty is drawn.
type simulate struct {
	Status       string
	Reply        string
	ReplyAfter   *delay
	Settles      *bool
	SettlesAfter *delay
	Webhook      string
	WebhookAfter *delay
}

// delay is a duration that a request tells.
type delay time.Duration

// maxID bounds an id, in bytes.
const maxID = 255

// maxDelay bounds what can be told, and with it how long a post is kept.
const maxDelay = time.Hour

// or returns what was told, a little later, or what was drawn.
func (d *delay) or(drawn, jitter time.Duration) time.Duration {
	if d == nil {
		return drawn
	}
	return time.Duration(*d) + jitter
}

// readOrder reads the body of a post. Its errors are for the client.
func readOrder(body []byte) (order, error) {
	var o order
	text, err := verdict.Canonical(body)
	if err != nil {
		return o, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return o, errors.New("send a JSON object")
	}
	if err := json.Unmarshal(members["id"], &o.ID); err != nil || o.ID == "" || len(o.ID) > maxID {
		return o, fmt.Errorf(`id: give a string of 1 to %d bytes, such as "152399-536694"`, maxID)
	}
	if url, ok := members["webhookUrl"]; ok && json.Unmarshal(url, &o.WebhookURL) != nil {
		return o, errors.New("webhookUrl: give a string")
	}
	if told, ok := members["simulate"]; ok {
		o.Simulate, err = readSimulate(told, replyOK, replyTimeout, replyLost, replyRefused)
	}
	if s := o.Simulate; s.Reply != "" && s.Reply != replyTimeout && (s.Settles != nil || s.SettlesAfter != nil) {
		return o, errors.New(`simulate: settles and settles_after go with the reply "timeout"`)
	}
	return o, err
}

// readSimulate reads an override strictly: a test whose wish isn't understood must hear of it. The replies are those that
// the partner can give.
func readSimulate(text []byte, replies ...string) (simulate, error) {
	var s simulate
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return s, errors.New("simulate: give a JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := s.set(name, members[name], replies); err != nil {
			return simulate{}, fmt.Errorf("simulate.%s: %w", name, err)
		}
	}
	without := s.Reply == replyRefused || s.Reply == replyRejected || s.Settles != nil && !*s.Settles
	if without && s.Webhook != "" && s.Webhook != webhookNone {
		return simulate{}, errors.New("simulate: a webhook tells of an effect, and there is to be none")
	}
	return s, nil
}

func (s *simulate) set(name string, value []byte, replies []string) (err error) {
	switch name {
	case "status":
		s.Status, err = oneOf(value, completed, declined)
	case "reply":
		s.Reply, err = oneOf(value, replies...)
	case "reply_after":
		s.ReplyAfter, err = readDelay(value)
	case "settles":
		s.Settles, err = readBool(value)
	case "settles_after":
		s.SettlesAfter, err = readDelay(value)
	case "webhook":
		s.Webhook, err = oneOf(value, webhookNone, webhookOnce, webhookTwice, webhookEarly, webhookContradict)
	case "webhook_after":
		s.WebhookAfter, err = readDelay(value)
	default:
		err = errors.New("unknown; give status, reply, reply_after, settles, settles_after, webhook or webhook_after")
	}
	return err
}

func oneOf(value []byte, words ...string) (string, error) {
	var word string
	if json.Unmarshal(value, &word) != nil || !slices.Contains(words, word) {
		return "", errors.New("give one of " + strings.Join(words, ", "))
	}
	return word, nil
}

func readDelay(value []byte) (*delay, error) {
	var text string
	if json.Unmarshal(value, &text) == nil {
		if d, err := time.ParseDuration(text); err == nil && d >= 0 && d <= maxDelay {
			return (*delay)(&d), nil
		}
	}
	return nil, errors.New(`give a duration from 0s to 1h, such as "15s"`)
}

func readBool(value []byte) (*bool, error) {
	switch string(value) {
	case "true", "false":
		yes := string(value) == "true"
		return &yes, nil
	}
	return nil, errors.New("give true or false")
}
