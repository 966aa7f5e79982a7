package main

import (
	"fmt"

	"verdict/web"
)

// limitsConfig bounds what apps and partners may have of an instance, streams aside.
type limitsConfig struct {
	Connections           int `koanf:"connections"`
	ConnectionsPerAddress int `koanf:"connections_per_address"` // 0: connections
	Bodies                int `koanf:"bodies"`
	PerUser               int `koanf:"per_user"`    // requests a second; 0: any
	PerTenant             int `koanf:"per_tenant"`  // requests a second; 0: any
	PerAddress            int `koanf:"per_address"` // requests a second; 0: any
}

func (l limitsConfig) validate() error {
	for _, limit := range []struct {
		name  string
		value int
		least int
	}{
		{"connections", l.Connections, 1}, {"connections_per_address", l.ConnectionsPerAddress, 0}, {"bodies", l.Bodies, 1},
		{"per_user", l.PerUser, 0}, {"per_tenant", l.PerTenant, 0}, {"per_address", l.PerAddress, 0},
	} {
		if limit.value < limit.least {
			return fmt.Errorf("%s: %d; give %d or more", limit.name, limit.value, limit.least)
		}
	}
	return nil
}

func (l limitsConfig) rates() web.Rates {
	return web.Rates{PerUser: l.PerUser, PerTenant: l.PerTenant, PerAddress: l.PerAddress, Bodies: l.Bodies}
}
