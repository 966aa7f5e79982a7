package main

import (
	"strconv"

	"verdict"
)

// subscribers: whoever stayed or came back was told the verdict (I9), in the same bytes as everybody (I10), and of
// nothing but what was asked for (I11).
func (c *inspector) subscribers() {
	bytesOf := map[string]string{}
	for _, s := range c.listeners {
		ended := map[string]bool{}
		for _, h := range s.events {
			about := []string{h.view.ID, s.name}
			if s.id != "" && h.view.ID != s.id {
				c.report("I11", about, "%s was told of %s", s.name, h.view.ID)
			}
			if of := c.known[h.view.ID].Tenant; of != s.tenant {
				c.report("I11", about, "%s of %s was told of %s, which is of %q", s.name, s.tenant, h.view.ID, of)
			}
			if data, ok := bytesOf[h.id]; ok && h.id != "" && data != h.data {
				c.report("I10", about, "event %s came as %s and as %s", h.id, data, h.data)
			}
			if ended[h.view.ID] && h.view.Status == verdict.Pending {
				c.report("I10", about, "%s was told that %s is pending after its verdict", s.name, h.view.ID)
			}
			ended[h.view.ID] = ended[h.view.ID] || h.view.Status != verdict.Pending
			bytesOf[h.id] = h.data
		}
		c.informed(s, ended)
	}
}

// informed: a subscriber to one transaction knows its verdict; one to all knows each that came after its first position, until apps left.
func (c *inspector) informed(s *subscriber, ended map[string]bool) {
	if s.id != "" {
		if c.known[s.id].Settled() && !ended[s.id] {
			c.report("I9", []string{s.id, s.name}, "%s was never told the verdict of %s", s.name, s.id)
		}
		return
	}
	origin, err := strconv.ParseInt(s.origin, 10, 64)
	if err != nil {
		return // never connected
	}
	for _, t := range c.known {
		if t.Settled() && t.Tenant == s.tenant && t.SettledAt.Before(c.u.parted) && t.EventID > origin && !ended[t.ID] {
			c.report("I9", []string{t.ID, s.name}, "%s follows all after event %d and was never told event %d of %s", s.name, origin, t.EventID, t.ID)
		}
	}
}

// noFlip: nobody ever saw a status that a terminal one had gone before, or two terminal ones (I5).
func (c *inspector) noFlip() {
	terminal := map[string]verdict.View{}
	see := func(v verdict.View, by string) {
		if v.Status == verdict.Pending {
			return
		}
		first, ok := terminal[v.ID]
		if ok && (first.Status != v.Status || first.Version != v.Version) {
			c.report("I5", []string{v.ID}, "%s was %s at version %d and %s at %d, %s", v.ID, first.Status, first.Version, v.Status, v.Version, by)
		}
		terminal[v.ID] = v
	}
	for _, m := range c.commits {
		see(m.t.View(), "on record")
	}
	for _, t := range c.known {
		see(t.View(), "in the end")
	}
	for _, s := range c.listeners {
		for _, h := range s.events {
			see(h.view, "as told to "+s.name)
		}
	}
	for _, a := range c.answers {
		c.pendingAfterTerminal(a)
		if a.status < 300 && a.view.Version > 0 {
			see(a.view, "as answered")
		}
	}
}

// pendingAfterTerminal: a repeat that began after the verdict was on record is answered with it.
func (c *inspector) pendingAfterTerminal(a answer) {
	if a.status >= 300 {
		return
	}
	t, ok := c.asOf(a.view.ID, a.asked)
	if ok && t.Settled() && a.view.Status != t.Status {
		c.report("I5", []string{a.view.ID, a.key}, "%s was %s and a repeat was answered %s", a.view.ID, t.Status, a.view.Status)
	}
}
