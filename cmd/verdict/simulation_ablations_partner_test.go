package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"verdict"
)

// ablatedProvider is an adapter whose Submit is replaced, or what it says of its partner's ways.
type ablatedProvider struct {
	verdict.Provider
	partner string
	submit  func(context.Context, verdict.Submission) (verdict.Answer, error)
	traits  verdict.Traits
}

func (p *ablatedProvider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	return p.submit(ctx, s)
}

func (p *ablatedProvider) Traits() verdict.Traits { return p.traits }

func providerVariant(name string, change func(p *ablatedProvider)) variant {
	return variant{name: name, wrapper: func(_ *life, ports parts) parts {
		changed := map[string]verdict.Provider{}
		for name, p := range ports.providers {
			a := &ablatedProvider{Provider: p, partner: name, submit: p.Submit, traits: p.Traits()}
			change(a)
			changed[name] = a
		}
		ports.providers = changed
		return ports
	}}
}

func TestSimulationSeesASubmitSentAgainAfterSilence(t *testing.T) {
	seen(t, providerVariant("sent again", func(p *ablatedProvider) {
		p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
			a, err := p.Provider.Submit(ctx, s)
			if errors.Is(err, verdict.ErrUncertain) {
				s.Deadline = time.Now().Add(verdict.MarkerTTL)
				return p.Provider.Submit(ctx, s)
			}
			return a, err
		}
	}), "I3")
}

func TestSimulationSeesSilenceTakenForFailure(t *testing.T) {
	seen(t, providerVariant("a 504 is a failure", func(p *ablatedProvider) {
		p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
			a, err := p.Provider.Submit(ctx, s)
			if errors.Is(err, verdict.ErrUncertain) {
				return verdict.Answer{Outcome: verdict.OutcomeFailed, Reason: "timeout"}, nil
			}
			return a, err
		}
	}), "I4")
}

func TestSimulationSeesAnotherReferenceWhenItIsSentAgain(t *testing.T) {
	seen(t, providerVariant("a new reference for each send", func(p *ablatedProvider) {
		p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
			a, err := p.Provider.Submit(ctx, s)
			if p.partner == "momo" && errors.Is(err, verdict.ErrUncertain) {
				s.Reference = s.Reference[:len(s.Reference)-12] + "000000000000"
				s.Deadline = time.Now().Add(verdict.MarkerTTL)
				return p.Provider.Submit(ctx, s)
			}
			return a, err
		}
	}), "I3")
}

func TestSimulationSeesAWebhookThatSettlesUnproven(t *testing.T) {
	seen(t, providerVariant("every webhook settles", func(p *ablatedProvider) { p.traits.WebhookSettles = true }), "I4")
}

func TestSimulationSeesNotFoundTakenForFailure(t *testing.T) {
	seen(t, providerVariant("nothing is sent again", func(p *ablatedProvider) { p.traits.Deduplicates = false }), "I4")
}
