package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A churnBook keeps what the clients of a churn saw and did.
type churnBook struct {
	mu            sync.Mutex
	hearings      []*hearing
	wants         []want
	confirmations []*confirmation
	refusals      []refused
	complaints    []string
	placed        []placed
	gone, back    time.Time // when the stream was lost, and when there was one again
}

// placed is a transaction that a user was told is on record.
type placed struct {
	user        int
	transaction string
}

// open notes a connection that a client is about to make.
func (b *churnBook) open(h hearing) *hearing {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.asked, h.begin = time.Now(), -1
	b.hearings = append(b.hearings, &h)
	return &h
}

func (b *churnBook) opened(h *hearing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.opened = time.Now()
}

func (b *churnBook) begins(h *hearing, after int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.begin = after
}

func (b *churnBook) hear(h *hearing, e pushed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.events = append(h.events, e)
}

// close notes how a connection ended, and returns whether that is news.
func (b *churnBook) close(h *hearing, end string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.end != "" {
		return false
	}
	h.end, h.ended = end, time.Now()
	return true
}

func (b *churnBook) want(w want) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wants = append(b.wants, w)
}

func (b *churnBook) confirming(user int, transaction string) *confirmation {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &confirmation{user: user, transaction: transaction}
	b.confirmations = append(b.confirmations, c)
	return c
}

func (b *churnBook) confirmed(c *confirmation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.answered = time.Now()
}

func (b *churnBook) refuse(how, answer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusals = append(b.refusals, refused{how, answer})
}

func (b *churnBook) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, fmt.Sprintf(format, args...))
}

// place notes a transaction, and returns whether that is news.
func (b *churnBook) place(p placed) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.placed, p) {
		return false
	}
	b.placed = append(b.placed, p)
	return true
}

// stranger returns a transaction that isn't a user's, "" if there is none yet.
func (b *churnBook) stranger(user, n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.placed {
		if p := b.placed[(n+i)%len(b.placed)]; p.user != user {
			return p.transaction
		}
	}
	return ""
}

func (b *churnBook) streamGone(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = at
}

func (b *churnBook) streamBack(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.back = at
}

// read returns what was noted so far, without the record.
func (b *churnBook) read() churned {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := churned{wants: slices.Clone(b.wants), refusals: slices.Clone(b.refusals), complaints: slices.Clone(b.complaints)}
	for _, h := range b.hearings {
		c.hearings = append(c.hearings, *h) // the events it has don't change
	}
	for _, answer := range b.confirmations {
		c.confirmations = append(c.confirmations, *answer)
	}
	return c
}
