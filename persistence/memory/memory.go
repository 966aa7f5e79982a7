// Package memory keeps the record in memory, for tests and trials. It is not durable: everything is gone when the process
// ends, and it never forgets anything before. Apart from that it does what every store does.
package memory

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"verdict"
)

// Store is a verdict.Store in memory.
type Store struct {
	mu           sync.Mutex // guards all below
	transactions map[string]verdict.Transaction
	scopes       map[verdict.Scope]string // to the id; only those whose key is held
	outbox       map[string]step
	partners     map[string]verdict.Partner
	evidence     map[string][]piece
	pieces       int64             // of evidence, stored so far
	parked       []verdict.Webhook // in the order in which they came
	endpoints    map[string]endpoint
	notices      []verdict.Notice // in the order of their numbers, from 1
	spent        map[string]bool  // by name
	released     int64            // the event id of the last verdict whose key was released
	event        int64            // the greatest event id given so far
	secret       []byte
	closed       bool
}

var (
	_ verdict.Restorable = (*Store)(nil)
	_ verdict.Forgetter  = (*Store)(nil)
)

var (
	// ErrClosed is what calls after Close return.
	ErrClosed = errors.New("the store is closed")

	// errIDTaken: the id of a new transaction belongs to one of another scope, which new UUIDs never do.
	errIDTaken = errors.New("the id belongs to a transaction of another scope")
)

// New returns an empty store.
func New() *Store {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	return &Store{
		transactions: map[string]verdict.Transaction{},
		scopes:       map[verdict.Scope]string{},
		outbox:       map[string]step{},
		partners:     map[string]verdict.Partner{},
		evidence:     map[string][]piece{},
		endpoints:    map[string]endpoint{},
		spent:        map[string]bool{},
		secret:       secret,
	}
}

// Close implements verdict.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// enter begins a call, which has the store to itself until leave.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.mu.Unlock() }

// LastEventID implements verdict.Store.
func (s *Store) LastEventID(ctx context.Context) (int64, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	return s.event, nil
}

// Secret implements verdict.Store.
func (s *Store) Secret(ctx context.Context) ([]byte, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	return slices.Clone(s.secret), nil
}

// plain returns t in UTC, without the monotonic clock, as it would come back from a disk.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }
