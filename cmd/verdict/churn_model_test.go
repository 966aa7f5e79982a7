package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// churned is what was seen of clients that come and go: all that each of their connections was told, what they confirmed
// and, at last, the record. Its violations are what doesn't fit. Nothing here knows of the gateway's code.
type churned struct {
	hearings      []hearing
	wants         []want
	confirmations []confirmation
	refusals      []refused
	record        []entry
	complaints    []string // answers that nobody should have got
}

// A way is how a client finds again what it missed.
type way string

const (
	byPosition    way = "by position"    // all verdicts, after the last it has
	byConfirming  way = "by confirming"  // all verdicts that nobody has confirmed, and those to come
	byTransaction way = "by transaction" // each on its own, until its verdict
)

// A hearing is one connection of a client.
type hearing struct {
	client, user int
	way          way
	instance     string
	transport    string    // sse or ws
	asked        time.Time // when its request was sent
	opened       time.Time // when it was answered; zero if it wasn't
	begin        int64     // the number that it begins after, as it was told; -1 if it wasn't, or if it follows single transactions
	events       []pushed
	ended        time.Time
	end          string // how; empty while it lasts
}

// pushed is an event as it came by a connection.
type pushed struct {
	at          time.Time
	id          int64
	data        string
	transaction string
	status      string
	settled     time.Time
}

func newPushed(at time.Time, id int64, data string) (pushed, error) {
	var v struct {
		ID      string
		Status  string
		Settled time.Time `json:"settled_at"`
	}
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		return pushed{}, fmt.Errorf("event %d: %w", id, err)
	}
	return pushed{at, id, data, v.ID, v.Status, v.Settled}, nil
}

func (e pushed) final() bool { return e.status != "pending" }

// A want is a transaction whose verdict a client waits for by itself.
type want struct {
	client      int
	transaction string
}

// A confirmation is a client's word that it was told a verdict.
type confirmation struct {
	user        int
	transaction string
	answered    time.Time // zero if it wasn't
}

// refused is the answer to a client that asked for another's transaction.
type refused struct {
	how, answer string
}

// An entry is a transaction on record, and what GET shows its user of it.
type entry struct {
	id        string
	user      int
	event     int64
	settled   bool
	waits     bool // neither settled nor for review
	confirmed bool
	shown     string
}
