package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load has a new app submit and follow every so often, at one instance after the other and with one misfortune after the
// other. stop ends that; the apps under way go on.
func (s *scene) load(every time.Duration, at ...*instance) (stop func()) {
	ctx, cancel := context.WithCancel(s.appsCtx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ; n++ {
			o := s.orders[n%len(s.orders)]
			s.play(n, fmt.Sprintf("%s %d", o.name, n), o, at...)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// play is the life of an app: it submits, one to three times at once, and follows to the verdict. When a call fails it
// goes to the next instance, but for every third app, which is true to its own.
func (s *scene) play(n int, key string, o order, at ...*instance) {
	s.apps.Go(func() {
		ids := make([]string, 1+n%3)
		var twins sync.WaitGroup
		for i := range ids {
			twins.Go(func() { ids[i] = s.submit(key, o, n+i, at) })
		}
		twins.Wait()
		for _, id := range slices.Compact(ids) {
			if id != "" {
				s.follow(id, n, at)
			}
		}
	})
}

// submit posts until it is answered, and returns the transaction's id: "" if it is refused for good.
func (s *scene) submit(key string, o order, n int, at []*instance) string {
	for try := n; s.appsCtx.Err() == nil; try++ {
		a := &app{server: "http://" + at[try%len(at)].public, key: key, partner: o.partner, http: s.http}
		v, err := a.post(o.payload)
		var refused *problemError
		if err == nil || errors.As(err, &refused) && !refused.mayPass() {
			return v.ID
		}
		s.sleep(100 * time.Millisecond)
	}
	return ""
}

// mayPass reports whether the same request may be accepted a little later.
func (p *problemError) mayPass() bool {
	return p.Status >= 500 || p.Status == http.StatusRequestTimeout || p.Status == http.StatusTooManyRequests
}

// follow subscribes, and again when the connection breaks, until it is told the verdict, and notes what it was told.
func (s *scene) follow(id string, n int, at []*instance) {
	listen := (*app).sse
	if n%2 == 1 {
		listen = (*app).socket
	}
	told := telling{transaction: id}
	for try := n; s.appsCtx.Err() == nil; try++ {
		patience, g := 4*time.Second, at[try%len(at)]
		if n%3 == 0 {
			patience, g = time.Hour, at[n%len(at)]
		}
		ctx, cancel := context.WithTimeout(s.appsCtx, patience)
		events, _ := listen(&app{server: "http://" + g.public}, ctx, id) // a broken connection is followed by another
		cancel()
		told.connections++
		told.server = g.address
		told.resumed = told.resumed || len(told.events) > 0 && len(events) > 0
		told.events = append(told.events, events...)
		if k := len(told.events); k > 0 && told.events[k-1].view.Status != "pending" {
			break
		}
		s.sleep(200 * time.Millisecond)
	}
	note(s.log, &s.log.tellings, told)
}

// sleep is the patience of an app.
func (s *scene) sleep(d time.Duration) {
	select {
	case <-s.appsCtx.Done():
	case <-time.After(d):
	}
}

// comeBack subscribes once to each settled transaction at each instance.
func (s *scene) comeBack(rows []diskRow) {
	var clients sync.WaitGroup
	room := make(chan struct{}, 16)
	for n, r := range rows {
		for _, g := range s.instances {
			if r.stage != "settled" {
				continue
			}
			room <- struct{}{}
			clients.Go(func() {
				defer func() { <-room }()
				s.visit(r.id, n, g)
			})
		}
	}
	clients.Wait()
}

func (s *scene) visit(id string, n int, g *instance) {
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	listen := (*app).sse
	if n%2 == 1 {
		listen = (*app).socket
	}
	events, _ := listen(&app{server: "http://" + g.address}, ctx, id) // what is missing is seen in the log
	note(s.log, &s.log.tellings, telling{server: g.address, transaction: id, connections: 1, events: events})
}
