package hub

import (
	"hash/maphash"
	"slices"
	"sync"

	"verdict"
)

// topics finds the subscribers of a topic by its exact value. Each transaction is a topic of its own, so nothing here
// ever looks through all topics or all subscribers.
type topics struct {
	seed   maphash.Seed
	shards [64]shard
}

// shard holds the topics of one part of the hash, so that subscribers who come and go seldom wait for each other.
type shard struct {
	mu     sync.Mutex                      // guards topics; held while subscribers are told, which is what makes a cancel final
	topics map[verdict.Topic][]*subscriber // mostly one
}

type subscriber struct {
	deliver func(verdict.Event)
}

func newTopics() *topics {
	t := &topics{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].topics = map[verdict.Topic][]*subscriber{}
	}
	return t
}

func (t *topics) shard(topic verdict.Topic) *shard {
	return &t.shards[maphash.Comparable(t.seed, topic)%uint64(len(t.shards))]
}

func (t *topics) add(topic verdict.Topic, deliver func(verdict.Event)) (cancel func()) {
	s := &subscriber{deliver: deliver}
	at := t.shard(topic)
	at.mu.Lock()
	defer at.mu.Unlock()
	at.topics[topic] = append(at.topics[topic], s)
	return func() { at.remove(topic, s) }
}

func (s *shard) remove(topic verdict.Topic, gone *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(s.topics[topic], func(other *subscriber) bool { return other == gone })
	if s.topics[topic] = left; len(left) == 0 {
		delete(s.topics, topic)
	}
}

// has reports whether a topic has a subscriber.
func (t *topics) has(topic verdict.Topic) bool {
	at := t.shard(topic)
	at.mu.Lock()
	defer at.mu.Unlock()
	return len(at.topics[topic]) > 0
}

// tell calls the subscribers of a topic. Nothing follows the verdict of a transaction, so its subscribers are forgotten.
func (t *topics) tell(topic verdict.Topic, e verdict.Event) {
	at := t.shard(topic)
	at.mu.Lock()
	defer at.mu.Unlock()
	for _, s := range at.topics[topic] {
		s.deliver(e)
	}
	if topic.Transaction != "" && e.Settled {
		delete(at.topics, topic)
	}
}
