package sim

import (
	"cmp"
	"slices"
	"time"
)

// job is a post that the partner is busy with.
type job struct {
	order
	plan    plan
	n       int           // which post of this id
	replied chan struct{} // closed when the answer is due
	seq     int           // of its effect; 0 before
	called  int           // webhooks begun

	tell func(status string) (method string, content any) // the webhook that says a status
}

// step is something that happens to a job.
type step struct {
	after time.Duration
	take  func()
}

// register takes note of a post. mu is held.
func (p *core) register(o order) *transaction {
	t := p.transaction(o.ID)
	t.posts++
	t.webhookURL = o.WebhookURL
	p.stats.Posts++
	if t.posts > 1 {
		p.stats.Repeated++
	}
	return t
}

// start has a job happen from now on. mu is held, and the partner isn't closed.
func (p *core) start(j *job) {
	start := time.Now()
	p.work.Go(func() { p.run(j, start) })
}

// run has everything happen to a job that its plan holds, each at its time.
func (p *core) run(j *job, start time.Time) {
	for _, s := range p.steps(j) {
		if !p.sleepUntil(start.Add(p.scale(s.after))) {
			break
		}
		s.take()
	}
	if j.seq > 0 {
		for _, w := range j.plan.webhooks[j.called:] {
			p.deliver(j, w) // dropped, since the partner is closed
		}
	}
}

func (p *core) steps(j *job) []step {
	var steps []step
	if j.plan.executes {
		steps = append(steps, step{j.plan.decideAfter, func() { p.execute(j) }})
	}
	steps = append(steps, step{j.plan.replyAfter, func() { close(j.replied) }})
	for _, w := range j.plan.webhooks {
		steps = append(steps, step{w.after, func() {
			j.called++
			p.work.Go(func() { p.deliver(j, w) })
		}})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.after, b.after) })
	return steps
}

// sleepUntil reports whether that time came before the partner was closed. A time that has come gets no timer: in a
// synctest bubble under the race detector, timers that are due when first waited for crash the runtime of Go 1.26.8.
func (p *core) sleepUntil(at time.Time) bool {
	if wait := time.Until(at); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.ctx.Done():
		}
	}
	return p.ctx.Err() == nil
}

// execute makes a job an effect.
func (p *core) execute(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.transactions[j.ID]
	t.status = j.plan.status
	var err error
	j.seq, err = p.ledger.enter(Effect{ID: j.ID, Status: t.status, Post: j.n, At: time.Now().UTC()})
	if err != nil {
		p.log.Error("an effect isn't in the ledger's file", "id", j.ID, "error", err)
	}
	p.log.Info("effect", "id", j.ID, "status", t.status, "post", j.n)
}
