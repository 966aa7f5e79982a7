package main

import (
	"fmt"
	"net/netip"
	"time"

	"verdict/web"
)

// pushConfig bounds the streams of an instance.
type pushConfig struct {
	Connections int           `koanf:"connections"`
	PerUser     int           `koanf:"per_user"`
	PerTenant   int           `koanf:"per_tenant"` // 0: connections
	PerAddress  int           `koanf:"per_address"`
	Handshakes  int           `koanf:"handshakes"`
	Spread      time.Duration `koanf:"spread"`
}

func (p pushConfig) validate() error {
	for _, limit := range []struct {
		name  string
		value int
		least int
	}{
		{"connections", p.Connections, 1}, {"per_user", p.PerUser, 1}, {"per_tenant", p.PerTenant, 0},
		{"per_address", p.PerAddress, 1}, {"handshakes", p.Handshakes, 1},
	} {
		if limit.value < limit.least {
			return fmt.Errorf("%s: %d; give %d or more", limit.name, limit.value, limit.least)
		}
	}
	if p.Spread < 0 || p.Spread > time.Minute {
		return fmt.Errorf("spread: %s; give 0s to 1m", p.Spread)
	}
	return nil
}

func (p pushConfig) limits() web.Limits {
	return web.Limits{
		Connections: p.Connections, PerUser: p.PerUser, PerTenant: p.PerTenant, PerAddress: p.PerAddress, Handshakes: p.Handshakes,
	}
}

// proxies are the networks whose X-Forwarded-For is believed.
func (c config) proxies() (web.Proxies, error) {
	var list web.Proxies
	for _, text := range c.Proxies {
		p, err := netip.ParsePrefix(text)
		if one, failed := netip.ParseAddr(text); failed == nil {
			p, err = netip.PrefixFrom(one, one.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("config: proxies: %q; give addresses or networks, such as 10.0.0.0/8", text)
		}
		list = append(list, p.Masked())
	}
	return list, nil
}
