package main

import (
	"cmp"
	"time"
)

// variant is a system with a change: one that the checker must see, or another design to compare with. The zero value
// is the system as it is.
type variant struct {
	name     string
	wrapper  func(l *life, p parts) parts // around the ports that fail as the seed has it
	keys     int                          // transactions in a universe; 0: the seed says
	crashing int                          // crashes in a thousand moments at which one is possible; 0: as ever
	patience time.Duration                // bounds convergence; 0: healFor
}

func (v variant) wrap(l *life, p parts) parts {
	if v.wrapper == nil {
		return p
	}
	return v.wrapper(l, p)
}

func (v variant) crashes(usual int) int { return cmp.Or(v.crashing, usual) }
