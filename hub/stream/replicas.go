package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// usualReplicas is how many we want where nothing is said.
	usualReplicas = 3

	// raiseEvery is how often servers that keep fewer replicas than we want are asked for more.
	raiseEvery = 5 * time.Second
)

// What the server refuses with, by nats-server's errors.json.
const (
	errCodeNoPeers    jetstream.ErrorCode = 10005 // too few servers are there that have room
	errCodeNoLeader   jetstream.ErrorCode = 10008 // the servers of the cluster have elected none
	errCodeConsumer   jetstream.ErrorCode = 10012 // a consumer can't be changed so
	errCodeNoCluster  jetstream.ErrorCode = 10074 // the server is alone, by its configuration
	errCodeAllOffline jetstream.ErrorCode = 10118 // the servers that keep the stream are away
)

// noRoom is what the server says where there is no room for as many replicas: on the servers, or by the account's limits.
var noRoom = []jetstream.ErrorCode{errCodeNoCluster, errCodeNoPeers, 10002, 10023, 10028, 10047, 10120}

func refused(err error, codes ...jetstream.ErrorCode) bool {
	var refusal *jetstream.APIError
	if !errors.As(err, &refusal) {
		return false
	}
	for _, code := range codes {
		if refusal.ErrorCode == code {
			return true
		}
	}
	return false
}

// create makes a stream.
func (s *Stream) create(ctx context.Context, cfg jetstream.StreamConfig) error {
	return s.replicate(cfg, func(cfg jetstream.StreamConfig) error {
		_, err := s.link.Load().js.CreateStream(ctx, cfg)
		return err
	})
}

// bring makes a stream, or brings the one that is there up to date.
func (s *Stream) bring(ctx context.Context, cfg jetstream.StreamConfig) error {
	return s.replicate(cfg, func(cfg jetstream.StreamConfig) error {
		_, err := s.link.Load().js.CreateOrUpdateStream(ctx, cfg)
		return err
	})
}

// replicate has a stream put with as many replicas as we want, or else with as many as the servers allow.
func (s *Stream) replicate(cfg jetstream.StreamConfig, put func(jetstream.StreamConfig) error) error {
	alone := false
	for cfg.Replicas = s.replicas; ; cfg.Replicas -= 2 {
		err := put(cfg)
		alone = alone || refused(err, errCodeNoCluster)
		if alone && s.told {
			return fmt.Errorf("stream.replicas: %d; %w: give 1, or the servers of a cluster in stream.url", s.replicas, err)
		}
		if cfg.Replicas > 1 && refused(err, noRoom...) {
			continue
		}
		if err == nil && cfg.Replicas < s.replicas && !alone {
			s.log.Warn("the cluster has too few servers, or too little room, for the stream; keeping fewer replicas until there are more",
				"stream", cfg.Name, "replicas", cfg.Replicas, "want", s.replicas)
			s.short, s.asked = true, time.Now()
		}
		return err
	}
}

// raise asks for the replicas that a stream of ours lacks, now and then.
func (s *Stream) raise(ctx context.Context) {
	if !s.short || time.Since(s.asked) < raiseEvery {
		return
	}
	s.asked = time.Now()
	err := s.declare(ctx, func(ctx context.Context, cfg jetstream.StreamConfig) error {
		cfg.Replicas = s.replicas
		_, err := s.link.Load().js.UpdateStream(ctx, cfg)
		return err
	})
	if err == nil {
		s.short = false
		s.log.Info("the streams have their replicas", "replicas", s.replicas)
	}
}
